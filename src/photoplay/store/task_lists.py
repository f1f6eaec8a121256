"""Many tasks of one account at once: a page of a list, and what changed lately."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, cast
from uuid import UUID

from photoplay.domain.tasks import AccountId, KeyId, State, Task, TaskId
from photoplay.store.database import fetch
from photoplay.store.tasks import from_row

if TYPE_CHECKING:
    from photoplay.store.database import Connection

__all__ = ["CHANGES_MAX", "Cursor", "Filters", "find_keys", "read_page", "read_since"]

# More than an account may have unfinished, by default, and what ends within seconds.
CHANGES_MAX: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """The last task of a page; the next one begins behind it, whatever was created meanwhile."""

    created_at: datetime
    id: TaskId


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a list is for; None for all."""

    states: Sequence[State] | None = None
    model: str | None = None
    key_ids: Sequence[KeyId] | None = None
    reference: str | None = None
    after: datetime | None = None
    """Created then or later."""
    before: datetime | None = None
    """Created earlier than that."""


async def read_page(
    connection: "Connection", account_id: AccountId, filters: Filters, *, cursor: Cursor | None, limit: int
) -> list[Task]:
    """Return the account's tasks that fit, newest first. Inside a transaction."""
    # A plan for any values would have to read all of the account's tasks.
    await connection.execute("set local plan_cache_mode = force_custom_plan")
    given = {
        "account_id": account_id,
        "model": filters.model,
        "key_ids": filters.key_ids,
        "reference": filters.reference,
        "after": filters.after,
        "before": filters.before,
        "cursor_at": cursor and cursor.created_at,
        "cursor_id": cursor and cursor.id,
        "limit": limit,
    }
    if filters.states is None:
        rows = await fetch(connection, "task_lists_page", **given)
    else:
        rows = await fetch(connection, "task_lists_page_in_states", **given, states=[s.value for s in filters.states])
    return [from_row(row) for row in rows]


async def find_keys(connection: "Connection", account_id: AccountId, *, id: UUID | None, prefix: str) -> list[KeyId]:
    """Return the account's keys of this id or of this prefix, as lists show it."""
    rows = await fetch(connection, "keys_matching", account_id=account_id, id=id, prefix=prefix)
    return [KeyId(cast("UUID", row["id"])) for row in rows]


async def read_since(
    connection: "Connection", account_id: AccountId, *, since: datetime, ended_since: datetime
) -> list[Task]:
    """Return the account's tasks that changed or ended since, oldest change first, CHANGES_MAX at most."""
    rows = await fetch(
        connection,
        "task_lists_since",
        account_id=account_id,
        since=since,
        ended_since=ended_since,
        limit=CHANGES_MAX,
    )
    return [from_row(row) for row in rows]

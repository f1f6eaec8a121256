"""List an account's tasks, page by page."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import UUID

from photoplay.domain.tasks import Task
from photoplay.flows.query import count_query
from photoplay.store import task_lists
from photoplay.store.accounts import Caller
from photoplay.store.task_lists import Cursor, Filters

if TYPE_CHECKING:
    from photoplay.flows.parts import ApiParts

__all__ = ["KeyName", "Page", "list_tasks"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyName:
    """How a caller names one of its keys."""

    id: UUID | None
    prefix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    tasks: tuple[Task, ...]
    """Newest first."""
    next: Cursor | None
    """Where the next page begins; None after the last."""


async def list_tasks(
    filters: Filters, *, key: KeyName | None, cursor: Cursor | None, limit: int, caller: Caller, parts: "ApiParts"
) -> Page:
    """Return the caller's tasks that fit. Raises: RateLimited."""
    async with parts.db.connection() as connection:
        # By itself: a query counts although what follows may fail.
        await count_query(connection, caller)
        async with connection.transaction(readonly=True):
            if key is not None:
                ids = await task_lists.find_keys(connection, caller.account_id, id=key.id, prefix=key.prefix)
                filters = replace(filters, key_ids=ids)
            # One more than asked for, to see whether there is a next page.
            found = await task_lists.read_page(connection, caller.account_id, filters, cursor=cursor, limit=limit + 1)
    shown = tuple(found[:limit])
    rest = Cursor(created_at=shown[-1].created_at, id=shown[-1].id) if len(found) > limit else None
    return Page(tasks=shown, next=rest)

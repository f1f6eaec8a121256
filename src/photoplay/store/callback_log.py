"""What an account may know of its callbacks: where each stands, and what each attempt brought."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast
from uuid import UUID

from photoplay.domain.tasks import AccountId, TaskId
from photoplay.store import signals
from photoplay.store.callbacks import DUE
from photoplay.store.database import Row, fetch, fetch_value

if TYPE_CHECKING:
    from photoplay.store.database import Connection

__all__ = ["Attempt", "Beginning", "LoggedCallback", "bodies", "generating_since", "read", "read_clock", "resend"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One delivery as it was logged."""

    number: int
    started_at: datetime
    duration_ms: int | None
    """None while it is under way, and for ever when its worker died before it wrote what came back."""
    status: int | None
    error: str | None
    answer_head: bytes
    answer_bytes: int
    next_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedCallback:
    id: str
    task_id: TaskId
    event: str
    url: str
    state: str
    """pending, delivered, gone or exhausted."""
    is_under_way: bool
    next_at: datetime | None
    created_at: datetime
    concluded_at: datetime | None
    attempts: Sequence[Attempt]


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """A callback that says that a task generates."""

    id: str
    at: datetime
    task_id: TaskId
    body: bytes


async def read(
    connection: "Connection",
    account_id: AccountId,
    *,
    task_id: TaskId | None,
    states: Sequence[str] | None,
    count_max: int,
) -> list[LoggedCallback]:
    """Return the account's callbacks with their attempts, the latest first; None stands for every task or state."""
    values = {"task_id": task_id, "states": states, "count_max": count_max}
    rows = await fetch(connection, "callbacks_list", account_id=account_id, **values)
    attempts: defaultdict[str, list[Attempt]] = defaultdict(list)
    for row in await fetch(connection, "deliveries_list", callback_ids=[row["id"] for row in rows]):
        attempts[str(row["callback_id"])].append(_attempt(row))
    return [_logged(row, attempts[str(row["id"])]) for row in rows]


async def resend(
    connection: "Connection", account_id: AccountId, *, task_id: TaskId | None, failed_since: datetime | None
) -> int:
    """Make callbacks due again with a new schedule, same id and bytes; return how many. In a transaction.

    Those of the task, or those given up since then; one that is under way now is left as it is.
    """
    chosen = {"account_id": account_id, "task_id": task_id, "failed_since": failed_since}
    hosts = [str(row["host"]) for row in await fetch(connection, "callbacks_resendable_hosts", **chosen)]
    for host in hosts:
        # The receivers' rows first, as whoever makes a callback due does.
        await _expect(connection, account_id, host)
    resent = await fetch(connection, "callbacks_resend", **chosen, hosts=hosts)
    await signals.send(connection, DUE)
    return len(resent)


async def _expect(connection: "Connection", account_id: AccountId, host: str) -> None:
    await fetch(connection, "receivers_expect", account_id=account_id, host=host, delay=timedelta())
    await fetch(connection, "receivers_forgive", account_id=account_id, host=host)


async def bodies(connection: "Connection", ids: Sequence[str]) -> dict[str, bytes]:
    """Return the bytes of those of these callbacks that were promised to somebody."""
    return {str(row["id"]): bytes(row["body"]) for row in await fetch(connection, "callbacks_bodies", ids=ids)}


async def generating_since(
    connection: "Connection", account_id: AccountId, *, after: datetime, after_id: str, count_max: int
) -> list[Beginning]:
    """Return which tasks began to generate whose callers wanted to know, in order."""
    values = {"after": after, "after_id": after_id, "count_max": count_max}
    return [
        Beginning(
            id=str(row["id"]),
            at=cast("datetime", row["created_at"]),
            task_id=TaskId(cast("UUID", row["task_id"])),
            body=bytes(row["body"]),
        )
        for row in await fetch(connection, "callbacks_generating_since", account_id=account_id, **values)
    ]


async def read_clock(connection: "Connection") -> datetime:
    """Return the database's time, which is the one that rows carry."""
    return cast("datetime", await fetch_value(connection, "clock_read"))


def _attempt(row: Row) -> Attempt:
    return Attempt(
        number=int(row["attempt"]),
        started_at=cast("datetime", row["started_at"]),
        duration_ms=cast("int | None", row["duration_ms"]),
        status=cast("int | None", row["status"]),
        error=cast("str | None", row["error"]),
        answer_head=bytes(row["answer_head"]),
        answer_bytes=int(row["answer_bytes"]),
        next_at=cast("datetime | None", row["next_at"]),
    )


def _logged(row: Row, attempts: Sequence[Attempt]) -> LoggedCallback:
    is_under_way = bool(row["is_under_way"])
    return LoggedCallback(
        id=str(row["id"]),
        task_id=TaskId(cast("UUID", row["task_id"])),
        event=str(row["event"]),
        url=str(row["url"]),
        state=str(row["state"]),
        is_under_way=is_under_way,
        next_at=cast("datetime", row["next_at"]) if row["state"] == "pending" and not is_under_way else None,
        created_at=cast("datetime", row["created_at"]),
        concluded_at=cast("datetime | None", row["concluded_at"]),
        attempts=attempts,
    )

"""Callbacks and the log of their deliveries."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast
from uuid import UUID

from photoplay.domain.callbacks import Secret
from photoplay.domain.tasks import TaskId
from photoplay.store.database import fetch, fetch_row

if TYPE_CHECKING:
    from photoplay.domain.tasks import Task
    from photoplay.store.database import Connection

__all__ = ["Callback", "Delivery", "claim", "conclude", "insert", "log", "pending_without_job"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """One promise to tell, claimed for one delivery."""

    id: str
    task_id: TaskId
    url: str
    body: bytes
    """The same bytes on every attempt."""
    attempt: int
    """1 for the first delivery."""
    secret: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What one attempt brought."""

    callback_id: str
    attempt: int
    started_at: datetime
    duration: timedelta
    status: int | None
    """None when no answer came; then `error` says why."""
    error: str | None
    answer_head: bytes


async def insert(connection: "Connection", task: "Task", *, id: str, body: bytes, delay: timedelta) -> None:
    """Promise to tell, no sooner than `delay` from now."""
    await fetch(
        connection,
        "callbacks_insert",
        id=id,
        task_id=task.id,
        account_id=task.account_id,
        url=task.callback_url,
        body=body,
        delay=delay,
    )


async def claim(connection: "Connection", callback_id: str, *, lease: timedelta) -> Callback | None:
    """Take a pending callback for one delivery, or return None if it is not due or another worker has it."""
    row = await fetch_row(connection, "callbacks_claim", id=callback_id, lease=lease)
    if row is None:
        return None
    return Callback(
        id=str(row["id"]),
        task_id=TaskId(cast("UUID", row["task_id"])),
        url=str(row["url"]),
        body=bytes(row["body"]),
        attempt=int(row["attempt"]),
        secret=Secret(str(row["callback_secret"])),
    )


async def log(connection: "Connection", delivery: Delivery) -> None:
    await fetch(
        connection,
        "deliveries_insert",
        callback_id=delivery.callback_id,
        attempt=delivery.attempt,
        started_at=delivery.started_at,
        duration_ms=round(delivery.duration / timedelta(milliseconds=1)),
        status=delivery.status,
        error=delivery.error,
        answer_head=delivery.answer_head,
    )


async def conclude(connection: "Connection", callback: Callback, *, state: str, delay: timedelta = timedelta()) -> None:
    """Write where the callback stands after a delivery; the claim ends."""
    await fetch(connection, "callbacks_conclude", id=callback.id, attempt=callback.attempt, state=state, delay=delay)


async def pending_without_job(connection: "Connection", *, older_than: timedelta) -> list[tuple[str, int]]:
    """Return due callbacks that no queue entry will wake, with their attempts so far."""
    rows = await fetch(connection, "callbacks_pending_without_job", older_than=older_than)
    return [(str(row["id"]), int(row["attempt"])) for row in rows]

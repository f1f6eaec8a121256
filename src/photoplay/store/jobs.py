"""Hands jobs to PgQueuer inside the caller's transaction. The one module that knows its tables."""

from datetime import timedelta
from typing import TYPE_CHECKING, Final, cast

from pgqueuer import AsyncpgDriver, Queries

from photoplay.domain.tasks import TaskId

if TYPE_CHECKING:
    import asyncpg

    from photoplay.store.database import Connection

__all__ = ["DELIVER", "GENERATE", "enqueue_delivery", "enqueue_generation"]

GENERATE: Final = "generate"
DELIVER: Final = "deliver"


async def enqueue_generation(
    connection: "Connection", task_id: TaskId, *, attempt: int, delay: timedelta = timedelta()
) -> None:
    """Queue the attempt after `attempt`. A second job for the same attempt is not made."""
    await _enqueue(connection, GENERATE, task_id.hex, attempt=attempt, delay=delay)


async def enqueue_delivery(
    connection: "Connection", callback_id: str, *, attempt: int, delay: timedelta = timedelta()
) -> None:
    """Queue the delivery after `attempt`. A second job for the same attempt is not made."""
    await _enqueue(connection, DELIVER, callback_id, attempt=attempt, delay=delay)


async def _enqueue(connection: "Connection", entrypoint: str, subject: str, *, attempt: int, delay: timedelta) -> None:
    await Queries(AsyncpgDriver(cast("asyncpg.Connection[asyncpg.Record]", connection))).enqueue(
        entrypoint,
        subject.encode(),
        execute_after=delay,
        dedupe_key=f"{subject}:{attempt}",
        on_conflict="skip",
    )

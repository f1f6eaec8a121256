"""Hands jobs to PgQueuer inside the caller's transaction. The one module that knows its tables."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, cast

from pgqueuer import AsyncpgDriver, Queries

from photoplay.domain.tasks import TaskId

if TYPE_CHECKING:
    import asyncpg

    from photoplay.store.database import Connection

__all__ = ["WakeUp", "enqueue_generation", "generation_queue", "wake"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WakeUp:
    """Tells a worker that one more task of an engine waits; which one goes first is decided at the claim."""

    task_id: TaskId
    engine: str
    attempt: int
    """Attempts so far. A second wake-up for the same attempt is not made."""
    delay: timedelta = timedelta()


def generation_queue(engine: str) -> str:
    """Return the name of the queue that wakes the workers of an engine."""
    return f"generate-{engine}"


async def enqueue_generation(connection: "Connection", *wake_ups: WakeUp) -> None:
    await _queries(connection).enqueue(
        [generation_queue(wake_up.engine) for wake_up in wake_ups],
        [wake_up.task_id.hex.encode() for wake_up in wake_ups],
        [0] * len(wake_ups),
        [wake_up.delay for wake_up in wake_ups],
        dedupe_key=[f"{wake_up.task_id.hex}:{wake_up.attempt}" for wake_up in wake_ups],
        on_conflict="skip",
    )


async def wake(connection: "Connection", engine: str, *, delay: timedelta = timedelta()) -> None:
    """Wake a worker of this engine, whatever waits for it then."""
    await _queries(connection).enqueue(generation_queue(engine), engine.encode(), 0, delay)


def _queries(connection: "Connection") -> Queries:
    return Queries(AsyncpgDriver(cast("asyncpg.Connection[asyncpg.Record]", connection)))

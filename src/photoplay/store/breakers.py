"""Rows about engines that workers leave alone, for operators to read. No worker decides by them."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, cast
from uuid import UUID

from photoplay.domain.breaker import BreakerState
from photoplay.store.database import fetch

if TYPE_CHECKING:
    from photoplay.store.database import Connection

__all__ = ["Told", "forget", "list_all", "tell"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one worker said last of an engine that is not well."""

    worker_id: UUID
    engine: str
    state: BreakerState
    failed_tasks: int
    error: str
    """Why the last attempt failed."""
    retry_at: datetime


async def tell(connection: "Connection", told: Told) -> None:
    await fetch(
        connection,
        "breakers_tell",
        worker_id=told.worker_id,
        engine=told.engine,
        state=told.state.value,
        failed_tasks=told.failed_tasks,
        error=told.error,
        retry_at=told.retry_at,
    )


async def forget(connection: "Connection", *, worker_id: UUID, engine: str) -> None:
    """The engine answers this worker again."""
    await fetch(connection, "breakers_forget", worker_id=worker_id, engine=engine)


async def list_all(connection: "Connection") -> list[Told]:
    """Return what was told within the last hour, by engine."""
    return [
        Told(
            worker_id=cast("UUID", row["worker_id"]),
            engine=str(row["engine"]),
            state=BreakerState(row["state"]),
            failed_tasks=int(row["failed_tasks"]),
            error=str(row["error"]),
            retry_at=cast("datetime", row["retry_at"]),
        )
        for row in await fetch(connection, "breakers_list")
    ]

"""How long runs took, by engine, model and size; and what lies before a task, counted in such times."""

from datetime import timedelta
from typing import TYPE_CHECKING, cast

from photoplay.domain.tasks import Task
from photoplay.domain.waiting import QUEUE_POSITION_MAX, Outlook
from photoplay.store.database import fetch, fetch_row, fetch_value

if TYPE_CHECKING:
    from photoplay.store.database import Connection

__all__ = ["learn", "look_ahead", "read"]


async def learn(connection: "Connection", task: Task) -> None:
    """Count the run of a task that has succeeded. Where somebody else is counting right now, this one is left out."""
    assert task.finished_at is not None, "it has succeeded"
    assert task.generating_at is not None, "and was made"
    seconds = (task.finished_at - task.generating_at).total_seconds()
    await fetch(
        connection, "run_times_learn", engine=task.engine, model=task.model, size=task.size, seconds=max(0.0, seconds)
    )


async def read(connection: "Connection", task: Task) -> timedelta | None:
    """Return how long a run like this task's takes; None before any was measured."""
    seconds = await fetch_value(connection, "run_times_read", engine=task.engine, model=task.model, size=task.size)
    return _time(seconds)


async def look_ahead(connection: "Connection", task: Task) -> Outlook:
    """Return what lies before a waiting task. Work that was never measured counts like the task's own."""
    row = await fetch_row(
        connection,
        "run_times_look_ahead",
        account_id=task.account_id,
        engine=task.engine,
        model=task.model,
        size=task.size,
        priority=task.priority,
        created_at=task.created_at,
        count_max=QUEUE_POSITION_MAX - 1,
    )
    assert row is not None, "counts are always there"
    return Outlook(
        run=_time(row["own_s"]),
        queue_position=1 + int(row["ahead"]),
        work_ahead=timedelta(seconds=float(row["ahead_s"]) + float(row["running_s"])),
        running=int(row["running"]),
    )


def _time(seconds: object) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=cast("float", seconds))

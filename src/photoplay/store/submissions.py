"""What other servers were asked for: kept in the rows of the tasks that they work for."""

from dataclasses import asdict
from typing import TYPE_CHECKING, cast

from photoplay.domain.tasks import Claim, Submission, Task, TaskId
from photoplay.store.database import fetch, fetch_row, fetch_value
from photoplay.store.tasks import fenced, from_row

if TYPE_CHECKING:
    from photoplay.store.database import Connection

__all__ = ["count_under_way", "forget", "left_over", "record"]


async def record(connection: "Connection", claim: Claim, submission: Submission | None) -> None:
    """Write down what another server was asked to do, or that nothing is asked of it any more. Raises: StaleClaim."""
    value = None if submission is None else asdict(submission)
    fenced(
        await fetch_row(connection, "tasks_record_submission", id=claim.task_id, claim=claim.token, submission=value)
    )


async def count_under_way(connection: "Connection", engine: str) -> int | None:
    """Return for how many tasks this engine's server may be at work; nobody else counts until the transaction ends.

    None where somebody else does already: a worker that froze there must not hold up those who ask.
    """
    if not await fetch_value(connection, "tasks_lock_claims", engine=engine):
        return None
    return cast("int", await fetch_value(connection, "tasks_count_under_way", engine=engine))


async def left_over(connection: "Connection", engine: str) -> list[Task]:
    """Return the ended tasks for which this engine's server may still be at work."""
    return [from_row(row) for row in await fetch(connection, "tasks_left_over", engine=engine)]


async def forget(connection: "Connection", task_id: TaskId) -> None:
    """Take from an ended task's record what another server was asked to do."""
    await fetch(connection, "tasks_forget_submission", id=task_id)

"""Put right what nobody else will: lost leases, jobs that are gone, and jobs elsewhere that nobody wants any more.

Safe to run in several workers at once: each task is locked, and jobs are made at most once an attempt.
"""

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from photoplay.domain.outcomes import EXPIRED
from photoplay.domain.tasks import Event, Failure, Submission, Task
from photoplay.engines.engine import Ticket
from photoplay.flows.settle import end, put_back
from photoplay.store import jobs, submissions, tasks

if TYPE_CHECKING:
    from photoplay.flows.parts import WorkerParts

__all__ = ["call_off_left_over", "expire_overdue", "recover_lost_tasks", "remake_lost_jobs"]

log = structlog.get_logger()

# A job is committed with its task, so one that is missing was lost; younger ones may be on their way.
JOB_MISSING_AFTER: Final = timedelta(seconds=20)


async def recover_lost_tasks(parts: "WorkerParts") -> None:
    """Put tasks whose lease ran out back, or end them when they have no attempt left."""
    while True:
        async with parts.db.transaction() as tx:
            task = await tasks.lock_lost(tx)
            if task is None:
                return
            if task.attempt < task.attempts_max or task.cancel_asked:
                await put_back(tx, task, parts=parts)
            else:
                text = f"The worker was lost {task.attempt} times while it made the clip"
                await end(tx, task, Event.FAIL, ending=Failure(code="500", message=text), parts=parts)
        log.warning("task.lease_lost", task_id=task.id.hex, attempt=task.attempt)


async def expire_overdue(parts: "WorkerParts") -> None:
    """End tasks that nobody has come for: their owners get an answer, and their credits back."""
    while True:
        async with parts.db.transaction() as tx:
            task = await tasks.lock_overdue(tx, waiting=parts.waiting_lifetime)
            if task is None:
                return
            await end(tx, task, Event.EXPIRE, ending=EXPIRED, parts=parts)
        log.warning("task.expired", task_id=task.id.hex, engine=task.engine)


async def remake_lost_jobs(parts: "WorkerParts") -> None:
    """Queue what waits without an entry in the queue."""
    async with parts.db.transaction() as tx:
        if wake_ups := await tasks.without_wake_up(tx, older_than=JOB_MISSING_AFTER):
            await jobs.enqueue_generation(tx, *wake_ups)
            log.warning("tasks.woken_again", tasks=len(wake_ups))


async def call_off_left_over(engine: str, parts: "WorkerParts") -> None:
    """Call off what another server may still be at for tasks that have ended here, and forget what has ended there."""
    async with parts.db.connection() as connection:
        left_over = await submissions.left_over(connection, engine)
    for task in left_over:
        if task.submission is not None:
            # What stays on record goes on there, or could not be asked: the next sweep asks again.
            await parts.engines[engine].call_off(_last_ticket(task, task.submission, parts))


def _last_ticket(task: Task, submission: Submission, parts: "WorkerParts") -> Ticket:
    async def forget(_: Submission | None) -> None:
        async with parts.db.connection() as connection:
            await submissions.forget(connection, task.id)

    return Ticket(job_id=submission.job_id, submission=submission, write=forget)

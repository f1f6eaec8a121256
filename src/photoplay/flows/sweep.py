"""Put right what nobody else will: lost leases, jobs that are gone, files whose time is over.

Safe to run in several workers at once: each task is locked, and jobs are made at most once an attempt.
"""

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from photoplay.domain.tasks import Event, Failure
from photoplay.flows.settle import end
from photoplay.store import callbacks, files, idempotency, jobs, tasks

if TYPE_CHECKING:
    from photoplay.flows.parts import WorkerParts

__all__ = ["recover_lost_tasks", "remake_lost_jobs", "remove_expired"]

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
            if task.attempt < task.attempts_max:
                await tasks.put_back(tx, task)
                await jobs.enqueue_generation(tx, task.id, attempt=task.attempt)
            else:
                text = f"The worker was lost {task.attempt} times while it made the clip"
                await end(tx, task, Event.FAIL, ending=Failure(code="500", message=text), parts=parts)
        log.warning("task.lease_lost", task_id=task.id.hex, attempt=task.attempt)


async def remake_lost_jobs(parts: "WorkerParts") -> None:
    """Queue what waits without an entry in the queue."""
    async with parts.db.transaction() as tx:
        for task_id, attempt in await tasks.waiting_without_job(tx, older_than=JOB_MISSING_AFTER):
            await jobs.enqueue_generation(tx, task_id, attempt=attempt)
            log.warning("task.job_remade", task_id=task_id.hex, attempt=attempt)
        for callback_id, attempt in await callbacks.pending_without_job(tx, older_than=JOB_MISSING_AFTER):
            await jobs.enqueue_delivery(tx, callback_id, attempt=attempt)
            log.warning("callback.job_remade", callback_id=callback_id, attempt=attempt)


async def remove_expired(parts: "WorkerParts") -> None:
    """Remove files whose time is over, then their rows; forget old idempotency keys."""
    async with parts.db.connection() as connection:
        for path in await files.expired(connection):
            await parts.files.remove(path)
            await files.forget(connection, path)
            log.info("file.removed", path_head=path[:6])
        await idempotency.forget_old(connection)

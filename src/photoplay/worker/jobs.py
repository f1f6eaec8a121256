"""What PgQueuer calls: each job function hands over to a flow."""

from uuid import UUID

import structlog
from pgqueuer import Job, QueueManager

from photoplay.domain.errors import AppError
from photoplay.domain.tasks import TaskId
from photoplay.flows.deliver import deliver
from photoplay.flows.execute import execute
from photoplay.flows.parts import WorkerParts
from photoplay.store.jobs import DELIVER, GENERATE

__all__ = ["register_delivery", "register_generation"]

log = structlog.get_logger()


def register_generation(manager: QueueManager, parts: WorkerParts) -> None:
    async def generate(job: Job) -> None:
        task_id = TaskId(UUID(hex=_subject(job)))
        try:
            await execute(task_id, parts=parts)
        except AppError as exc:
            # The queue forgets the job; the sweep makes another one for a task that still waits.
            log.warning("job.failed", entrypoint=GENERATE, task_id=task_id.hex, error=str(exc))

    manager.entrypoint(GENERATE, accepts_context=False)(generate)


def register_delivery(manager: QueueManager, parts: WorkerParts) -> None:
    async def send(job: Job) -> None:
        callback_id = _subject(job)
        try:
            await deliver(callback_id, parts=parts)
        except AppError as exc:
            log.warning("job.failed", entrypoint=DELIVER, callback_id=callback_id, error=str(exc))

    manager.entrypoint(DELIVER, accepts_context=False)(send)


def _subject(job: Job) -> str:
    assert job.payload is not None, "every job of ours names its subject"
    return job.payload.decode()

"""What PgQueuer calls: each job function hands over to a flow."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from uuid import UUID

import structlog
from pgqueuer import Job, QueueManager

from photoplay.domain.errors import AppError
from photoplay.domain.tasks import TaskId
from photoplay.flows.deliver import deliver
from photoplay.flows.execute import execute
from photoplay.flows.parts import WorkerParts
from photoplay.store.jobs import DELIVER, GENERATE

__all__ = ["RunningJobs", "register_delivery", "register_generation"]

log = structlog.get_logger()


class RunningJobs:
    """The jobs that run in this process now, so that a stopping worker can cut them short."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[object]] = set()

    @contextmanager
    def run(self, job: Job) -> Generator[str]:
        """Count the current task as a running job, and yield the job's subject.

        An AppError ends the job only: the queue forgets it, and the sweep makes another one for what still waits.
        """
        task = asyncio.current_task()
        assert task is not None, "jobs run in tasks"
        assert job.payload is not None, "every job of ours names its subject"
        self._tasks.add(task)
        try:
            yield job.payload.decode()
        except AppError as exc:
            log.warning("job.failed", entrypoint=job.entrypoint, subject=job.payload.decode(), error=str(exc))
        finally:
            self._tasks.discard(task)

    def cancel(self) -> None:
        """Cancel each running job once; a second cancellation would cut short the handing back."""
        while self._tasks:
            self._tasks.pop().cancel()


def register_generation(manager: QueueManager, parts: WorkerParts, running: RunningJobs) -> None:
    async def generate(job: Job) -> None:
        with running.run(job) as task_id:
            await execute(TaskId(UUID(hex=task_id)), parts=parts)

    manager.entrypoint(GENERATE, accepts_context=False)(generate)


def register_delivery(manager: QueueManager, parts: WorkerParts, running: RunningJobs) -> None:
    async def send(job: Job) -> None:
        with running.run(job) as callback_id:
            await deliver(callback_id, parts=parts)

    manager.entrypoint(DELIVER, accepts_context=False)(send)

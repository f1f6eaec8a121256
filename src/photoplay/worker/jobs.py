"""What PgQueuer calls: each job function hands over to a flow."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager

import structlog
from pgqueuer import Job, QueueManager

from photoplay.domain.errors import AppError
from photoplay.flows.execute import execute
from photoplay.flows.parts import WorkerParts
from photoplay.store.jobs import generation_queue

__all__ = ["RunningJobs", "register_generation"]

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
            log.warning("job.failed", entrypoint=job.entrypoint, subject=job.payload.decode(), error=exc)
        finally:
            self._tasks.discard(task)

    def cancel(self) -> None:
        """Cancel each running job once; a second cancellation would cut short the handing back."""
        while self._tasks:
            self._tasks.pop().cancel()


def register_generation(manager: QueueManager, engine: str, parts: WorkerParts, running: RunningJobs) -> None:
    async def generate(job: Job) -> None:
        # The job wakes; which task goes first is for the claim to say.
        with running.run(job):
            await execute(engine, parts=parts)

    places = parts.engines[engine]
    # PgQueuer's limit is the database's, so it holds for all workers.
    limit = places.size if places.is_shared else 0
    manager.entrypoint(generation_queue(engine), concurrency_limit=limit, accepts_context=False)(generate)

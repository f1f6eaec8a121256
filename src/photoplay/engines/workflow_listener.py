"""Listens to how far a ComfyUI job is, beside whoever asks whether it is over. To hear nothing is no failure."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager, suppress

import structlog

from photoplay.domain.errors import AppError, DeliveryError, TargetUnreachable
from photoplay.domain.json import JsonObject
from photoplay.egress import Egress
from photoplay.engines.engine import Report
from photoplay.engines.workflow_progress import WorkflowProgress

__all__ = ["WorkflowListener"]

log = structlog.get_logger()

_FIELD = "comfyui: the progress"


class WorkflowListener:
    """`url` is that of the server's WebSocket, for this job. When it breaks off, it is opened anew after `again_s`."""

    def __init__(self, egress: Egress, *, url: str, report: Report, again_s: float) -> None:
        self._egress = egress
        self._url = url
        self._report = report
        self._again_s = again_s
        self._begun: asyncio.Future[WorkflowProgress] = asyncio.get_running_loop().create_future()
        self._is_over = asyncio.Event()

    def begin(self, prompt_id: str, graph: JsonObject) -> None:
        """Listen from now on, for a job whose graph is known. Idempotent."""
        if not self._begun.done():
            self._begun.set_result(WorkflowProgress(prompt_id, graph))

    @asynccontextmanager
    async def listening(self) -> AsyncGenerator[None]:
        """Report what is heard while the block runs, once it has said for which job."""
        error: AppError | None = None
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self._listen())
            try:
                yield
            except AppError as exc:
                # Raised below: a group of tasks would wrap it.
                error = exc
            finally:
                task.cancel()
        if error is not None:
            raise error

    async def pause(self, wait_s: float) -> None:
        """Wait, but no longer than until the server says that the job is over. That is believed once."""
        if self._is_over.is_set():
            await asyncio.sleep(wait_s)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._is_over.wait()

    async def _listen(self) -> None:
        progress = await self._begun
        while True:
            try:
                async with aclosing(self._egress.listen(self._url, field=_FIELD)) as messages:
                    async for message in messages:
                        self._hear(progress, message)
            except TargetUnreachable as exc:
                log.info("engine.progress_not_heard", error=exc)
            except DeliveryError as exc:
                # Another attempt would be refused again.
                log.warning("engine.progress_refused", error=exc)
                return
            await asyncio.sleep(self._again_s)

    def _hear(self, progress: WorkflowProgress, message: str) -> None:
        before = progress.share
        progress.hear(message)
        if progress.share > before:
            self._report(progress.share)
        if progress.is_over:
            self._is_over.set()

"""The parent's side of an engine: warm child processes, one order at a time each, and no way to hang or outlive us."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from photoplay.domain.errors import EngineTimeout, EngineUnavailable
from photoplay.engines.engine import Clip, Order, Report
from photoplay.engines.lines import Answer, Cancel, Done, Failed, MalformedLine, Progress, Ready, Run
from photoplay.engines.link import Link

__all__ = ["ChildLimits", "EngineChild", "EnginePool"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildLimits:
    """What one engine process may take before the parent steps in."""

    memory_bytes: int = 0
    """Ceiling on the child's private memory (RLIMIT_DATA; graphics memory does not count). 0: none."""
    runs_max: int = 50
    """Orders before the process is replaced, so that slow leaks never add up."""
    start: timedelta = timedelta(seconds=60)
    """From the process's birth to its ready line: imports, and weights where there are any."""
    stall: timedelta = timedelta(seconds=30)
    """Silence in the middle of a run that counts as a hang."""
    patience: timedelta = timedelta(seconds=2)
    """On each rung of the ladder: asked to stop, SIGTERM, SIGKILL."""


class EngineChild:
    """One place for a child process of an engine; the process in it is started and replaced as needed."""

    def __init__(self, engine: str, limits: ChildLimits) -> None:
        self._engine = engine
        self._limits = limits
        self._link: Link | None = None
        self._ready = Ready(name=engine, version="")
        self._stopped = False
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def pid(self) -> int | None:
        """The process's id; None while there is no process."""
        return self._link.pid if self._link else None

    async def start(self) -> Ready:
        """Have a living, warm process, and say which engine answered.

        Raises: EngineUnavailable if it cannot start or is not ready in time; no process is left behind.
        """
        async with self._busy():
            await self._connect()
        return self._ready

    async def run(self, order: Order, on_progress: Report) -> Clip:
        """Make one clip. Cancelling the caller stops the run: the process is idle again, or gone, when this returns.

        Raises: what the engine raised; EngineUnavailable if the process died or talked nonsense; EngineTimeout if it
            fell silent. The output and its `.part` file are gone then.
        """
        async with self._busy():
            try:
                answer = await self._converse(await self._connect(), order, on_progress)
                if isinstance(answer, Failed):
                    raise answer.error
            except BaseException:
                _remove(order.output)
                raise
            return answer.clip

    async def stop(self, grace: timedelta) -> None:
        """Give a run in progress that long, then end the process for good. Idempotent."""
        self._stopped = True
        if not await self._is_idle_within(grace) and self._link:
            self._link.kill()  # whoever runs it sees the pipe end, and tidies up
        if await self._is_idle_within(2 * self._limits.patience):
            await self._disconnect()

    @asynccontextmanager
    async def _busy(self) -> AsyncGenerator[None, None]:
        assert self._idle.is_set(), "one order at a time"
        self._idle.clear()
        try:
            yield
        finally:
            self._idle.set()

    async def _is_idle_within(self, time: timedelta) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(time.total_seconds()):
                await self._idle.wait()
        return self._idle.is_set()

    async def _connect(self) -> Link:
        link = self._link
        if link and link.is_alive and link.runs < self._limits.runs_max:
            return link
        await self._disconnect()
        self._refuse_if_stopped()
        link = self._link = await Link.open(
            self._engine, memory_bytes=self._limits.memory_bytes, patience=self._limits.patience
        )
        try:
            self._ready = await self._greeting(link)
        except BaseException:
            await self._disconnect()
            raise
        return link

    async def _greeting(self, link: Link) -> Ready:
        try:
            async with asyncio.timeout(self._limits.start.total_seconds()):
                answer = await link.hear()
        except TimeoutError as exc:
            limit_s = self._limits.start.total_seconds()
            raise EngineUnavailable(f"{self._engine}: not ready within {limit_s:g} s") from exc
        except (MalformedLine, EOFError) as exc:
            await link.end()
            raise EngineUnavailable(f"{self._engine}: the engine's process did not start ({link.fate})") from exc
        self._refuse_if_stopped()
        if isinstance(answer, Failed):
            raise answer.error
        if not isinstance(answer, Ready):
            raise EngineUnavailable(f"{self._engine}: the engine's process did not say that it is ready")
        return answer

    def _refuse_if_stopped(self) -> None:
        if self._stopped:
            raise EngineUnavailable(f"{self._engine}: the engine is stopping")

    async def _disconnect(self) -> None:
        link, self._link = self._link, None
        if link:
            await link.end()

    async def _converse(self, link: Link, order: Order, on_progress: Report) -> Done | Failed:
        """Give an order and follow it to its answer; whatever stops that also stops the child."""
        link.runs += 1
        try:
            link.say(Run(order=order))
            while True:
                match await self._next(link):
                    case Progress(share=share):
                        on_progress(share)
                    case (Done() | Failed()) as answer:
                        return answer
                    case other:
                        raise MalformedLine(f"unexpected {type(other).__name__}")
        except EOFError as exc:
            await self._disconnect()
            raise EngineUnavailable(f"{self._engine}: the engine's process died ({link.fate})") from exc
        except MalformedLine as exc:
            await self._disconnect()
            raise EngineUnavailable(f"{self._engine}: the engine's process sent a line that makes no sense") from exc
        except BaseException:
            await self._call_off(link)
            raise

    async def _next(self, link: Link) -> Answer:
        stall_s = self._limits.stall.total_seconds()
        try:
            async with asyncio.timeout(stall_s):
                return await link.hear()
        except TimeoutError as exc:
            raise EngineTimeout(f"{self._engine}: no sign of progress for {stall_s:g} s") from exc

    async def _call_off(self, link: Link) -> None:
        """The ladder: ask, and if that does not help within its time, SIGTERM and SIGKILL."""
        is_idle = False
        try:
            with suppress(TimeoutError, MalformedLine, EOFError):
                async with asyncio.timeout(self._limits.patience.total_seconds()):
                    link.say(Cancel())
                    while isinstance(await link.hear(), Progress):
                        pass
                    is_idle = True
        finally:
            if not is_idle:
                await self._disconnect()


class EnginePool:
    """A fixed number of places for one engine. Processes start when first needed and stay warm."""

    def __init__(self, engine: str, *, size: int, limits: ChildLimits | None = None) -> None:
        self._engine = engine
        self._children = [EngineChild(engine, limits or ChildLimits()) for _ in range(size)]
        self._free = list(self._children)
        self._turns = asyncio.Semaphore(size)
        self._stopped = False

    @asynccontextmanager
    async def slot(self) -> AsyncGenerator[EngineChild, None]:
        """Wait for a free child, the one used last if there is a choice: it is warm.

        Raises: EngineUnavailable once the pool is stopping.
        """
        async with self._turns:
            if self._stopped:
                raise EngineUnavailable(f"{self._engine}: the engine is stopping")
            child = self._free.pop()
            try:
                yield child
            finally:
                self._free.append(child)

    async def warm(self) -> Ready:
        """Start one child, so that the first order does not wait. Raises: EngineUnavailable."""
        async with self.slot() as child:
            return await child.start()

    async def stop(self, grace: timedelta) -> None:
        """Refuse new orders, give the running ones that long, end every process. Idempotent."""
        self._stopped = True
        async with asyncio.TaskGroup() as group:
            for child in self._children:
                group.create_task(child.stop(grace))


def _remove(output: Path) -> None:
    """Unlinking is quick and must not be interrupted: it stays on the event loop."""
    for path in (output, output.with_name(f"{output.name}.part")):
        path.unlink(missing_ok=True)

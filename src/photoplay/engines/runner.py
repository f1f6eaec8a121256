"""The parent's side of an engine: warm child processes, one order at a time each, and no way to hang or outlive us."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta

from photoplay.domain.errors import EngineTimeout, EngineUnavailable
from photoplay.engines.engine import Clip, Order, Report, Ticket, remove_output
from photoplay.engines.lines import Answer, Cancel, Done, Failed, MalformedLine, Progress, Ready, Run
from photoplay.engines.link import Link
from photoplay.media.clip import read_back

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
    """How long a run may go on without getting further. One that reports the same share again gets no further."""
    patience: timedelta = timedelta(seconds=2)
    """On each rung of the ladder: asked to stop, SIGTERM, SIGKILL."""
    outlives_cancel: bool = False
    """Whether a process that stops when asked stays, with all that it has loaded, for the next order. Else it goes too:
    what it held is free then."""


class EngineChild:
    """One place for a child process of an engine; the process in it is started and replaced as needed."""

    def __init__(self, engine: str, limits: ChildLimits, *, options: Mapping[str, str] | None = None) -> None:
        self._engine = engine
        self._options = options or {}
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

    async def run(self, order: Order, on_progress: Report, ticket: Ticket | None = None) -> Clip:
        """Make one clip, anew in each attempt: what ran in a process is gone with it.

        Cancelling the caller stops the run: it is over when this returns, as a rule with its process.
        Raises: what the engine raised; EngineUnavailable if the process died or talked nonsense; EngineTimeout if it
            got no further. The output and everything beside it whose name begins with it are gone then.
        """
        del ticket
        async with self._busy():
            try:
                answer = await self._converse(await self._connect(), order, on_progress)
                if isinstance(answer, Failed):
                    raise answer.error
            except BaseException:
                remove_output(order.output)
                raise
            return answer.clip

    async def call_off(self, ticket: Ticket, *, may_go_on: bool = False) -> None:
        """Nothing is left to stop: cancelling `run` ended it."""

    async def read_back(self, clip: Clip) -> None:
        """Decode the clip whole. Raises: EngineUnavailable if it is not what the engine said."""
        facts = await asyncio.to_thread(read_back, clip.path)
        if (facts.width_px, facts.height_px, facts.frames) != (clip.width_px, clip.height_px, clip.frames):
            raise EngineUnavailable(f"The finished clip does not read back as it was made: {facts}")

    async def renew(self) -> None:
        """Replace a process that has served its number of orders now, when nobody waits for it."""
        if self._link and self._link.runs >= self._limits.runs_max:
            # What cannot start now says so to the next order.
            with suppress(EngineUnavailable):
                await self.start()

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
            self._engine,
            options=self._options,
            memory_bytes=self._limits.memory_bytes,
            patience=self._limits.patience,
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
        time, stall_s = asyncio.get_running_loop().time, self._limits.stall.total_seconds()
        furthest, stalls_at = -1.0, time() + stall_s
        try:
            link.say(Run(order=order))
            while True:
                match await self._next(link, until=stalls_at):
                    case Progress(share=share):
                        if share > furthest:
                            furthest, stalls_at = share, time() + stall_s
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
        except BaseException as exc:
            await self._call_off(link, cause=exc)
            raise

    async def _next(self, link: Link, *, until: float) -> Answer:
        try:
            async with asyncio.timeout_at(until):
                return await link.hear()
        except TimeoutError as exc:
            stall_s = self._limits.stall.total_seconds()
            raise EngineTimeout(f"{self._engine}: no sign of progress for {stall_s:g} s") from exc

    async def _call_off(self, link: Link, *, cause: BaseException) -> None:
        """The ladder: ask, wait for the run to stop, then SIGTERM and SIGKILL. Whatever it held is free after that.

        The first rung is the last for a process that may outlive a cancel, unless the run was going nowhere.
        """
        has_stopped = False
        try:
            with suppress(TimeoutError, MalformedLine, EOFError):
                async with asyncio.timeout(self._limits.patience.total_seconds()):
                    link.say(Cancel())
                    while isinstance(await link.hear(), Progress):
                        pass
                    has_stopped = True
        finally:
            if not (has_stopped and self._limits.outlives_cancel and isinstance(cause, asyncio.CancelledError)):
                await self._disconnect()


class EnginePool:
    """A fixed number of places for one engine. Processes start when first needed and stay warm.

    `options` are what the engine is made with: the keyword arguments of its class. `places` has one more set of them
    for each place, such as its GPU.
    """

    def __init__(
        self,
        engine: str,
        *,
        size: int,
        limits: ChildLimits | None = None,
        options: Mapping[str, str] | None = None,
        places: Sequence[Mapping[str, str]] = (),
    ) -> None:
        assert len(places) in {0, size}, "one set of options a place"
        self.is_shared = False
        self.size = size
        self._engine = engine
        self._children = [
            EngineChild(engine, limits or ChildLimits(), options={**(options or {}), **own})
            for own in places or [dict[str, str]()] * size
        ]
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
                await child.renew()
            finally:
                self._free.append(child)

    async def call_off(self, ticket: Ticket) -> None:
        """Nothing is at another server."""

    async def warm(self) -> None:
        """Start one child, so that the first order does not wait. Raises: EngineUnavailable."""
        async with self.slot() as child:
            await child.start()

    async def stop(self, grace: timedelta) -> None:
        """Refuse new orders, give the running ones that long, end every process. Idempotent."""
        self._stopped = True
        async with asyncio.TaskGroup() as group:
            for child in self._children:
                group.create_task(child.stop(grace))

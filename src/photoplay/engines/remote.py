"""What every engine at another server is, and how an order is driven through it so that nothing is paid for twice.

Before a job is asked for, the task's record says so; when the other server has named it, the record holds that name.
Whoever takes the task over goes on with the job, or asks whether it ever arrived.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol, TypeAlias
from urllib.parse import quote

import structlog

from photoplay.domain.errors import DeliveryError, EngineError, EngineRejected, EngineUnavailable, TargetUnreachable
from photoplay.domain.json import JsonObject, JsonValue
from photoplay.domain.tasks import Submission
from photoplay.engines.engine import Clip, Order, Report, Ticket, remove_output
from photoplay.media.foreign import read_back_foreign

__all__ = ["Called", "Ended", "Failed", "Finished", "Handle", "RemoteEngine", "RemotePlaces", "path_of"]

log = structlog.get_logger()

Handle: TypeAlias = JsonObject
"""What an engine needs to find its job again, in another process too."""

# The caller of a cancel waits for this.
CALL_OFF_S: Final = 5.0
# A job that its server would not end keeps its place for as long as this at most.
RUNS_ON_S: Final = 3600.0


def path_of(handle: Handle) -> str:
    """Return the path of a job that its server names by `id`, below that of all jobs."""
    return f"/{quote(str(handle['id']), safe='')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    source: str
    """Where the clip lies, for the engine's own `fetch`."""
    facts: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    """What the other server said of it: its model, seed, usage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The job has ended without a clip. Another attempt, if the error is worth one, is another job."""

    error: EngineError


Ended: TypeAlias = Finished | Failed


class Called(StrEnum):
    """What became of the wish to end a job."""

    OFF = "off"
    """It has ended, or never was."""
    RUNS_ON = "runs_on"
    """Its server cannot end it, or not now."""


class RemoteEngine(Protocol):
    """One kind of server that makes clips. Everything leaves through the egress that it was made with.

    Each call may raise DeliveryError, which means that the other server could not be asked.
    """

    name: str
    version: str
    """Of the dialect that this speaks."""
    size: int
    """Orders at once: in one worker, or in all of them together if it is `is_shared`."""
    is_shared: bool
    """Whether the limit is that of an account at the other server, whichever worker asks."""

    async def check(self) -> None:
        """Raises: EngineUnavailable if the other server would not take an order, with what to do about it."""
        ...

    async def submit(self, order: Order, job_id: str) -> Handle:
        """Ask for a job, under our own id where the other server takes one.

        Raises: EngineError only if it was surely not taken.
        """
        ...

    async def find(self, order: Order | None, job_id: str) -> Handle | None:
        """Return the job that may have been asked for under this id, or None if it surely was not.

        `order`: what it was asked for, None where that is known no more.

        Raises: EngineRejected where the other server cannot tell: to ask again might pay twice.
        """
        ...

    async def follow(self, handle: Handle, report: Report) -> Ended:
        """Wait for the end of a job. Raises: EngineUnavailable if it was out of sight for too long; it may go on."""
        ...

    async def fetch(self, source: str, target: Path) -> None:
        """Copy a finished clip to a file. Raises: EngineUnavailable."""
        ...

    async def cancel(self, handle: Handle) -> Called:
        """Ask for the end of a job."""
        ...


class RemotePlaces:
    """As many orders at once as the engine says. `stopping` is set when the worker will take no more of them."""

    def __init__(self, engine: RemoteEngine, *, stopping: asyncio.Event) -> None:
        self.size = engine.size
        self.is_shared = engine.is_shared
        self._engine = engine
        self._turns = asyncio.Semaphore(engine.size)
        self._stopping = stopping
        self._stopped = False

    @asynccontextmanager
    async def slot(self) -> AsyncGenerator["RemotePlace"]:
        """Wait for a free place, and leave it only when the other server is done with it, or the worker stops.

        Raises: EngineUnavailable once it is stopped.
        """
        async with self._turns:
            if self._stopped:
                raise EngineUnavailable(f"{self._engine.name}: the engine is stopping")
            place = RemotePlace(self._engine)
            try:
                yield place
            finally:
                if place.runs_on is not None:
                    await self._wait_out(place.runs_on)

    async def call_off(self, ticket: Ticket) -> None:
        """Ask for the end of a job that no place here waits for."""
        await RemotePlace(self._engine).call_off(ticket)

    async def warm(self) -> None:
        """Raises: EngineUnavailable, with what is missing."""
        try:
            await self._engine.check()
        except (DeliveryError, EngineRejected) as exc:
            raise EngineUnavailable(str(exc)) from exc

    async def stop(self, grace: timedelta) -> None:  # noqa: ARG002 - nothing runs here; jobs go on at their server
        """Refuse new orders. Idempotent."""
        self._stopped = True

    async def _wait_out(self, handle: Handle) -> None:
        """Wait until the other server is done with a job that nobody wants any more, or the worker stops."""
        async with asyncio.TaskGroup() as group:
            follow = group.create_task(self._follow_unwanted(handle))
            stopping = group.create_task(self._stopping.wait())
            await asyncio.wait((follow, stopping), timeout=RUNS_ON_S, return_when=asyncio.FIRST_COMPLETED)
            follow.cancel()
            stopping.cancel()

    async def _follow_unwanted(self, handle: Handle) -> None:
        with suppress(EngineError, DeliveryError):
            await self._engine.follow(handle, lambda _: None)


class RemotePlace:
    """One order on its way through another server."""

    def __init__(self, engine: RemoteEngine) -> None:
        self._engine = engine
        self._order: Order | None = None
        self._has_clip = False
        self.runs_on: Handle | None = None
        """A job that was called off and goes on all the same."""

    async def run(self, order: Order, on_progress: Report, ticket: Ticket) -> Clip:
        """Make one clip, or go on with the one that the ticket names. Cancelling the caller leaves the job as it is.

        Raises: EngineError, StaleClaim.
        """
        self._order = order
        try:
            ended = await self._engine.follow(await self._job(order, ticket), on_progress)
            if isinstance(ended, Failed):
                await ticket.record(None)
                raise ended.error
            self._has_clip = True
            await self._engine.fetch(ended.source, order.output)
            return await self._clip(order, ended)
        except DeliveryError as exc:
            remove_output(order.output)
            raise EngineUnavailable(str(exc)) from exc
        except BaseException:
            remove_output(order.output)
            raise

    async def call_off(self, ticket: Ticket, *, may_go_on: bool = False) -> None:
        """Ask the other server to end the job, if there is one; where it does not, the place stays taken.

        What could not be asked stays on record, and what goes on there all the same, until the sweep finds it ended.
        So does a job that `may_go_on` and has ended well: it is paid for, and another attempt has the clip of it.
        """
        submission = ticket.submission
        if submission is None or submission.engine != self._engine.name or (may_go_on and self._has_clip):
            return
        handle = submission.handle
        try:
            async with asyncio.timeout(CALL_OFF_S):
                if handle is None:
                    handle = await self._engine.find(self._order, submission.job_id)
                called = Called.OFF if handle is None else await self._engine.cancel(handle)
            ask_again = True
        except (TimeoutError, EngineError, DeliveryError) as exc:
            log.warning("engine.not_called_off", engine=self._engine.name, job=submission.job_id, error=exc)
            # What was refused would be refused again: the server knows no such job, or cannot tell it from others.
            called, ask_again = Called.RUNS_ON, not isinstance(exc, EngineRejected)
        if called is Called.RUNS_ON:
            self.runs_on = None if may_go_on else handle
        if called is Called.OFF or not (ask_again or may_go_on):
            await ticket.record(None)

    async def read_back(self, clip: Clip) -> None:
        """It was read back when it arrived: nothing was known of it before."""

    async def _job(self, order: Order, ticket: Ticket) -> Handle:
        """Return the job of this order: the one on record, or a new one."""
        known = ticket.submission
        if known is None or known.engine != self._engine.name:
            known = Submission(engine=self._engine.name, job_id=ticket.job_id, handle=None)
            await ticket.record(known)
            return await self._submit(order, known, ticket)
        if known.handle is not None:
            return known.handle
        found = await self._engine.find(order, known.job_id)
        if found is None:
            return await self._submit(order, known, ticket)
        await ticket.record(replace(known, handle=found))
        return found

    async def _submit(self, order: Order, known: Submission, ticket: Ticket) -> Handle:
        try:
            handle = await self._engine.submit(order, known.job_id)
        except EngineError:
            await ticket.record(None)
            raise
        except TargetUnreachable as exc:
            if not exc.may_have_arrived:
                await ticket.record(None)
            raise
        await ticket.record(replace(known, handle=handle))
        return handle

    async def _clip(self, order: Order, ended: Finished) -> Clip:
        found = await read_back_foreign(order.output)
        facts = {"engine": self._engine.name, "version": self._engine.version, "seed": order.seed, **ended.facts}
        return Clip(
            path=order.output,
            width_px=found.width_px,
            height_px=found.height_px,
            fps=round(found.fps),
            frames=found.frames,
            facts=facts,
        )

"""Keeps a claim alive while its work goes on, from a task of its own that long work cannot starve."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

from photoplay.domain.errors import StaleClaim, StoreUnavailable
from photoplay.domain.json import JsonValue
from photoplay.domain.tasks import Claim, Stage
from photoplay.store import tasks

if TYPE_CHECKING:
    from datetime import timedelta

    from photoplay.store.database import Database
    from photoplay.store.signals import Signals, Watch

__all__ = ["BEAT_S", "CancelAsked", "Laps", "Progress", "keep_lease"]

# A lease survives two lost heartbeats.
BEATS_A_LEASE: Final = 3
# Also how soon progress is seen. A wish to cancel does not wait for it: there is a signal.
BEAT_S: Final = 0.5


class CancelAsked(Exception):
    """The owner of the task wants it to end."""


class Progress:
    """How far an attempt is; written as it goes on and read by the heartbeat."""

    __slots__ = ("percent", "stage")

    def __init__(self) -> None:
        self.percent = 0
        self.stage: Stage | None = None
        """None while the task's state says it all."""

    def report(self, share: float) -> None:
        # 100 is for the task that has succeeded; storing and settling still lie ahead.
        self.percent = max(self.percent, min(99, int(share * 100)))


class Laps:
    """What each part of an attempt took, in seconds."""

    def __init__(self, *, wait_s: float) -> None:
        self.seconds: dict[str, JsonValue] = {"wait_s": round(wait_s, 3)}
        self._began = time.monotonic()

    def end(self, name: str) -> None:
        now = time.monotonic()
        self.seconds[name], self._began = round(now - self._began, 3), now


@asynccontextmanager
async def keep_lease(
    claim: Claim,
    *,
    progress: Progress,
    lease: "timedelta",
    db: "Database",
    signals: "Signals",
    beat_s: float = BEAT_S,
) -> AsyncGenerator[None]:
    """Extend the lease while the block runs.

    Raises, after cancelling the block: StaleClaim when the claim is lost or could not be extended in time;
    CancelAsked when the owner wants the task to end.
    """
    try:
        with signals.watch(tasks.cancel_subject(claim.task_id)) as wish:
            async with asyncio.TaskGroup() as group:
                beat_s = min(beat_s, lease.total_seconds() / BEATS_A_LEASE)
                keeper = group.create_task(
                    _keep(claim, progress=progress, lease=lease, db=db, until_beat=partial(_until_beat, beat_s, wish))
                )
                yield
                keeper.cancel()
    except BaseExceptionGroup as failures:
        # One of the two failed and the other was cancelled for it: the first is the story.
        raise failures.exceptions[0] from None


async def _keep(
    claim: Claim,
    *,
    progress: Progress,
    lease: "timedelta",
    db: "Database",
    until_beat: Callable[[], Awaitable[None]],
) -> None:
    time = asyncio.get_running_loop().time
    lease_s = lease.total_seconds()
    kept_at = time()
    while True:
        await until_beat()
        began = time()
        try:
            async with asyncio.timeout(lease_s), db.connection() as connection:
                is_unwanted = await tasks.keep(
                    connection, claim, lease=lease, progress=progress.percent, stage=progress.stage
                )
        except (StoreUnavailable, TimeoutError) as exc:
            # The database may be back before the lease is over; after that somebody else may have the task.
            if time() - kept_at >= lease_s:
                raise StaleClaim from exc
            continue
        if is_unwanted:
            raise CancelAsked
        kept_at = began


async def _until_beat(beat_s: float, wish: "Watch") -> None:
    # A closed watch would answer at once, again and again.
    await (asyncio.sleep(beat_s) if wish.is_closed else wish.wait(within_s=beat_s))

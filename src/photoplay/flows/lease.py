"""Keeps a claim alive while its work goes on, from a task of its own that long work cannot starve."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from photoplay.domain.errors import StaleClaim, StoreUnavailable
from photoplay.domain.tasks import Claim
from photoplay.store import tasks

if TYPE_CHECKING:
    from datetime import timedelta

    from photoplay.store.database import Database

__all__ = ["CancelAsked", "Progress", "keep_lease"]

# A lease survives two lost heartbeats.
BEATS_A_LEASE: Final = 3
# Also how soon progress is seen, and a wish to cancel is read. Callers poll about once a second.
BEAT_S: Final = 0.5


class CancelAsked(Exception):
    """The owner of the task wants it to end."""


class Progress:
    """How far an attempt is, in percent; written by the engine's reports and read by the heartbeat."""

    __slots__ = ("percent",)

    def __init__(self) -> None:
        self.percent = 0

    def report(self, share: float) -> None:
        # 100 is for the task that has succeeded; storing and settling still lie ahead.
        self.percent = max(self.percent, min(99, int(share * 100)))


@asynccontextmanager
async def keep_lease(claim: Claim, *, progress: Progress, lease: "timedelta", db: "Database") -> AsyncGenerator[None]:
    """Extend the lease while the block runs.

    Raises, after cancelling the block: StaleClaim when the claim is lost or could not be extended in time;
    CancelAsked when the owner wants the task to end.
    """
    try:
        async with asyncio.TaskGroup() as group:
            keeper = group.create_task(_keep(claim, progress=progress, lease=lease, db=db))
            yield
            keeper.cancel()
    except BaseExceptionGroup as failures:
        # One of the two failed and the other was cancelled for it: the first is the story.
        raise failures.exceptions[0] from None


async def _keep(claim: Claim, *, progress: Progress, lease: "timedelta", db: "Database") -> None:
    time = asyncio.get_running_loop().time
    lease_s = lease.total_seconds()
    kept_at = time()
    while True:
        await asyncio.sleep(min(BEAT_S, lease_s / BEATS_A_LEASE))
        began = time()
        try:
            async with asyncio.timeout(lease_s), db.connection() as connection:
                if await tasks.keep(connection, claim, lease=lease, progress=progress.percent):
                    raise CancelAsked
        except (StoreUnavailable, TimeoutError) as exc:
            # The database may be back before the lease is over; after that somebody else may have the task.
            if time() - kept_at >= lease_s:
                raise StaleClaim from exc
            continue
        kept_at = began

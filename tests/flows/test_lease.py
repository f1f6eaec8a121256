"""Keeping a claim alive while its work goes on, and stopping the work when the claim is lost."""

import asyncio
from collections.abc import Awaitable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from photoplay.domain.errors import EngineUnavailable, StaleClaim
from photoplay.domain.tasks import Claim, Stage, TaskId
from photoplay.flows.cancel import Cancellation, cancel
from photoplay.flows.lease import CancelAsked, Progress, keep_lease
from photoplay.flows.parts import ApiParts, WorkerParts
from photoplay.flows.submit import submit
from photoplay.flows.sweep import recover_lost_tasks
from photoplay.store.accounts import Caller
from photoplay.store.database import Database
from photoplay.store.signals import Signals
from scenes import LEASE, LOST, begin, closed_signals, listening, read, rows, submission, value

LONG_S = 60.0
NEVER_S = 1000.0
OFTEN_S = 0.05
BRIEF = timedelta(milliseconds=600)


@pytest.fixture
async def task_id(parts: ApiParts, caller: Caller) -> TaskId:
    return await submit(submission(), caller=caller, parts=parts)


async def lease_of(task_id: TaskId, db: Database) -> datetime:
    until = await value(db, "select lease_until from tasks where id = $1", task_id)
    assert isinstance(until, datetime)
    return until


async def endless(ends: list[str]) -> None:
    """Work that goes on until it is cancelled, and notes that it was."""
    try:
        await asyncio.Event().wait()
    finally:
        ends.append("cancelled")


def keep(
    taken: Claim,
    progress: Progress,
    *,
    db: Database,
    lease: timedelta = LEASE,
    signals: Signals | None = None,
    beat_s: float = OFTEN_S,
) -> AbstractAsyncContextManager[None]:
    signals = signals or Signals(db.url)
    return keep_lease(taken, progress=progress, lease=lease, db=db, signals=signals, beat_s=beat_s)


async def keep_while(work: Awaitable[None], taken: Claim, *, db: Database) -> None:
    await within(keep(taken, Progress(), db=db), work)


async def within(kept: AbstractAsyncContextManager[None], work: Awaitable[None]) -> None:
    async with asyncio.timeout(LONG_S), kept:
        await work


async def until_progress(percent: int, task_id: TaskId, db: Database) -> None:
    while (await read(task_id, db=db)).progress < percent:
        pass


async def test_a_lease_is_extended_while_the_work_goes_on(task_id: TaskId, db: Database) -> None:
    taken = await begin(task_id, db=db)
    leases = [await lease_of(task_id, db)]

    async with asyncio.timeout(LONG_S), keep(taken, Progress(), db=db):
        while len(leases) < 4:
            if (until := await lease_of(task_id, db)) != leases[-1]:
                leases.append(until)

    assert leases == sorted(leases)


async def test_progress_is_recorded_and_never_falls(task_id: TaskId, worker: WorkerParts, db: Database) -> None:
    taken = await begin(task_id, db=db)
    first = Progress()
    async with asyncio.timeout(LONG_S), keep(taken, first, db=db):
        first.report(0.6)
        await until_progress(60, task_id, db)
    await rows(db, "update tasks set lease_until = now() - interval '1 s'")
    await recover_lost_tasks(worker)
    again, second = await begin(task_id, db=db, lease=LOST), Progress()

    before = await lease_of(task_id, db)
    async with asyncio.timeout(LONG_S), keep(again, second, db=db):
        second.report(0.2)
        while await lease_of(task_id, db) == before:
            pass

    assert (await read(task_id, db=db)).progress == 60


@pytest.mark.parametrize(
    ("shares", "percent"),
    [([], 0), ([0.0], 0), ([0.5], 50), ([0.999], 99), ([1.0], 99), ([7.0], 99), ([0.5, 0.2], 50), ([-1.0], 0)],
)
def test_progress_is_a_percentage_below_100_that_never_falls(shares: list[float], percent: int) -> None:
    progress = Progress()

    for share in shares:
        progress.report(share)

    assert progress.percent == percent


async def test_a_lost_claim_stops_the_work(task_id: TaskId, worker: WorkerParts, db: Database) -> None:
    taken = await begin(task_id, db=db, lease=LOST)
    await recover_lost_tasks(worker)
    reached: list[str] = []

    with pytest.raises(StaleClaim):
        await keep_while(endless(reached), taken, db=db)

    assert reached == ["cancelled"]


async def test_a_lost_claim_extends_nothing(task_id: TaskId, worker: WorkerParts, db: Database) -> None:
    stale = await begin(task_id, db=db, lease=LOST)
    await recover_lost_tasks(worker)
    await begin(task_id, db=db)
    before = await read(task_id, db=db), await lease_of(task_id, db)
    progress = Progress()
    progress.report(0.9)

    with pytest.raises(StaleClaim):
        async with asyncio.timeout(LONG_S), keep(stale, progress, db=db):
            await asyncio.Event().wait()

    assert (await read(task_id, db=db), await lease_of(task_id, db)) == before


async def test_a_database_that_stays_away_costs_the_claim(task_id: TaskId, db: Database, database_url: str) -> None:
    taken = await begin(task_id, db=db)
    async with Database(database_url) as away:
        pass

    with pytest.raises(StaleClaim):
        async with asyncio.timeout(LONG_S), keep(taken, Progress(), db=away, lease=BRIEF):
            await asyncio.Event().wait()


async def test_a_fault_of_the_work_comes_out_as_it_is(task_id: TaskId, db: Database) -> None:
    taken = await begin(task_id, db=db)

    with pytest.raises(EngineUnavailable, match=r"^it crashed$"):
        async with keep(taken, Progress(), db=db):
            raise EngineUnavailable("it crashed")


async def test_work_that_is_cancelled_stays_cancelled(task_id: TaskId, db: Database) -> None:
    taken = await begin(task_id, db=db)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01), keep(taken, Progress(), db=db):
            await asyncio.Event().wait()


async def test_a_wish_to_cancel_from_before_is_read_by_the_first_heartbeat(
    task_id: TaskId, parts: ApiParts, caller: Caller
) -> None:
    taken = await begin(task_id, db=parts.db)
    asked = await cancel(task_id, caller=caller, parts=replace(parts, signals=closed_signals()))

    with pytest.raises(CancelAsked):
        await keep_while(endless([]), taken, db=parts.db)
    assert asked is Cancellation.REQUESTED


async def test_a_wish_to_cancel_does_not_wait_for_a_heartbeat(task_id: TaskId, parts: ApiParts, caller: Caller) -> None:
    taken = await begin(task_id, db=parts.db)

    async def work() -> None:
        await cancel(task_id, caller=caller, parts=replace(parts, signals=closed_signals()))
        # The wish may arrive before this has begun.
        await endless([])

    async with listening(parts) as signals:
        kept = keep(taken, Progress(), db=parts.db, lease=LEASE, signals=signals, beat_s=NEVER_S)
        with pytest.raises(CancelAsked):
            await within(kept, work())


async def test_what_a_worker_is_at_is_recorded_until_another_attempt_begins(
    task_id: TaskId, worker: WorkerParts, db: Database
) -> None:
    taken, progress = await begin(task_id, db=db), Progress()
    async with asyncio.timeout(LONG_S), keep(taken, progress, db=db):
        progress.stage = Stage.STORING
        while (await read(task_id, db=db)).stage is not Stage.STORING:
            pass
    await rows(db, "update tasks set lease_until = now() - interval '1 s'")
    await recover_lost_tasks(worker)

    assert (await read(task_id, db=db)).stage is Stage.WAITING
    await begin(task_id, db=db)
    assert (await read(task_id, db=db)).stage is Stage.GENERATING


async def test_a_heartbeat_without_news_is_no_update(task_id: TaskId, db: Database) -> None:
    taken = await begin(task_id, db=db)
    before, first = await read(task_id, db=db), await lease_of(task_id, db)

    # Of a lease there are at least three, however seldom they are.
    kept = keep(taken, Progress(), db=db, lease=timedelta(seconds=6), beat_s=NEVER_S)
    async with asyncio.timeout(LONG_S), kept:
        while await lease_of(task_id, db) == first:
            pass

    assert await read(task_id, db=db) == before

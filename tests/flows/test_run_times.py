"""Runs are measured when they succeed, and tell those who wait how long it will be."""

from datetime import timedelta

import pytest

from photoplay.domain.errors import EngineRejected
from photoplay.domain.tasks import TaskId
from photoplay.flows.parts import ApiParts, WorkerParts
from photoplay.flows.query import Record, query
from photoplay.flows.settle import settle
from photoplay.flows.submit import submit
from photoplay.store.accounts import Caller
from photoplay.store.database import Database
from scenes import announce_clip, begin, claim, fail, rows, submission, value


async def create(parts: ApiParts, caller: Caller, *, resolution: str = "720p", duration: str = "5") -> TaskId:
    return await submit(submission(resolution=resolution, duration=duration), caller=caller, parts=parts)


async def run(task_id: TaskId, *, seconds: float, worker: WorkerParts) -> None:
    """Let the task's engine have worked for so long, and settle its success."""
    taken = await begin(task_id, db=worker.db)
    await rows(
        worker.db,
        "update tasks set generating_at = clock_timestamp() - $2::interval where id = $1",
        task_id,
        timedelta(seconds=seconds),
    )
    await settle(taken, await announce_clip(task_id, db=worker.db), parts=worker)


async def measured(db: Database) -> list[tuple[object, ...]]:
    return await rows(db, "select size, runs, seconds::float from run_times order by size")


def about(seconds: float) -> object:
    """So many, or up to 20 more: on a busy machine a while goes by before the end is written."""
    return pytest.approx(seconds + 10, abs=10)


async def test_a_success_is_measured_by_engine_model_and_size(
    parts: ApiParts, worker: WorkerParts, caller: Caller, db: Database
) -> None:
    for seconds in (400, 800):
        await run(await create(parts, caller), seconds=seconds, worker=worker)
    await run(await create(parts, caller, resolution="1080p", duration="10"), seconds=3000, worker=worker)

    assert await measured(db) == [("1080p 10 s", 1, about(3000)), ("720p 5 s", 2, about(600))]


async def test_after_ten_runs_a_new_one_counts_a_tenth(
    parts: ApiParts, worker: WorkerParts, caller: Caller, db: Database
) -> None:
    await run(await create(parts, caller), seconds=1000, worker=worker)
    await rows(db, "update run_times set runs = 500")

    await run(await create(parts, caller), seconds=0, worker=worker)

    assert await measured(db) == [("720p 5 s", 501, about(900))]


async def test_a_failure_is_not_measured(parts: ApiParts, worker: WorkerParts, caller: Caller, db: Database) -> None:
    await fail(await create(parts, caller), EngineRejected("prompt: not this one"), parts=worker)

    assert await measured(db) == []


async def test_a_success_does_not_wait_for_another_that_is_being_measured(
    parts: ApiParts, worker: WorkerParts, caller: Caller, db: Database
) -> None:
    await run(await create(parts, caller), seconds=800, worker=worker)
    other = await create(parts, caller)

    async with db.transaction() as tx:
        await tx.execute("select from run_times for update")
        await run(other, seconds=100, worker=worker)

    assert await value(db, "select state from tasks where id = $1", other) == "succeeded"
    assert await measured(db) == [("720p 5 s", 1, about(800))]


@pytest.fixture
async def known(parts: ApiParts, worker: WorkerParts, caller: Caller) -> None:
    """A run of 720p, 5 s takes 8 seconds, and one of 1080p, 10 s takes 40."""
    await run(await create(parts, caller), seconds=8, worker=worker)
    await run(await create(parts, caller, resolution="1080p", duration="10"), seconds=40, worker=worker)
    await rows(worker.db, "update run_times set seconds = case size when '720p 5 s' then 8 else 40 end")


async def ask(task_id: TaskId, *, caller: Caller, parts: ApiParts) -> tuple[int | None, float | None]:
    record: Record = await query(task_id, caller=caller, parts=parts)
    return record.queue_position, None if record.eta is None else record.eta.total_seconds()


@pytest.mark.usefixtures("known")
async def test_who_waits_is_told_the_work_ahead_and_its_own(parts: ApiParts, caller: Caller) -> None:
    ids = [await create(parts, caller) for _ in range(2)]
    ids.append(await create(parts, caller, resolution="1080p", duration="10"))
    ids.append(await create(parts, caller))

    told = [await ask(task_id, caller=caller, parts=parts) for task_id in ids]

    assert told == [(1, 8), (2, 16), (3, 56), (4, 64)]


@pytest.mark.usefixtures("known")
async def test_what_runs_now_counts_by_what_is_left_of_it_and_shares_the_work(
    parts: ApiParts, caller: Caller, db: Database
) -> None:
    half_done, claimed, first, second = [await create(parts, caller) for _ in range(4)]
    await begin(half_done, db=db)
    await rows(db, "update tasks set progress = 50 where id = $1", half_done)
    await claim(claimed, db=db)

    told = [await ask(task_id, caller=caller, parts=parts) for task_id in (half_done, claimed, first, second)]

    assert told == [(None, 4), (None, 8), (1, (4 + 8) / 2 + 8), (2, (4 + 8 + 8) / 2 + 8)]


@pytest.mark.usefixtures("known")
async def test_work_that_was_never_measured_counts_like_ones_own(parts: ApiParts, caller: Caller) -> None:
    unknown = await create(parts, caller, resolution="1080p", duration="5")
    behind = await create(parts, caller)

    assert await ask(unknown, caller=caller, parts=parts) == (1, None)
    assert await ask(behind, caller=caller, parts=parts) == (2, 16)

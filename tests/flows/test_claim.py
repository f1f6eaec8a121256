"""How many a server gets whose limit all workers share, and what a worker that stops does with its wake-ups."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import timedelta

import pytest

from photoplay.domain.tasks import Claim, State, Submission, TaskId
from photoplay.engines.runner import EnginePool
from photoplay.flows.cancel import cancel
from photoplay.flows.claim import claim_next
from photoplay.flows.execute import execute
from photoplay.flows.parts import ApiParts, WorkerParts
from photoplay.flows.settle import hand_back
from photoplay.flows.submit import submit
from photoplay.store import submissions
from photoplay.store.accounts import Caller
from photoplay.store.database import Database
from scenes import begin, claim, read, rows, submission

WAKE_UPS = "select count(*) from pgqueuer where entrypoint = 'generate-camera'"


def sharing(worker: WorkerParts, size: int) -> WorkerParts:
    """A worker whose engine has so many places for all workers together."""
    places = EnginePool("sandbox", size=size)
    places.is_shared = True
    return replace(worker, engines={"camera": places})


async def order(taken: Claim, db: Database) -> None:
    """Put on record that the other server was asked."""
    async with db.connection() as connection:
        await submissions.record(connection, taken, Submission(engine="camera", job_id="7", handle={"id": "7"}))


async def test_what_the_dead_have_left_there_takes_the_places_of_others(
    parts: ApiParts, caller: Caller, worker: WorkerParts, db: Database
) -> None:
    asked = [await submit(submission(), caller=caller, parts=parts) for _ in range(4)]
    runs, waits, over, new = asked
    await begin(runs, db=db)
    for task_id in (waits, over):
        taken = await claim(task_id, db=db)
        await order(taken, db)
        await hand_back(taken, parts=worker)
    await cancel(over, caller=caller, parts=parts)
    three = sharing(worker, 3)

    has_room, claimed = await claim_next("camera", parts=three)
    assert claimed is not None
    assert (has_room, claimed[1].id) == (False, waits)
    assert await claim_next("camera", parts=three) == (False, None)
    async with db.connection() as connection:
        await submissions.forget(connection, over)
    has_room, claimed = await claim_next("camera", parts=three)
    assert claimed is not None
    assert (has_room, claimed[1].id) == (True, new)


async def test_workers_that_claim_at_the_same_moment_take_no_more_than_there_is(
    parts: ApiParts, caller: Caller, worker: WorkerParts
) -> None:
    for _ in range(6):
        await submit(submission(), caller=caller, parts=parts)
    two = sharing(worker, 2)
    taken = 0
    for _ in range(6):
        async with asyncio.TaskGroup() as group:
            claims = [group.create_task(claim_next("camera", parts=two)) for _ in range(6)]
        taken += sum(task.result()[1] is not None for task in claims)

    assert taken == 2


async def test_a_worker_that_froze_while_it_counted_holds_nobody_up(
    parts: ApiParts, caller: Caller, worker: WorkerParts, db: Database
) -> None:
    await submit(submission(), caller=caller, parts=parts)
    async with db.transaction() as frozen:
        assert await submissions.count_under_way(frozen, "camera") == 0
        async with asyncio.timeout(5):
            assert await claim_next("camera", parts=sharing(worker, 1)) == (False, None)

    assert (await claim_next("camera", parts=sharing(worker, 1)))[1] is not None


@pytest.fixture
async def busy(worker: WorkerParts) -> AsyncGenerator[WorkerParts]:
    """A worker with one place, which is taken as long as the test runs."""
    pool = EnginePool("sandbox", size=1)
    async with pool.slot():
        yield replace(worker, engines={"camera": pool})
    await pool.stop(timedelta())


async def assert_passed_on(task_id: TaskId, db: Database, *, before: int) -> None:
    task = await read(task_id, db=db)
    assert (task.state, task.attempt) == (State.WAITING, 0)
    assert (await rows(db, WAKE_UPS))[0][0] == before + 1


async def test_a_worker_that_is_cut_short_before_a_place_is_free_passes_the_wake_up_on(
    parts: ApiParts, caller: Caller, busy: WorkerParts, db: Database
) -> None:
    task_id = await submit(submission(), caller=caller, parts=parts)
    ((before,),) = await rows(db, WAKE_UPS)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await execute("camera", parts=busy)

    await assert_passed_on(task_id, db, before=before)


async def test_a_worker_that_stops_begins_nothing_when_a_place_is_free(
    parts: ApiParts, caller: Caller, worker: WorkerParts, db: Database
) -> None:
    task_id = await submit(submission(), caller=caller, parts=parts)
    ((before,),) = await rows(db, WAKE_UPS)
    pool = EnginePool("sandbox", size=1)
    one = replace(worker, engines={"camera": pool})
    async with asyncio.TaskGroup() as group, pool.slot():
        group.create_task(execute("camera", parts=one))
        await asyncio.sleep(0)
        one.stopping.set()
    await pool.stop(timedelta())

    await assert_passed_on(task_id, db, before=before)


async def test_a_job_waits_for_room_where_every_place_is_taken_by_others(
    parts: ApiParts, caller: Caller, worker: WorkerParts, db: Database
) -> None:
    taken, task_id = [await submit(submission(), caller=caller, parts=parts) for _ in range(2)]
    await begin(taken, db=db)
    ((before,),) = await rows(db, WAKE_UPS)
    one = sharing(worker, 1)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(execute("camera", parts=one))
        done, _ = await asyncio.wait([waiting], timeout=0.5)
        one.stopping.set()

    assert not done
    await assert_passed_on(task_id, db, before=before)

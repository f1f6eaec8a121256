"""Ending a task because its owner does not want it any more."""

import asyncio
import time
from collections.abc import Awaitable
from dataclasses import replace

import pytest

from photoplay import clock
from photoplay.domain.errors import EngineUnavailable, InvalidInput
from photoplay.domain.outcomes import Stopped
from photoplay.domain.tasks import AccountId, Stage, State, TaskId
from photoplay.flows.cancel import STOP_WAIT_S, cancel
from photoplay.flows.parts import ApiParts, WorkerParts
from photoplay.flows.settle import hand_back, settle
from photoplay.flows.submit import submit
from photoplay.flows.sweep import recover_lost_tasks
from photoplay.store.accounts import Caller
from photoplay.store.database import Database
from scenes import (
    HOOK_URL,
    LOST,
    announce_clip,
    balances,
    begin,
    closed_signals,
    footprint,
    listening,
    read,
    rows,
    submission,
    succeed,
    value,
)

LONG_S = 60.0


@pytest.fixture
async def task_id(parts: ApiParts, caller: Caller) -> TaskId:
    return await submit(submission(callback_url=HOOK_URL), caller=caller, parts=parts)


async def cancel_while(work: Awaitable[object], task_id: TaskId, *, caller: Caller, parts: ApiParts) -> str:
    """Let the work begin when the wish to cancel is told; return the wish's answer."""
    began = time.monotonic()
    async with listening(parts) as signals, asyncio.TaskGroup() as group:
        with signals.watch(task_id.hex) as watch:
            answer = group.create_task(cancel(task_id, caller=caller, parts=parts))
            assert await watch.wait(within_s=LONG_S)
        await work
    if answer.result() == "requested" and time.monotonic() - began > STOP_WAIT_S:
        pytest.skip("the machine stood still for longer than an answer waits")
    return answer.result()


async def test_a_waiting_task_ends_at_once(task_id: TaskId, parts: ApiParts, caller: Caller, db: Database) -> None:
    outcome = await cancel(task_id, caller=caller, parts=parts)

    task = await read(task_id, db=db)
    assert (outcome, task.state, task.charged_credits) == ("cancelled", State.CANCELLED, 0)
    assert task.failure is not None
    assert task.failure.code == "499"
    assert await balances(db) == (1000, 0)
    assert await value(db, "select count(*) from callbacks") == 1


async def test_a_running_task_is_asked_to_stop(task_id: TaskId, parts: ApiParts, caller: Caller, db: Database) -> None:
    await begin(task_id, db=db)

    outcome = await cancel(task_id, caller=caller, parts=replace(parts, signals=closed_signals()))

    task = await read(task_id, db=db)
    assert (outcome, task.state, task.stage) == ("requested", State.GENERATING, Stage.STOPPING)
    assert await rows(db, "select cancel_asked from tasks") == [(True,)]
    assert await balances(db) == (984, 16)


async def test_a_finished_task_stays_as_it_is(
    task_id: TaskId, parts: ApiParts, worker: WorkerParts, caller: Caller, db: Database
) -> None:
    await succeed(task_id, parts=worker)
    before, task = await footprint(db), await read(task_id, db=db)

    outcome = await cancel(task_id, caller=caller, parts=parts)

    assert outcome == "too_late"
    assert (await footprint(db), await read(task_id, db=db)) == (before, task)


async def test_the_answer_waits_for_the_end_of_a_running_task(
    task_id: TaskId, parts: ApiParts, worker: WorkerParts, caller: Caller, db: Database
) -> None:
    taken = await begin(task_id, db=db)

    answer = await cancel_while(settle(taken, Stopped(), parts=worker), task_id, caller=caller, parts=parts)

    assert answer == "cancelled"
    assert await balances(db) == (1000, 0)


async def test_a_clip_that_is_finished_first_wins_and_is_charged(
    task_id: TaskId, parts: ApiParts, worker: WorkerParts, caller: Caller, db: Database
) -> None:
    taken, produced = await begin(task_id, db=db), await announce_clip(task_id, db=db)

    answer = await cancel_while(settle(taken, produced, parts=worker), task_id, caller=caller, parts=parts)

    assert (answer, (await read(task_id, db=db)).state) == ("too_late", State.SUCCEEDED)
    assert await balances(db) == (984, 0)


@pytest.mark.parametrize("fate", ["failed", "lost", "handed back"])
async def test_an_unwanted_task_gets_no_other_attempt(
    fate: str, task_id: TaskId, parts: ApiParts, worker: WorkerParts, caller: Caller, db: Database
) -> None:
    taken = await begin(task_id, db=db, lease=LOST)
    await cancel(task_id, caller=caller, parts=replace(parts, signals=closed_signals()))

    match fate:
        case "failed":
            await settle(taken, EngineUnavailable("it crashed"), parts=worker)
        case "lost":
            await recover_lost_tasks(worker)
        case _:
            await hand_back(taken, parts=worker)

    task = await read(task_id, db=db)
    assert (task.state, await balances(db)) == (State.CANCELLED, (1000, 0))


async def test_another_accounts_task_and_an_unknown_one_are_refused_alike(
    task_id: TaskId, parts: ApiParts, caller: Caller, db: Database
) -> None:
    stranger = replace(caller, account_id=AccountId(clock.new_uuid()))
    before = await footprint(db)

    for who, what in ((stranger, task_id), (caller, TaskId(clock.new_uuid())), (caller, None)):
        with pytest.raises(InvalidInput, match=r"^recordInfo is null$"):
            await cancel(what, caller=who, parts=parts)

    assert await footprint(db) == before

"""Ending a task because its owner does not want it any more."""

import pytest

from photoplay import clock
from photoplay.domain.errors import InvalidInput
from photoplay.domain.tasks import AccountId, State, TaskId
from photoplay.flows.cancel import cancel
from photoplay.flows.parts import ApiParts, WorkerParts
from photoplay.flows.submit import submit
from photoplay.store.accounts import Caller
from photoplay.store.database import Database
from scenes import HOOK_URL, balances, begin, footprint, read, rows, submission, succeed, value


@pytest.fixture
async def task_id(parts: ApiParts, caller: Caller) -> TaskId:
    return await submit(submission(callback_url=HOOK_URL), caller=caller, parts=parts)


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

    outcome = await cancel(task_id, caller=caller, parts=parts)

    assert (outcome, (await read(task_id, db=db)).state) == ("requested", State.GENERATING)
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


async def test_another_accounts_task_and_an_unknown_one_are_refused_alike(
    task_id: TaskId, parts: ApiParts, caller: Caller, db: Database
) -> None:
    stranger = Caller(account_id=AccountId(clock.new_uuid()), key_id=caller.key_id)
    before = await footprint(db)

    for who, what in ((stranger, task_id), (caller, TaskId(clock.new_uuid())), (caller, None)):
        with pytest.raises(InvalidInput, match=r"^recordInfo is null$"):
            await cancel(what, caller=who, parts=parts)

    assert await footprint(db) == before

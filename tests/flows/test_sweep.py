"""Putting right what nobody else will: lost leases, lost jobs, and files whose time is over."""

from datetime import timedelta
from pathlib import Path

import pytest

from photoplay.domain.tasks import State, TaskId
from photoplay.flows.parts import ApiParts, WorkerParts
from photoplay.flows.retain import remove_expired
from photoplay.flows.submit import submit
from photoplay.flows.sweep import expire_overdue, recover_lost_tasks, remake_lost_jobs
from photoplay.store import files
from photoplay.store.accounts import Caller
from photoplay.store.database import Database
from scenes import HOOK_URL, LOST, announce_clip, balances, begin, claim, jobs, read, rows, submission, value

BACKDATE = "update tasks set updated_at = now() - interval '21 s', not_before = now() - interval '21 s'"


@pytest.fixture
async def task_id(parts: ApiParts, caller: Caller) -> TaskId:
    return await submit(submission(callback_url=HOOK_URL), caller=caller, parts=parts)


@pytest.mark.parametrize("step", [claim, begin], ids=["claimed", "generating"])
async def test_a_task_with_a_lost_lease_is_put_back_with_its_attempt(
    step: type[object], task_id: TaskId, worker: WorkerParts, db: Database
) -> None:
    take = begin if step is begin else claim
    await take(task_id, db=db, lease=LOST)

    await recover_lost_tasks(worker)

    task = await read(task_id, db=db)
    assert (task.state, task.attempt, task.attempts_max) == (State.WAITING, 1, 3)
    assert (await jobs(db))[-1] == ("generate-camera", f"{task_id.hex}:1")
    assert await balances(db) == (984, 16)


async def test_the_third_loss_ends_the_task_and_refunds_it(task_id: TaskId, worker: WorkerParts, db: Database) -> None:
    for _ in range(3):
        await begin(task_id, db=db, lease=LOST)
        await recover_lost_tasks(worker)

    task = await read(task_id, db=db)
    assert (task.state, task.attempt, task.charged_credits, task.balance_credits) == (State.FAILED, 3, 0, 1000)
    assert task.failure is not None
    assert (task.failure.code, task.failure.message) == ("500", "The worker was lost 3 times while it made the clip")
    assert await balances(db) == (1000, 0)
    assert await value(db, "select count(*) from callbacks") == 1


async def test_a_task_that_nobody_came_for_expires_and_is_refunded(
    task_id: TaskId, parts: ApiParts, caller: Caller, worker: WorkerParts, db: Database
) -> None:
    await rows(db, "update tasks set created_at = now() - interval '25 h'")
    young = await submit(submission(), caller=caller, parts=parts)

    await expire_overdue(worker)

    task = await read(task_id, db=db)
    assert task.failure is not None
    assert (task.state, task.failure.code, task.charged_credits) == (State.EXPIRED, "504", 0)
    assert (await read(young, db=db)).state is State.WAITING
    assert await balances(db) == (984, 16)
    assert await value(db, "select count(*) from callbacks") == 1


async def test_a_task_that_is_at_work_does_not_expire(task_id: TaskId, worker: WorkerParts, db: Database) -> None:
    await begin(task_id, db=db)
    await rows(db, "update tasks set created_at = now() - interval '25 h'")

    await expire_overdue(worker)

    assert (await read(task_id, db=db)).state is State.GENERATING


async def test_a_task_with_a_living_lease_is_left_alone(task_id: TaskId, worker: WorkerParts, db: Database) -> None:
    await begin(task_id, db=db)
    before = await read(task_id, db=db)

    await recover_lost_tasks(worker)

    assert await read(task_id, db=db) == before


async def test_age_alone_loses_no_task(task_id: TaskId, worker: WorkerParts, db: Database) -> None:
    await begin(task_id, db=db)
    await rows(db, "update tasks set created_at = now() - interval '2 d', generating_at = now() - interval '2 d'")

    await recover_lost_tasks(worker)

    assert (await read(task_id, db=db)).state is State.GENERATING


async def test_every_lost_task_is_recovered_in_one_sweep(parts: ApiParts, caller: Caller, worker: WorkerParts) -> None:
    ids = [await submit(submission(), caller=caller, parts=parts) for _ in range(3)]
    for id in ids:
        await begin(id, db=parts.db, lease=LOST)

    await recover_lost_tasks(worker)

    assert [(await read(id, db=parts.db)).state for id in ids] == [State.WAITING] * 3


async def test_a_task_that_another_sweep_holds_is_passed_over(
    task_id: TaskId, worker: WorkerParts, db: Database
) -> None:
    await begin(task_id, db=db, lease=LOST)

    async with db.transaction() as other:
        await other.execute("select from tasks for update")
        await recover_lost_tasks(worker)

    assert (await read(task_id, db=db)).state is State.GENERATING


async def test_a_lost_job_is_made_again(task_id: TaskId, worker: WorkerParts, db: Database) -> None:
    await rows(db, "delete from pgqueuer")
    await rows(db, BACKDATE)

    await remake_lost_jobs(worker)

    assert await jobs(db) == [("generate-camera", f"{task_id.hex}:0")]


async def test_a_job_that_is_there_is_not_made_twice(task_id: TaskId, worker: WorkerParts, db: Database) -> None:
    await rows(db, BACKDATE)

    for _ in range(2):
        await remake_lost_jobs(worker)

    assert await jobs(db) == [("generate-camera", f"{task_id.hex}:0")]


async def test_a_young_task_may_still_be_on_its_way(worker: WorkerParts, task_id: TaskId, db: Database) -> None:
    await rows(db, "delete from pgqueuer")

    await remake_lost_jobs(worker)

    assert await jobs(db) == []
    assert (await read(task_id, db=db)).state is State.WAITING


async def test_a_task_that_runs_needs_no_job(task_id: TaskId, worker: WorkerParts, db: Database) -> None:
    await begin(task_id, db=db)
    await rows(db, "delete from pgqueuer")
    await rows(db, BACKDATE)

    await remake_lost_jobs(worker)

    assert await jobs(db) == []


async def test_an_expired_file_goes_from_store_and_table(
    task_id: TaskId, worker: WorkerParts, db: Database, tmp_path: Path
) -> None:
    (tmp_path / "clip").write_bytes(b"clip")
    old, young = [await announce_clip(task_id, db=db) for _ in range(2)]
    for produced in (old, young):
        await worker.files.put(produced.result, tmp_path / "clip")
        async with db.connection() as connection:
            await files.keep(connection, produced.result, size_bytes=4, lifetime=timedelta(days=1))
    await rows(db, "update files set expires_at = now() - interval '1 s' where path = $1", old.result)

    await remove_expired(worker)

    assert await rows(db, "select path from files") == [(young.result,)]
    left = [path.relative_to(tmp_path / "files") for path in (tmp_path / "files").rglob("*.mp4")]
    assert left == [Path(young.result)]


async def test_a_row_whose_file_was_never_written_goes_too(task_id: TaskId, worker: WorkerParts, db: Database) -> None:
    await announce_clip(task_id, db=db)
    await rows(db, "update files set expires_at = now() - interval '1 s'")

    await remove_expired(worker)

    assert await rows(db, "select path from files") == []


async def test_an_unfinished_file_has_an_hour(task_id: TaskId, db: Database) -> None:
    await announce_clip(task_id, db=db)

    assert await value(db, "select expires_at - created_at from files") == timedelta(hours=1)


async def test_old_idempotency_keys_are_forgotten(parts: ApiParts, caller: Caller, worker: WorkerParts) -> None:
    for name in ("old", "young"):
        await submit(submission(idempotency_key=name), caller=caller, parts=parts)
    await rows(parts.db, "update idempotency set created_at = now() - interval '25 h' where key = 'old'")

    await remove_expired(worker)

    assert await rows(parts.db, "select key from idempotency") == [("young",)]

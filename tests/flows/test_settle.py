"""Ending an attempt: state, credits, files and callback in one transaction that the claim fences."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from photoplay.domain.errors import AppError, EngineUnavailable, StaleClaim, StillRejected, TargetUnreachable
from photoplay.domain.outcomes import Stopped
from photoplay.domain.tasks import State, TaskId
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
    claim,
    fail,
    footprint,
    jobs,
    read,
    rows,
    submission,
    succeed,
    value,
)

CRASH = EngineUnavailable("The engine crashed")


@pytest.fixture
async def task_id(parts: ApiParts, caller: Caller) -> TaskId:
    """A waiting task that wants a callback."""
    return await submit(submission(callback_url=HOOK_URL), caller=caller, parts=parts)


async def moves(db: Database) -> list[tuple[Any, ...]]:
    return await rows(db, "select reason, book, credits from postings where reason <> 'grant' order by id")


async def test_success_posts_the_hold_once(task_id: TaskId, worker: WorkerParts, db: Database) -> None:
    produced = await succeed(task_id, parts=worker)

    task = await read(task_id, db=db)
    assert (task.state, task.progress, task.charged_credits, task.engine) == (State.SUCCEEDED, 100, 16, "camera")
    assert (task.results, task.failure, task.balance_credits) == ((produced.result,), None, 984)
    assert task.finished_at is not None
    assert await moves(db) == [
        ("hold", "available", -16),
        ("hold", "held", 16),
        ("post", "held", -16),
        ("post", "revenue", 16),
    ]
    assert await balances(db) == (984, 0)


@pytest.mark.parametrize(("operator", "kept"), [(3, 3), (14, 14), (90, 14)], ids=["less", "as the card", "more"])
async def test_a_clip_is_kept_as_its_card_says_or_less_where_the_operator_does(
    operator: int, kept: int, task_id: TaskId, worker: WorkerParts, db: Database
) -> None:
    await succeed(task_id, parts=replace(worker, results_lifetime=timedelta(days=operator)))

    ((is_ready, size, days),) = await rows(
        db, "select is_ready, size_bytes, extract(epoch from expires_at - now())::float / 86400 from files"
    )
    assert (is_ready, size) == (True, 123)
    assert days == pytest.approx(kept, abs=0.01)


async def test_failure_releases_the_hold(task_id: TaskId, worker: WorkerParts, db: Database) -> None:
    await fail(task_id, StillRejected("image_url: it is not a picture"), parts=worker)

    task = await read(task_id, db=db)
    assert (task.state, task.charged_credits, task.balance_credits, task.results) == (State.FAILED, 0, 1000, ())
    assert task.failure is not None
    assert (task.failure.code, task.failure.message) == ("422", "image_url: it is not a picture")
    assert (await moves(db))[2:] == [("release", "held", -16), ("release", "available", 16)]
    assert await balances(db) == (1000, 0)


async def test_an_attempt_can_fail_before_its_engine_starts(task_id: TaskId, worker: WorkerParts, db: Database) -> None:
    await settle(await claim(task_id, db=db), StillRejected("too large"), parts=worker)

    task = await read(task_id, db=db)
    assert (task.state, task.generating_at) == (State.FAILED, None)


@pytest.mark.parametrize("error", [CRASH, TargetUnreachable("image_url: no answer")])
async def test_a_passing_fault_puts_the_task_back_with_a_job(
    error: AppError, task_id: TaskId, worker: WorkerParts, db: Database
) -> None:
    await fail(task_id, error, parts=worker)

    task = await read(task_id, db=db)
    assert (task.state, task.attempt, task.attempts_max, task.finished_at) == (State.WAITING, 1, 3, None)
    assert await jobs(db) == [("generate-camera", f"{task_id.hex}:0"), ("generate-camera", f"{task_id.hex}:1")]
    delay = await value(db, "select execute_after - created from pgqueuer order by id desc limit 1")
    assert delay == timedelta(seconds=1)
    assert await balances(db) == (984, 16)


async def test_the_third_fault_ends_the_task(task_id: TaskId, worker: WorkerParts, db: Database) -> None:
    for _ in range(3):
        await fail(task_id, CRASH, parts=worker)

    task = await read(task_id, db=db)
    assert (task.state, task.attempt) == (State.FAILED, 3)
    assert task.failure is not None
    assert task.failure.message == "The engine crashed (gave up after 3 attempts)"
    assert await balances(db) == (1000, 0)


async def test_a_task_that_the_owner_stopped_is_cancelled(task_id: TaskId, worker: WorkerParts, db: Database) -> None:
    await settle(await begin(task_id, db=db), Stopped(), parts=worker)

    task = await read(task_id, db=db)
    assert (task.state, task.charged_credits) == (State.CANCELLED, 0)
    assert await balances(db) == (1000, 0)


async def test_of_two_workers_with_one_task_one_settles(task_id: TaskId, worker: WorkerParts, db: Database) -> None:
    first = await begin(task_id, db=db, lease=LOST)
    late = await announce_clip(task_id, db=db)
    await recover_lost_tasks(worker)
    second = await begin(task_id, db=db)
    produced = await announce_clip(task_id, db=db)

    with pytest.raises(StaleClaim):
        await settle(first, late, parts=worker)
    await settle(second, produced, parts=worker)

    task = await read(task_id, db=db)
    assert (task.state, task.attempt, task.results) == (State.SUCCEEDED, 2, (produced.result,))
    assert await balances(db) == (984, 0)


@pytest.mark.parametrize("result", ["clip", CRASH, StillRejected("no"), Stopped()], ids=lambda r: type(r).__name__)
async def test_a_stale_claim_writes_nothing(
    result: AppError | Stopped | str, task_id: TaskId, worker: WorkerParts, db: Database
) -> None:
    stale = await begin(task_id, db=db, lease=LOST)
    clip = await announce_clip(task_id, db=db)
    await recover_lost_tasks(worker)
    before, task_before = await footprint(db), await read(task_id, db=db)

    with pytest.raises(StaleClaim):
        await settle(stale, clip if isinstance(result, str) else result, parts=worker)

    assert await footprint(db) == before
    assert await read(task_id, db=db) == task_before
    assert await value(db, "select is_ready from files") is False


async def test_a_second_settle_is_refused(task_id: TaskId, worker: WorkerParts, db: Database) -> None:
    taken = await begin(task_id, db=db)
    produced = await announce_clip(task_id, db=db)
    await settle(taken, produced, parts=worker)
    before = await footprint(db)

    with pytest.raises(StaleClaim):
        await settle(taken, produced, parts=worker)

    assert await footprint(db) == before


async def test_parallel_settles_of_one_claim_end_the_task_once(
    task_id: TaskId, worker: WorkerParts, db: Database
) -> None:
    taken = await begin(task_id, db=db)
    produced = await announce_clip(task_id, db=db)

    async def attempt() -> bool:
        try:
            await settle(taken, produced, parts=worker)
        except StaleClaim:
            return False
        return True

    async with asyncio.TaskGroup() as group:
        attempts = [group.create_task(attempt()) for _ in range(4)]

    assert sorted(attempt.result() for attempt in attempts) == [False, False, False, True]
    assert await balances(db) == (984, 0)
    assert await value(db, "select count(*) from callbacks") == 1


async def test_a_task_is_claimed_by_one_worker(task_id: TaskId, db: Database) -> None:
    async with asyncio.TaskGroup() as group:
        claims = [group.create_task(_try_claim(task_id, db)) for _ in range(6)]

    assert sum(claim.result() for claim in claims) == 1
    assert (await read(task_id, db=db)).attempt == 1


async def _try_claim(task_id: TaskId, db: Database) -> bool:
    try:
        await claim(task_id, db=db)
    except AssertionError:
        return False
    return True


async def test_the_callback_is_committed_with_the_end(task_id: TaskId, worker: WorkerParts, db: Database) -> None:
    assert await rows(db, "select id from callbacks") == []

    await succeed(task_id, parts=worker)

    ((callback_id, url, state, attempt, body),) = await rows(
        db, "select id, url, state, attempt, body from callbacks where task_id = $1", task_id
    )
    assert callback_id == f"msg_{task_id.hex}_success"
    assert (url, state, attempt) == (HOOK_URL, "pending", 0)
    assert await rows(db, "select host, next_at is not null from receivers") == [("127.0.0.1:9", True)]
    assert bytes(body) == worker.callback_body(await read(task_id, db=db))
    assert json.loads(body)["taskId"] == task_id.hex


async def test_a_retry_announces_nothing(task_id: TaskId, worker: WorkerParts, db: Database) -> None:
    await fail(task_id, CRASH, parts=worker)

    assert await rows(db, "select id from callbacks") == []


@pytest.mark.parametrize("result", ["clip", StillRejected("no")], ids=["success", "failure"])
async def test_without_a_callback_url_nobody_is_told(
    result: str | AppError, parts: ApiParts, caller: Caller, worker: WorkerParts, db: Database
) -> None:
    task_id = await submit(submission(), caller=caller, parts=parts)
    taken = await begin(task_id, db=db)

    await settle(taken, await announce_clip(task_id, db=db) if isinstance(result, str) else result, parts=worker)

    assert await rows(db, "select id from callbacks") == []
    assert [entrypoint for entrypoint, _ in await jobs(db)] == ["generate-camera"]


@pytest.mark.parametrize(
    ("event", "table"),
    [
        ("update", "accounts"),
        ("insert", "postings"),
        ("update", "tasks"),
        ("update", "files"),
        ("insert", "callbacks"),
        ("insert", "receivers"),
    ],
)
async def test_a_failure_between_any_two_writes_leaves_the_attempt_open(
    event: str, table: str, task_id: TaskId, worker: WorkerParts, db: Database
) -> None:
    taken = await begin(task_id, db=db)
    produced = await announce_clip(task_id, db=db)
    await rows(db, f"create trigger stop before {event} on {table} for each row execute function refuse_change()")
    before, task_before = await footprint(db), await read(task_id, db=db)

    with pytest.raises(asyncpg.RaiseError, match=table):
        await settle(taken, produced, parts=worker)

    assert await footprint(db) == before
    assert await read(task_id, db=db) == task_before
    await rows(db, f"drop trigger stop on {table}")
    await settle(taken, produced, parts=worker)
    assert await balances(db) == (984, 0)


async def test_files_of_earlier_attempts_expire_with_the_end(
    task_id: TaskId, worker: WorkerParts, db: Database
) -> None:
    first = await begin(task_id, db=db)
    left = await announce_clip(task_id, db=db)
    await settle(first, CRASH, parts=worker)
    produced = await succeed(task_id, parts=worker)

    expired = await rows(db, "select path from files where expires_at <= now()")
    assert expired == [(left.result,)]
    assert await value(db, "select is_ready from files where path = $1", produced.result) is True


async def test_handing_back_does_not_count_as_an_attempt(task_id: TaskId, worker: WorkerParts, db: Database) -> None:
    for _ in range(5):
        await hand_back(await begin(task_id, db=db), parts=worker)
    for _ in range(2):
        await fail(task_id, CRASH, parts=worker)
    task = await read(task_id, db=db)
    await fail(task_id, CRASH, parts=worker)

    assert (task.state, task.attempt, task.attempts_max) == (State.WAITING, 7, 8)
    assert (await read(task_id, db=db)).state is State.FAILED


async def test_a_task_that_is_handed_back_has_a_job_at_once(task_id: TaskId, worker: WorkerParts, db: Database) -> None:
    await hand_back(await begin(task_id, db=db), parts=worker)

    assert (await jobs(db))[-1] == ("generate-camera", f"{task_id.hex}:1")
    assert await value(db, "select max(execute_after - created) from pgqueuer") == timedelta()
    assert await balances(db) == (984, 16)


async def test_a_stale_claim_cannot_be_handed_back(task_id: TaskId, worker: WorkerParts, db: Database) -> None:
    stale = await begin(task_id, db=db, lease=LOST)
    await recover_lost_tasks(worker)
    before = await footprint(db)

    with pytest.raises(StaleClaim):
        await hand_back(stale, parts=worker)

    assert await footprint(db) == before


async def test_the_first_delivery_waits_for_the_first_step(task_id: TaskId, worker: WorkerParts, db: Database) -> None:
    patient = replace(worker, callback_schedule=(timedelta(minutes=1), timedelta(minutes=5)))

    await succeed(task_id, parts=patient)

    assert await value(db, "select next_at > now() + interval '50 s' from callbacks") is True

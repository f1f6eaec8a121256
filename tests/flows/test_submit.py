"""Accepting a task: task, hold and job are committed together, or nothing is."""

import asyncio

import asyncpg
import pytest

from photoplay.domain.errors import InsufficientCredits, InvalidInput, TargetForbidden
from photoplay.domain.tasks import TaskId
from photoplay.flows.enroll import enroll
from photoplay.flows.parts import ApiParts
from photoplay.flows.submit import submit
from photoplay.store.accounts import Caller
from photoplay.store.database import Database
from scenes import HOOK_URL, balances, find_caller, footprint, jobs, rows, submission, value


async def test_task_hold_and_job_are_committed_together(parts: ApiParts, caller: Caller, db: Database) -> None:
    task_id = await submit(submission(callback_url=HOOK_URL), caller=caller, parts=parts)

    assert await rows(db, "select id, state, attempt, price_credits, balance_credits, key_id from tasks") == [
        (task_id, "waiting", 0, 16, 984, caller.key_id)
    ]
    assert await rows(db, "select book, credits, task_id from postings where reason = 'hold' order by id") == [
        ("available", -16, task_id),
        ("held", 16, task_id),
    ]
    assert await balances(db) == (984, 16)
    assert await jobs(db) == [("generate-camera", f"{task_id.hex}:0")]
    assert await value(db, "select count(*) from callbacks") == 0


@pytest.mark.parametrize("table", ["tasks", "postings", "idempotency", "pgqueuer"])
async def test_a_failure_between_any_two_writes_leaves_nothing(
    table: str, parts: ApiParts, caller: Caller, db: Database
) -> None:
    stop = f"create trigger stop before insert on {table} for each statement execute function refuse_change()"
    await rows(db, stop)
    before = await footprint(db)

    with pytest.raises(asyncpg.RaiseError, match=table):
        await submit(submission(idempotency_key="k"), caller=caller, parts=parts)

    assert await footprint(db) == before
    await rows(db, f"drop trigger stop on {table}")
    assert await submit(submission(idempotency_key="k"), caller=caller, parts=parts)


async def test_a_submit_that_is_cancelled_while_another_is_written_leaves_nothing(
    parts: ApiParts, caller: Caller, db: Database
) -> None:
    async with asyncio.TaskGroup() as group:
        async with db.transaction() as blocker:
            await blocker.execute("select from accounts for update")
            first = group.create_task(submit(submission(), caller=caller, parts=parts))
            while not await value(db, "select exists (select from pg_locks where not granted)"):
                pass
            second = group.create_task(submit(submission(), caller=caller, parts=parts))
            await asyncio.sleep(0)
            second.cancel()
        await first

    assert await rows(db, "select id from tasks") == [(first.result(),)]


@pytest.mark.parametrize("affordable", [0, 1, 5])
async def test_of_parallel_creates_exactly_the_affordable_ones_are_accepted(
    affordable: int, parts: ApiParts, db: Database, caller: Caller
) -> None:
    # 15 credits more than so many tasks cost: not enough for one more.
    await rows(db, "update accounts set balance_credits = $1", affordable * 16 + 15)

    async def attempt() -> TaskId | None:
        try:
            return await submit(submission(), caller=caller, parts=parts)
        except InsufficientCredits:
            return None

    async with asyncio.TaskGroup() as group:
        attempts = [group.create_task(attempt()) for _ in range(12)]

    accepted = [attempt.result() for attempt in attempts if attempt.result() is not None]
    assert len(accepted) == affordable
    assert await value(db, "select count(*) from tasks") == affordable
    assert await balances(db) == (15, affordable * 16)


async def test_the_last_credits_are_spent_once(parts: ApiParts, db: Database) -> None:
    await enroll(db, account="first", granted=16)
    key = await enroll(db, account="first", granted=0)
    async with db.connection() as connection:
        caller = await find_caller(connection, key)
    assert caller is not None

    await submit(submission(), caller=caller, parts=parts)
    with pytest.raises(InsufficientCredits) as refused:
        await submit(submission(), caller=caller, parts=parts)

    assert (refused.value.price_credits, refused.value.balance_credits) == (16, 0)


async def test_every_task_has_a_seed_of_its_own(parts: ApiParts, caller: Caller, db: Database) -> None:
    for _ in range(8):
        await submit(submission(), caller=caller, parts=parts)

    seeds = [seed for (seed,) in await rows(db, "select seed from tasks")]
    assert len(set(seeds)) == 8
    assert all(0 <= seed < 2**31 for seed in seeds)


async def test_a_refused_submission_names_its_first_wrong_field(parts: ApiParts, caller: Caller) -> None:
    with pytest.raises(InvalidInput) as refused:
        await submit(submission(resolution="480p", duration="7"), caller=caller, parts=parts)

    assert refused.value.field == "input.resolution"


async def test_a_link_to_a_file_of_ours_needs_no_way_out(parts: ApiParts, caller: Caller) -> None:
    ours = f"{parts.files_url}token/upload.png"

    assert await submit(submission(image_url=ours), caller=caller, parts=parts)


@pytest.mark.parametrize("url", ["http://127.0.0.1:80/files/a", "http://10.0.0.1/"])
async def test_a_callback_to_an_address_that_is_not_public_is_refused(
    url: str, parts: ApiParts, caller: Caller, db: Database
) -> None:
    before = await footprint(db)

    with pytest.raises(TargetForbidden, match=r"^callBackUrl"):
        await submit(submission(callback_url=url), caller=caller, parts=parts)

    assert await footprint(db) == before

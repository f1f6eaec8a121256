"""Following tasks: each change is told, the newest is never missed, and an end is the end."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import ExitStack, aclosing, asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from photoplay import clock
from photoplay.domain.errors import EngineUnavailable, InvalidInput, RateLimited
from photoplay.domain.tasks import AccountId, TaskId
from photoplay.flows.parts import ApiParts, WorkerParts
from photoplay.flows.query import query
from photoplay.flows.settle import settle
from photoplay.flows.streams import STREAMS_MAX
from photoplay.flows.submit import submit
from photoplay.flows.track import Change, Changes, track_account, track_task
from photoplay.store import tasks
from photoplay.store.accounts import Caller
from photoplay.store.database import Database
from photoplay.store.task_lists import CHANGES_MAX
from scenes import LEASE, announce_clip, begin, claim, listening, read, submission, succeed

LONG_S = 60.0
COPY_AS_ENDED = """
insert into tasks (
    id, account_id, key_id, model, engine, priority, request, input, size, attempts_max, price_credits,
    balance_credits, seed, state, fail_code, fail_message, finished_at
)
select gen_random_uuid(), account_id, key_id, model, engine, priority, request, input, size, attempts_max,
    price_credits, balance_credits, seed, 'cancelled', '499', 'cancelled', clock_timestamp()
from tasks, generate_series(1, $2) where id = $1
"""


@pytest.fixture
async def task_id(parts: ApiParts, caller: Caller) -> TaskId:
    return await submit(submission(), caller=caller, parts=parts)


@pytest.fixture
async def heard(parts: ApiParts) -> AsyncGenerator[ApiParts]:
    async with listening(parts):
        yield parts


@asynccontextmanager
async def following(
    task_id: TaskId, *, caller: Caller, parts: ApiParts, seen: Change | None = None
) -> AsyncGenerator[Changes]:
    changes = await track_task(task_id, caller=caller, seen=seen and seen.at, parts=parts)
    assert changes is not None
    async with aclosing(changes), asyncio.timeout(LONG_S):
        yield changes


async def told(changes: Changes) -> tuple[str, str, int]:
    change = await next_of(changes)
    return change.kind.value, change.record.task.state.value, change.record.task.progress


async def next_of(changes: Changes) -> Change:
    async for change in changes:
        if change is not None:
            return change
    raise AssertionError("the stream ended")


async def advance(task_id: TaskId, percent: int, *, db: Database) -> None:
    """Report progress, as a heartbeat does."""
    token = await begin(task_id, db=db)
    async with db.connection() as connection:
        await tasks.keep(connection, token, lease=LEASE, progress=percent, stage=None)


async def test_a_task_is_told_from_where_it_is_to_its_end(
    task_id: TaskId, heard: ApiParts, worker: WorkerParts, caller: Caller, db: Database
) -> None:
    async with following(task_id, caller=caller, parts=heard) as changes:
        story = [await told(changes)]
        taken = await claim(task_id, db=db)
        story.append(await told(changes))
        async with db.connection() as connection:
            await tasks.start(connection, taken)
        story.append(await told(changes))
        async with db.connection() as connection:
            await tasks.keep(connection, taken, lease=LEASE, progress=40, stage=None)
        story.append(await told(changes))
        await settle(taken, await announce_clip(task_id, db=db), parts=worker)
        story.append(await told(changes))

        assert story == [
            ("state", "waiting", 0),
            ("state", "claimed", 0),
            ("state", "generating", 0),
            ("progress", "generating", 40),
            ("end", "succeeded", 100),
        ]
        assert [change async for change in changes] == []


async def test_an_ended_task_is_told_once_and_a_seen_end_not_again(
    task_id: TaskId, heard: ApiParts, worker: WorkerParts, caller: Caller
) -> None:
    await succeed(task_id, parts=worker)

    async with following(task_id, caller=caller, parts=heard) as changes:
        end = await next_of(changes)

    assert (end.kind, await track_task(task_id, caller=caller, seen=end.at, parts=heard)) == ("end", None)


async def test_who_comes_back_gets_the_newest_state_and_none_that_is_older(
    task_id: TaskId, heard: ApiParts, caller: Caller, db: Database
) -> None:
    async with following(task_id, caller=caller, parts=heard) as changes:
        seen = await next_of(changes)
    await advance(task_id, 40, db=db)

    async with following(task_id, caller=caller, parts=heard, seen=seen) as changes:
        newest = await next_of(changes)

    assert (newest.record.task.progress, newest.at > seen.at) == (40, True)


async def test_who_comes_back_and_missed_nothing_waits_for_the_next_change(
    task_id: TaskId, heard: ApiParts, caller: Caller, db: Database
) -> None:
    async with following(task_id, caller=caller, parts=heard) as changes:
        seen = await next_of(changes)

    async with following(task_id, caller=caller, parts=heard, seen=seen) as changes, asyncio.TaskGroup() as group:
        following_one = group.create_task(told(changes))
        with heard.signals.watch(task_id.hex) as watch:
            await claim(task_id, db=db)
            await watch.wait(within_s=LONG_S)

    assert following_one.result() == ("state", "claimed", 0)


async def test_another_accounts_task_is_not_followed(task_id: TaskId, parts: ApiParts, caller: Caller) -> None:
    stranger = replace(caller, account_id=AccountId(clock.new_uuid()))

    for who, what in ((stranger, task_id), (caller, TaskId(clock.new_uuid())), (caller, None)):
        with pytest.raises(InvalidInput, match=r"^recordInfo is null$"):
            await track_task(what, caller=who, seen=None, parts=parts)


async def test_a_stopping_server_ends_its_streams(task_id: TaskId, parts: ApiParts, caller: Caller) -> None:
    one = await track_task(task_id, caller=caller, seen=None, parts=parts)
    every = await track_account(caller=caller, seen=None, parts=parts)
    assert one is not None
    parts.signals.close()

    assert len([change async for change in one]) == 1
    assert [change async for change in every] == []


async def test_an_account_is_told_of_all_its_tasks(
    heard: ApiParts, worker: WorkerParts, caller: Caller, db: Database
) -> None:
    first, second = [await submit(submission(), caller=caller, parts=heard) for _ in range(2)]
    changes = await track_account(caller=caller, seen=None, parts=heard)

    async with aclosing(changes), asyncio.timeout(LONG_S):
        opening = [await next_of(changes) for _ in range(2)]
        await begin(second, db=db)
        middle = await next_of(changes)
        await succeed(first, parts=worker)
        end = await next_of(changes)

    assert [change.record.task.id for change in opening] == [first, second]
    assert (middle.kind, middle.record.task.id) == ("state", second)
    assert (end.kind, end.record.task.id, end.record.task.progress) == ("end", first, 100)


async def test_who_comes_back_to_an_account_gets_what_ended_meanwhile(
    heard: ApiParts, worker: WorkerParts, caller: Caller, db: Database
) -> None:
    first, second = [await submit(submission(), caller=caller, parts=heard) for _ in range(2)]
    changes = await track_account(caller=caller, seen=None, parts=heard)
    async with aclosing(changes), asyncio.timeout(LONG_S):
        seen = [await next_of(changes) for _ in range(2)][-1]
    await succeed(first, parts=worker)
    await begin(second, db=db)

    again = await track_account(caller=caller, seen=seen.at, parts=heard)
    async with aclosing(again), asyncio.timeout(LONG_S):
        replay = [await next_of(again) for _ in range(2)]

    assert [(change.kind.value, change.record.task.id) for change in replay] == [("end", first), ("state", second)]


async def test_what_ended_long_before_is_not_told(
    heard: ApiParts, worker: WorkerParts, caller: Caller, db: Database
) -> None:
    old, new = [await submit(submission(), caller=caller, parts=heard) for _ in range(2)]
    await succeed(old, parts=worker)
    async with db.connection() as connection:
        await connection.execute(
            "update tasks set finished_at = finished_at - interval '1 h', updated_at = updated_at - interval '1 h'"
            " where id = $1",
            old,
        )

    changes = await track_account(caller=caller, seen=None, parts=heard)
    async with aclosing(changes), asyncio.timeout(LONG_S):
        assert (await next_of(changes)).record.task.id == new


async def test_more_changes_than_are_read_at_once_are_all_told(
    task_id: TaskId, heard: ApiParts, caller: Caller
) -> None:
    ended = CHANGES_MAX + 10
    async with heard.db.connection() as connection:
        await connection.execute(COPY_AS_ENDED, task_id, ended)

    changes = await track_account(caller=caller, seen=None, parts=heard)
    async with aclosing(changes), asyncio.timeout(LONG_S):
        told_of = [(await next_of(changes)).record.task.id for _ in range(ended + 1)]

    assert len(set(told_of)) == ended + 1


async def test_so_many_streams_are_open_at_once_and_no_more(task_id: TaskId, parts: ApiParts, caller: Caller) -> None:
    with ExitStack() as stack:
        for subject in (task_id.hex, caller.account_id.hex):
            for _ in range(STREAMS_MAX):
                stack.enter_context(parts.signals.watch(subject))

        with pytest.raises(RateLimited, match="20 streams are open, the limit is 20"):
            await track_task(task_id, caller=caller, seen=None, parts=parts)
        with pytest.raises(RateLimited, match="20 streams are open, the limit is 20"):
            await track_account(caller=caller, seen=None, parts=parts)
    assert await track_account(caller=caller, seen=None, parts=parts)


async def test_a_query_can_wait_for_the_end(
    task_id: TaskId, heard: ApiParts, worker: WorkerParts, caller: Caller, db: Database
) -> None:
    taken = await begin(task_id, db=db)

    async with asyncio.timeout(LONG_S), asyncio.TaskGroup() as group:
        answer = group.create_task(query(task_id, caller=caller, parts=heard, wait=timedelta(seconds=LONG_S * 2)))
        await settle(taken, EngineUnavailable("it crashed"), parts=worker)
        await succeed(task_id, parts=worker)

    assert answer.result().task.state == "succeeded"


async def test_a_query_that_waited_long_enough_answers_how_it_is(
    task_id: TaskId, parts: ApiParts, caller: Caller, db: Database
) -> None:
    await begin(task_id, db=db)

    record = await query(task_id, caller=caller, parts=parts, wait=timedelta(milliseconds=1))

    assert record.task == await read(task_id, db=db)

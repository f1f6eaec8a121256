"""Following what an account is told: live, from where one left off, and for that account alone."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from standardwebhooks import Webhook

from photoplay.domain.errors import RateLimited
from photoplay.domain.outcomes import Stopped
from photoplay.domain.tasks import CallbackEvent, TaskId
from photoplay.flows.enroll import enroll
from photoplay.flows.follow import Told, follow
from photoplay.flows.parts import ApiParts, WorkerParts
from photoplay.flows.settle import settle, start
from photoplay.flows.streams import STREAMS_MAX
from photoplay.flows.submit import submit
from photoplay.store.accounts import Caller
from scenes import HOOK_URL, claim, find_caller, rows, submission, succeed, value

LONG_S = 60.0


@asynccontextmanager
async def following(parts: ApiParts, caller: Caller, *, after: Told | None = None) -> AsyncGenerator["Follower"]:
    """A follower that has begun: what happens in the block is news to it."""
    async with asyncio.timeout(LONG_S), asyncio.TaskGroup() as group:
        listener = group.create_task(parts.signals.listen())
        with parts.signals.watch("ready") as ready:
            await ready.wait(within_s=LONG_S)
        following = await follow(after=after.at if after else None, quiet_s=0.2, caller=caller, parts=parts)
        stream = following.events
        follower = Follower(stream)
        yield follower
        await stream.aclose()
        listener.cancel()


class Follower:
    def __init__(self, stream: AsyncGenerator[Told | None]) -> None:
        self._stream = stream

    async def next(self) -> Told:
        async for told in self._stream:
            if told is not None:
                return told
        raise AssertionError("the stream ended")

    async def silence(self) -> None:
        assert await anext(self._stream) is None


async def end_task(parts: ApiParts, worker: WorkerParts, caller: Caller, *, callback_url: str | None = None) -> TaskId:
    task_id = await submit(submission(callback_url=callback_url), caller=caller, parts=parts)
    await succeed(task_id, parts=worker)
    return task_id


@pytest.mark.parametrize("callback_url", [HOOK_URL, None], ids=["with a callBackUrl", "without"])
async def test_an_end_is_told_with_id_body_and_signatures(
    callback_url: str | None, parts: ApiParts, worker: WorkerParts, caller: Caller
) -> None:
    async with following(parts, caller) as follower:
        task_id = await end_task(parts, worker, caller, callback_url=callback_url)
        told = await follower.next()

    secret = str(await value(parts.db, "select callback_secret from accounts"))
    assert (told.task_id, told.event, told.id) == (task_id, CallbackEvent.SUCCESS, f"msg_{task_id.hex}_success")
    assert Webhook(secret).verify(told.body, dict(told.headers))["taskId"] == task_id.hex
    assert told.headers["webhook-id"] == told.id
    for body, id in await rows(parts.db, "select body, id from callbacks"):
        assert (bytes(body), id) == (told.body, told.id), "what a POST would carry"


async def test_what_happened_before_is_no_news(parts: ApiParts, worker: WorkerParts, caller: Caller) -> None:
    await end_task(parts, worker, caller)
    async with following(parts, caller) as follower:
        await follower.silence()
        later = await end_task(parts, worker, caller)

        assert (await follower.next()).task_id == later


async def test_a_follower_that_comes_back_hears_what_it_missed(
    parts: ApiParts, worker: WorkerParts, caller: Caller
) -> None:
    async with following(parts, caller) as follower:
        first = await end_task(parts, worker, caller)
        heard = await follower.next()
    missed = [await end_task(parts, worker, caller) for _ in range(3)]
    async with following(parts, caller, after=heard) as follower:
        told = [await follower.next() for _ in range(4)]

    assert [each.task_id for each in told] == [first, *missed], "the last one again, with its id"
    assert told[0].id == heard.id


async def test_what_commits_late_is_not_missed(parts: ApiParts, worker: WorkerParts, caller: Caller) -> None:
    async with following(parts, caller) as follower:
        early = await end_task(parts, worker, caller)
        await follower.next()
        late = await submit(submission(), caller=caller, parts=parts)
        await succeed(late, parts=worker)
        # As a transaction would that began to end its task before the other one did.
        await rows(parts.db, "update tasks set finished_at = finished_at - interval '5 s' where id = $1", late)
        told = await follower.next()

    assert (told.task_id, early != late) == (late, True)


async def test_each_event_is_told_once_however_often_rows_change(
    parts: ApiParts, worker: WorkerParts, caller: Caller
) -> None:
    async with following(parts, caller) as follower:
        task_id = await end_task(parts, worker, caller)
        await follower.next()
        await rows(parts.db, "update tasks set progress = 99 where id = $1", task_id)

        await follower.silence()


async def test_what_others_do_is_not_told(parts: ApiParts, worker: WorkerParts, caller: Caller) -> None:
    key = await enroll(parts.db, account="other", granted=100)
    async with parts.db.connection() as connection:
        other = await find_caller(connection, key)
    assert other is not None
    async with following(parts, caller) as follower:
        await end_task(parts, worker, other)

        await follower.silence()


async def test_only_what_a_task_asked_for_is_told(parts: ApiParts, worker: WorkerParts, caller: Caller) -> None:
    events = frozenset({CallbackEvent.GENERATING})
    asked = replace(submission(callback_url=HOOK_URL), callback_events=events)
    async with following(parts, caller) as follower:
        task_id = await submit(asked, caller=caller, parts=parts)
        taken = await claim(task_id, db=parts.db)
        await start(taken, parts=worker)
        told = await follower.next()
        await settle(taken, Stopped(), parts=worker)

        assert (told.task_id, told.event) == (task_id, CallbackEvent.GENERATING)
        await follower.silence()


async def test_many_ends_at_once_all_arrive(parts: ApiParts, worker: WorkerParts, caller: Caller) -> None:
    task_id, last = [await submit(submission(), caller=caller, parts=parts) for _ in range(2)]
    await succeed(task_id, parts=worker)
    columns = "account_id, key_id, model, engine, priority, size, request, input, state, attempts_max, price_credits, "
    columns += "charged_credits, balance_credits, seed, results, generating_at"
    async with following(parts, caller) as follower:
        await rows(
            parts.db,
            f"insert into tasks (id, finished_at, {columns}) select gen_random_uuid(), now(), {columns} from tasks,"
            " generate_series(1, 250) where id = $1",
            task_id,
        )
        await rows(parts.db, "update tasks set progress = 100 where finished_at > created_at")
        await succeed(last, parts=worker)
        told = {(await follower.next()).task_id for _ in range(251)}

    assert len(told) == 251


async def test_an_account_has_no_more_streams_than_it_needs(parts: ApiParts, caller: Caller) -> None:
    with ExitStack() as stack:
        for _ in range(STREAMS_MAX):
            stack.enter_context(parts.signals.watch(caller.account_id.hex))

        with pytest.raises(RateLimited, match="20 streams are open, the limit is 20"):
            await follow(after=None, quiet_s=1, caller=caller, parts=parts)
    await follow(after=None, quiet_s=1, caller=caller, parts=parts)


async def test_a_stopping_server_ends_the_stream(parts: ApiParts, caller: Caller) -> None:
    async with following(parts, caller) as follower:
        parts.signals.close()

        with pytest.raises(AssertionError, match="the stream ended"):
            await follower.next()


async def test_a_follower_from_long_ago_is_told_everything_since(
    parts: ApiParts, worker: WorkerParts, caller: Caller
) -> None:
    ended = [await end_task(parts, worker, caller) for _ in range(2)]
    await rows(parts.db, "update tasks set finished_at = finished_at - interval '3 days' where id = $1", ended[0])
    async with following(parts, caller) as probe:
        third = await end_task(parts, worker, caller)
        now = await probe.next()
    async with following(parts, caller, after=replace(now, at=now.at - timedelta(days=4))) as follower:
        told = [(await follower.next()).task_id for _ in range(3)]

    assert told == [*ended, third]

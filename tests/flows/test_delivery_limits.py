"""Who gets how many places: receivers, accounts, workers; what pauses; and what is sent again by hand."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from callback_hosts import BROKEN, OK, receiver
from photoplay import clock
from photoplay.domain.callbacks import FAILURES_MAX
from photoplay.domain.errors import InvalidInput
from photoplay.domain.outcomes import Stopped
from photoplay.domain.tasks import TaskId
from photoplay.egress import Egress, HostPort
from photoplay.flows.callbacks import resend
from photoplay.flows.deliver import claim_due, deliver, exhaust_overdue
from photoplay.flows.enroll import enroll
from photoplay.flows.parts import ApiParts, WorkerParts
from photoplay.flows.settle import settle, start
from photoplay.flows.submit import submit
from photoplay.store.accounts import Caller
from photoplay.store.callbacks import Callback
from photoplay.store.database import Database
from scenes import NO_RATE, begin, claim, find_caller, limited, rows, submission, value

MANY = 100
BLOCKED = (
    "select pid from pg_sleep(0.1), pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
)
NOBODY = HostPort(host="127.0.0.1", port=9)


class Scene:
    """Accounts that end tasks, and a worker that delivers."""

    def __init__(self, parts: ApiParts, worker: WorkerParts, caller: Caller) -> None:
        self.parts, self.worker, self.caller = parts, worker, caller

    async def end_tasks(self, *ports: int, caller: Caller | None = None) -> list[TaskId]:
        """End one task for each port, whose callback goes there."""
        places = frozenset(HostPort(host="127.0.0.1", port=port) for port in (*ports, 9))
        async with Egress(allow=places) as egress:
            parts = replace(self.parts, egress=egress)
            asked = [submission(callback_url=f"http://127.0.0.1:{port}/") for port in ports]
            ended = [await submit(each, caller=caller or self.caller, parts=parts) for each in asked]
        for task_id in ended:
            await settle(await begin(task_id, db=parts.db), Stopped(), parts=self.worker)
        return ended

    async def claim(self, *, free: int = MANY) -> Sequence[Callback]:
        claimed, _ = await claim_due(self.worker, free=free)
        return claimed

    async def deliver(self, claimed: Sequence[Callback], *ports: int) -> None:
        places = frozenset(HostPort(host="127.0.0.1", port=port) for port in ports)
        async with Egress(allow=places) as egress, asyncio.TaskGroup() as group:
            for callback in claimed:
                group.create_task(deliver(callback, parts=replace(self.worker, egress=egress)))

    async def fail(self, times: int) -> None:
        """Let so many deliveries in a row bring no answer, whatever is due when."""
        for _ in range(times):
            await rows(self.parts.db, "update callbacks set next_at = now() where lease_until is null")
            await rows(self.parts.db, "update receivers set next_at = now(), paused_until = null")
            await self.deliver((await self.claim(free=1))[:1], 9)


@pytest.fixture
async def scene(parts: ApiParts, worker: WorkerParts, caller: Caller) -> AsyncGenerator[Scene]:
    patient = replace(worker, callback_schedule=(timedelta(), *[timedelta(hours=1)] * 19))
    async with limited(parts, NO_RATE) as free:
        yield Scene(free, patient, caller)


async def grow_older(db: Database, *, days: int) -> None:
    """What a stop of so many days, or a jump of the clock, is to the rows."""
    by = f"interval '{days} days'"
    await rows(
        db,
        f"update callbacks set scheduled_at = scheduled_at - {by}, next_at = next_at - {by}, "
        f"lease_until = lease_until - {by}",
    )
    await rows(db, f"update receivers set next_at = next_at - {by}, paused_until = paused_until - {by}")


async def attempts(db: Database) -> list[Any]:
    return [attempt for (attempt,) in await rows(db, "select attempt from callbacks order by created_at")]


async def test_a_receiver_gets_four_at_once_and_the_next_when_one_is_done(scene: Scene) -> None:
    async with receiver(OK) as here:
        await scene.end_tasks(*[here.place.port] * 6)

        first = await scene.claim()
        none = await scene.claim()
        await scene.deliver(first[:1], here.place.port)
        next_one = await scene.claim()

    assert (len(first), len(none), len(next_one)) == (4, 0, 1)
    assert await attempts(scene.parts.db) == [1, 1, 1, 1, 1, 0]


async def test_workers_together_send_a_receiver_no_more_than_four(scene: Scene) -> None:
    await scene.end_tasks(*[9] * 8)

    async with asyncio.TaskGroup() as group:
        workers = [group.create_task(scene.claim()) for _ in range(5)]

    claimed = [callback.id for worker in workers for callback in worker.result()]
    assert len(claimed) == len(set(claimed)) == 4


async def test_a_full_receiver_delays_no_other(scene: Scene) -> None:
    await scene.end_tasks(*[9] * 8, 10)

    claimed = await scene.claim()

    assert sorted(callback.host for callback in claimed) == ["127.0.0.1:10", *["127.0.0.1:9"] * 4]


async def test_one_account_never_takes_the_places_of_all(scene: Scene, db: Database) -> None:
    other_key = await enroll(db, account="other", granted=1000)
    async with db.connection() as connection:
        other = await find_caller(connection, other_key)
    await scene.end_tasks(*range(20, 32))
    free = 9
    while greedy := await scene.claim(free=free):
        free -= len(greedy)

    await scene.end_tasks(50, caller=other)
    patient = await scene.claim(free=free)

    assert free == 3, "a third is left for others"
    assert [callback.host for callback in patient] == ["127.0.0.1:50"]


async def test_a_receiver_that_never_answers_is_paused_and_its_callbacks_lose_no_attempt(scene: Scene) -> None:
    await scene.end_tasks(*[9] * 8)
    await scene.fail(FAILURES_MAX)
    before = await attempts(scene.parts.db)

    await rows(scene.parts.db, "update callbacks set next_at = now()")
    claimed = await scene.claim()

    assert list(claimed) == []
    assert await attempts(scene.parts.db) == before
    assert await value(scene.parts.db, "select paused_until > now() from receivers") is True


async def test_after_the_pause_one_finds_out_and_an_answer_lets_all_go(scene: Scene) -> None:
    async with receiver(BROKEN) as here:
        await scene.end_tasks(*[here.place.port] * 12)
        await scene.fail(FAILURES_MAX)
        await rows(scene.parts.db, "update callbacks set next_at = now()")
        await rows(scene.parts.db, "update receivers set next_at = now(), paused_until = now()")

        probe = await scene.claim()
        await scene.deliver(probe, here.place.port)
        after = await scene.claim()

    assert (len(probe), len(after)) == (1, 4)
    assert await rows(scene.parts.db, "select failures, paused_until from receivers") == [(0, None)]


async def test_the_schedule_of_a_lone_callback_is_not_stretched_by_a_pause(scene: Scene) -> None:
    scene.worker = replace(scene.worker, callback_schedule=(timedelta(), *[timedelta(seconds=1)] * 19))
    await scene.end_tasks(9)

    await scene.fail(FAILURES_MAX + 2)

    assert await value(scene.parts.db, "select failures from receivers") == FAILURES_MAX + 2
    late = "select receivers.paused_until - callbacks.next_at from receivers, callbacks"
    assert await value(scene.parts.db, late) < timedelta(seconds=0.5)


async def test_what_waits_behind_a_receiver_that_never_answers_is_given_up_in_the_end(scene: Scene) -> None:
    young, old, untried = await scene.end_tasks(9, 9, 9)
    await scene.fail(FAILURES_MAX)
    await rows(scene.parts.db, "update callbacks set attempt = 1 where task_id in ($1, $2)", young, old)
    await rows(scene.parts.db, "update callbacks set attempt = 0 where task_id = $1", untried)
    await rows(
        scene.parts.db, "update callbacks set scheduled_at = now() - interval '7 days' where task_id <> $1", young
    )

    await exhaust_overdue(scene.worker)

    states = dict(await rows(scene.parts.db, "select task_id, state from callbacks"))
    assert states == {young: "pending", old: "exhausted", untried: "pending"}


async def test_after_a_stop_of_days_a_receiver_is_asked_before_anything_is_given_up(scene: Scene) -> None:
    async with receiver(OK) as here:
        await scene.end_tasks(*[here.place.port] * 4)
        await scene.fail(FAILURES_MAX)
        await grow_older(scene.parts.db, days=7)

        await exhaust_overdue(scene.worker)
        await scene.deliver(await scene.claim(), here.place.port)
        await scene.deliver(await scene.claim(), here.place.port)

    assert await rows(scene.parts.db, "select distinct state from callbacks") == [("delivered",)]


async def test_a_clock_that_jumps_forward_loses_nothing(scene: Scene) -> None:
    async with receiver(OK) as here:
        await scene.end_tasks(*[here.place.port] * 3)
        await scene.claim(free=1)
        await grow_older(scene.parts.db, days=7)

        await exhaust_overdue(scene.worker)
        await scene.deliver(await scene.claim(), here.place.port)

    assert len(here.arrivals) == 3
    assert await rows(scene.parts.db, "select distinct state from callbacks") == [("delivered",)]


async def test_sent_again_it_has_the_same_id_and_bytes_and_a_new_schedule(scene: Scene) -> None:
    once = replace(scene.worker, callback_schedule=(timedelta(),))
    async with receiver(BROKEN, BROKEN, OK) as here:
        scene.worker = once
        (task_id,) = await scene.end_tasks(here.place.port)
        await scene.deliver(await scene.claim(), here.place.port)
        exhausted = await value(scene.parts.db, "select state from callbacks")
        scene.worker = replace(once, callback_schedule=(timedelta(), timedelta()))
        resent = await resend(task_id=task_id, failed_since=None, caller=scene.caller, parts=scene.parts)
        for _ in range(2):
            await scene.deliver(await scene.claim(), here.place.port)

    assert (exhausted, resent) == ("exhausted", 1)
    assert await rows(scene.parts.db, "select state, attempt from callbacks") == [("delivered", 3)]
    assert await rows(scene.parts.db, "select status from deliveries order by attempt") == [(500,), (500,), (200,)]
    assert len({arrival.body for arrival in here.arrivals}) == 1
    assert len({arrival.headers["webhook-id"] for arrival in here.arrivals}) == 1


async def test_everything_given_up_since_a_time_is_sent_again(scene: Scene) -> None:
    early, late, _ = await scene.end_tasks(9, 9, 9)
    db = scene.parts.db
    for task_id, hours in ((early, 3), (late, 1)):
        sql = "update callbacks set state = 'exhausted', concluded_at = now() - $2::interval where task_id = $1"
        await rows(db, sql, task_id, timedelta(hours=hours))

    since = clock.now() - timedelta(hours=2)
    resent = await resend(task_id=None, failed_since=since, caller=scene.caller, parts=scene.parts)

    assert resent == 1
    assert await value(db, "select state from callbacks where task_id = $1", early) == "exhausted"
    assert await value(db, "select state from callbacks where task_id = $1", late) == "pending"


async def test_what_is_under_way_is_not_sent_twice_by_asking_again(scene: Scene) -> None:
    (task_id,) = await scene.end_tasks(9)
    await scene.claim()

    resent = await resend(task_id=task_id, failed_since=None, caller=scene.caller, parts=scene.parts)

    assert resent == 0
    assert list(await scene.claim()) == []


async def test_the_callbacks_of_others_cannot_be_sent_again(scene: Scene, db: Database) -> None:
    (task_id,) = await scene.end_tasks(9)
    key = await enroll(db, account="other", granted=0)
    async with db.connection() as connection:
        other = await find_caller(connection, key)
    assert other is not None

    with pytest.raises(InvalidInput, match="recordInfo is null"):
        await resend(task_id=task_id, failed_since=None, caller=other, parts=scene.parts)
    since = clock.now() - timedelta(days=1)
    assert await resend(task_id=None, failed_since=since, caller=other, parts=scene.parts) == 0


async def test_who_asks_is_told_when_a_task_generates_and_only_once(scene: Scene, db: Database) -> None:
    asked = replace(
        submission(callback_url=f"http://{NOBODY}/"),
        callback_events=frozenset(["generating"]),  # pyright: ignore[reportArgumentType] - a StrEnum's value
    )
    task_id = await submit(asked, caller=scene.caller, parts=scene.parts)
    taken = await claim(task_id, db=db)
    before = await value(db, "select count(*) from callbacks")
    await start(taken, parts=scene.worker)
    told = await rows(db, "select id, event, convert_from(body, 'UTF8')::jsonb ->> 'msg' from callbacks")
    await settle(taken, Stopped(), parts=scene.worker)

    assert before == 0
    assert told == [(f"msg_{task_id.hex}_generating", "generating", "Playground task is generating.")]
    assert await value(db, "select count(*) from callbacks") == 1, "the end was not asked for"


async def test_what_is_given_up_while_it_is_claimed_is_left_out_of_the_claim(scene: Scene) -> None:
    overdue, due = await scene.end_tasks(9, 9)
    db = scene.worker.db
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        async with db.transaction() as tx:
            await tx.execute(
                "update callbacks set state = 'exhausted', concluded_at = now() where task_id = $1", overdue
            )
            claiming = group.create_task(scene.claim())
            while not await rows(db, BLOCKED):
                pass
        claimed = await claiming

    assert [callback.task_id for callback in claimed] == [due]

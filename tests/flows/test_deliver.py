"""Delivering callbacks over real sockets: signed, logged, and tried again until it ends."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook

from callback_hosts import BROKEN, BUSY, GONE, HANGS_UP, NONSENSE, OK, Receiver, receiver
from photoplay.domain.tasks import TaskId
from photoplay.egress import Egress
from photoplay.flows.deliver import claim_due, deliver
from photoplay.flows.parts import ApiParts, WorkerParts
from photoplay.flows.submit import submit
from photoplay.store.accounts import Caller
from photoplay.store.database import Database
from scenes import rows, submission, succeed, value


@dataclass(frozen=True, slots=True)
class Promise:
    """The callback of a finished task, and a worker that can reach its receiver."""

    id: str
    task_id: TaskId
    parts: WorkerParts

    async def deliver(self) -> None:
        """Deliver what is due, as a worker would."""
        claimed, _ = await claim_due(self.parts, free=10)
        async with asyncio.TaskGroup() as group:
            for callback in claimed:
                group.create_task(deliver(callback, parts=self.parts))


Finish = Callable[[Receiver], Awaitable[Promise]]


@pytest.fixture
async def finish(parts: ApiParts, worker: WorkerParts, caller: Caller, db: Database) -> AsyncGenerator[Finish]:
    """Run a task to its end, with its callback going to this receiver."""
    async with AsyncExitStack() as stack:

        async def make(here: Receiver) -> Promise:
            egress = await stack.enter_async_context(Egress(allow=frozenset({here.place})))
            still = f"{parts.files_url}token/upload.png"
            asked = submission(callback_url=f"http://{here.place}/hook?a=1", image_url=still)
            task_id = await submit(asked, caller=caller, parts=replace(parts, egress=egress))
            await succeed(task_id, parts=worker)
            callback_id = str(await value(db, "select id from callbacks where task_id = $1", task_id))
            return Promise(id=callback_id, task_id=task_id, parts=replace(worker, egress=egress))

        yield make


async def standing(db: Database) -> tuple[Any, ...]:
    (row,) = await rows(db, "select state, attempt from callbacks")
    return row


async def log_of(db: Database) -> list[tuple[Any, ...]]:
    return await rows(db, "select attempt, status, error from deliveries order by attempt")


async def test_a_receiver_that_says_200_ends_it(finish: Finish, db: Database) -> None:
    async with receiver(OK) as here:
        promise = await finish(here)
        await promise.deliver()

    assert await standing(db) == ("delivered", 1)
    assert await log_of(db) == [(1, 200, None)]
    assert await value(db, "select answer_head from deliveries") == b"thanks"
    assert len(here.arrivals) == 1


async def test_what_is_delivered_is_not_sent_again(finish: Finish, db: Database) -> None:
    async with receiver(OK) as here:
        promise = await finish(here)
        for _ in range(3):
            await promise.deliver()

    assert len(here.arrivals) == 1
    assert await standing(db) == ("delivered", 1)


async def test_both_families_of_signatures_are_valid(finish: Finish, db: Database) -> None:
    async with receiver(OK) as here:
        promise = await finish(here)
        await promise.deliver()

    (arrival,) = here.arrivals
    secret = str(await value(db, "select callback_secret from accounts"))
    Webhook(secret).verify(arrival.body, arrival.headers)
    signed = f"{promise.task_id.hex}.{arrival.headers['x-webhook-timestamp']}".encode()
    expected = base64.b64encode(hmac.digest(secret.encode(), signed, hashlib.sha256)).decode()
    assert arrival.headers["x-webhook-signature"] == expected
    assert arrival.headers["webhook-id"] == promise.id
    assert arrival.headers["content-type"] == "application/json"


async def test_a_failed_delivery_is_tried_again(finish: Finish, db: Database) -> None:
    async with receiver(BROKEN, OK) as here:
        promise = await finish(here)
        await promise.deliver()
        between = await standing(db)
        await promise.deliver()

    assert between == ("pending", 1)
    assert await standing(db) == ("delivered", 2)
    assert await log_of(db) == [(1, 500, None), (2, 200, None)]


async def test_every_attempt_carries_the_same_bytes_and_id(finish: Finish, db: Database) -> None:
    async with receiver(BROKEN, HANGS_UP, OK) as here:
        promise = await finish(here)
        for _ in range(3):
            await promise.deliver()

    bodies = {arrival.body for arrival in here.arrivals}
    assert len(here.arrivals) == 3
    assert bodies == {bytes(await value(db, "select body from callbacks"))}
    assert {arrival.headers["webhook-id"] for arrival in here.arrivals} == {promise.id}


async def test_a_receiver_that_is_gone_is_left_alone(finish: Finish, db: Database) -> None:
    async with receiver(GONE) as here:
        promise = await finish(here)
        for _ in range(2):
            await promise.deliver()

    assert await standing(db) == ("gone", 1)
    assert len(here.arrivals) == 1


async def test_the_end_of_the_schedule_ends_it(finish: Finish, db: Database) -> None:
    async with receiver(BROKEN) as here:
        promise = await finish(here)
        for _ in range(5):
            await promise.deliver()

    assert await standing(db) == ("exhausted", 3)
    assert len(here.arrivals) == 3


async def test_the_next_attempt_waits_for_its_step(finish: Finish, db: Database) -> None:
    async with receiver(BROKEN) as here:
        promise = await finish(here)
        schedule = (timedelta(), timedelta(minutes=10), timedelta())
        promise = replace(promise, parts=replace(promise.parts, callback_schedule=schedule))
        for _ in range(2):
            await promise.deliver()

    assert await standing(db) == ("pending", 1)
    assert len(here.arrivals) == 1
    wait = await value(db, "select next_at - now() from callbacks")
    assert timedelta(minutes=9) < wait <= timedelta(minutes=12)


@pytest.mark.parametrize(
    ("answer", "least"),
    [(BUSY, timedelta(minutes=59)), (NONSENSE, timedelta(minutes=-1))],
    ids=["readable", "nonsense"],
)
async def test_a_receiver_may_ask_for_patience(answer: bytes, least: timedelta, finish: Finish, db: Database) -> None:
    async with receiver(answer) as here:
        promise = await finish(here)
        await promise.deliver()

    assert await standing(db) == ("pending", 1)
    assert await log_of(db) == [(1, 503, None)]
    assert least < await value(db, "select next_at - now() from callbacks") <= timedelta(hours=1)


async def test_a_redirect_is_not_followed(finish: Finish, db: Database) -> None:
    async with receiver(OK) as elsewhere:
        location = f"Location: http://{elsewhere.place}/".encode()
        async with receiver(b"HTTP/1.1 302 Found\r\n" + location + b"\r\nContent-Length: 0\r\n\r\n") as here:
            promise = await finish(here)
            await promise.deliver()

    error = f"the callback URL: a redirect is not followed, it leads to http://{elsewhere.place}/"
    assert await log_of(db) == [(1, 302, error)]
    assert await standing(db) == ("pending", 1)
    assert elsewhere.arrivals == []


async def test_where_a_redirect_leads_is_in_no_log_line(finish: Finish, written_log: Callable[[], str]) -> None:
    async with receiver(b"HTTP/1.1 302 Found\r\nLocation: /a-vermilion-heron\r\nContent-Length: 0\r\n\r\n") as here:
        promise = await finish(here)
        await promise.deliver()

    lines = written_log()
    assert "callback.attempted" in lines
    assert "302" in lines
    assert "heron" not in lines


async def test_no_answer_is_logged_in_words(finish: Finish, db: Database) -> None:
    async with receiver(HANGS_UP) as here:
        promise = await finish(here)
        await promise.deliver()

    ((attempt, status, error),) = await log_of(db)
    assert (attempt, status) == (1, None)
    assert error.startswith("the callback URL: ")
    assert str(here.place) not in error


async def test_nobody_listening_is_a_failed_attempt(finish: Finish, db: Database) -> None:
    async with receiver(OK) as here:
        promise = await finish(here)
    await promise.deliver()

    ((_, status, error),) = await log_of(db)
    assert status is None
    assert error
    assert await standing(db) == ("pending", 1)


async def test_a_target_that_is_no_longer_allowed_is_not_reached(finish: Finish, db: Database) -> None:
    async with receiver(OK) as here, Egress(allow=frozenset()) as closed:
        promise = await finish(here)
        await replace(promise, parts=replace(promise.parts, egress=closed)).deliver()

    ((_, status, error),) = await log_of(db)
    assert (status, here.arrivals) == (None, [])
    assert "not public" in error


async def test_two_workers_do_not_deliver_at_once(finish: Finish, db: Database) -> None:
    async with receiver(OK) as here:
        promise = await finish(here)
        async with asyncio.TaskGroup() as group:
            for _ in range(4):
                group.create_task(promise.deliver())

    assert len(here.arrivals) == 1
    assert await standing(db) == ("delivered", 1)


async def test_a_delivery_that_was_cut_off_is_made_again(finish: Finish, db: Database) -> None:
    async with receiver(OK) as here:
        promise = await finish(here)
        # What a worker leaves that dies between its claim and its log.
        await claim_due(promise.parts, free=1)
        await promise.deliver()
        untouched = len(here.arrivals)
        await lose_leases(db)
        await promise.deliver()

    assert (untouched, len(here.arrivals)) == (0, 1)
    assert await standing(db) == ("delivered", 2)
    assert await log_of(db) == [(1, None, None), (2, 200, None)]


async def lose_leases(db: Database) -> None:
    """Let the time pass after which a worker that says nothing is given up."""
    past = "now() - interval '1 s'"
    await rows(db, f"update callbacks set next_at = {past}, lease_until = {past} where lease_until is not null")
    await rows(db, f"update receivers set next_at = {past}")

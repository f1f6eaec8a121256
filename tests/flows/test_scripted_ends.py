"""A test key never costs real credits: every model is priced and checked as itself, and answered by the sandbox."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx2
import pytest

from callback_hosts import OK, Receiver, receiver
from photoplay.domain.keys import PLAY_CREDITS, Kind
from photoplay.domain.tasks import State, Task, TaskId
from photoplay.egress import Egress, parse_allow
from photoplay.engines.runner import EnginePool
from photoplay.flows.deliver import claim_due, deliver
from photoplay.flows.enroll import enroll
from photoplay.flows.execute import execute
from photoplay.flows.parts import ApiParts, WorkerParts
from photoplay.store.database import Database
from scenes import CREATE, open_api, read, request, rows, value

PLAY = "sandbox/image-to-video"


@dataclass(frozen=True, slots=True)
class Playground:
    """A server whose only engine is the sandbox, as the owner of a test key sees it, and its worker."""

    api: httpx2.AsyncClient
    worker: WorkerParts
    receiver: Receiver

    async def create(self, body: object) -> TaskId:
        answer = (await self.api.post(CREATE, json=body)).json()
        assert answer["code"] == 200, answer
        return TaskId(UUID(answer["data"]["taskId"]))

    async def refusal(self, body: object) -> tuple[int, str]:
        answer = (await self.api.post(CREATE, json=body)).json()
        return answer["code"], answer["msg"]

    async def attempt(self, task_id: TaskId) -> Task:
        """Run the next attempt at once, whatever its delay."""
        await rows(self.worker.db, "update tasks set not_before = now() where id = $1", task_id)
        await execute("sandbox", parts=self.worker)
        return await read(task_id, db=self.worker.db)

    async def end_with_callback(self, **script: Any) -> None:
        await self.attempt(
            await self.create({"model": PLAY, "input": script, "callBackUrl": f"http://{self.receiver.place}/hook"})
        )

    async def deliver(self) -> None:
        claimed, _ = await claim_due(self.worker, free=10)
        for callback in claimed:
            await deliver(callback, parts=self.worker)


@pytest.fixture
async def pool() -> AsyncGenerator[EnginePool]:
    pool = EnginePool("sandbox", size=2)
    yield pool
    await pool.stop(timedelta())


@pytest.fixture
async def playground(
    parts: ApiParts, worker: WorkerParts, db: Database, pool: EnginePool
) -> AsyncGenerator[Playground]:
    names = frozenset({"sandbox"})
    key = await enroll(db, account="tester", granted=0, kind=Kind.TEST)
    async with (
        receiver(OK) as here,
        Egress(allow=parse_allow(f"127.0.0.1:9,{here.place}")) as egress,
        open_api(replace(parts, engine_names=names, egress=egress), key) as api,
    ):
        reach = replace(worker, engine_names=names, engines={"sandbox": pool}, egress=egress)
        yield Playground(api, reach, here)


async def test_a_test_key_buys_any_model_with_play_credits_and_the_sandbox_makes_the_clip(
    playground: Playground, db: Database
) -> None:
    task = await playground.attempt(await playground.create(request(resolution="1080p", duration="10")))

    assert (task.state, task.engine, task.size) == (State.SUCCEEDED, "sandbox", "1080p 10 s")
    assert task.charged_credits == 72
    assert await rows(db, "select kind, balance_credits from accounts") == [("test", PLAY_CREDITS - 72)]
    assert task.failure is None


async def test_the_models_own_checks_come_first(playground: Playground) -> None:
    code, text = await playground.refusal({**request(duration="7"), "sandbox": {"outcome": "fail"}})

    assert (code, "duration" in text) == (422, True)


async def test_any_model_fails_as_its_script_says(playground: Playground, db: Database) -> None:
    body = {**request(), "sandbox": {"outcome": "fail", "code": 403, "text": "too dark"}}
    task = await playground.attempt(await playground.create(body))

    assert task.failure is not None
    assert (task.state, task.failure.code, task.failure.message) == (State.FAILED, "403", "too dark")
    assert await rows(db, "select balance_credits, held_credits from accounts") == [(PLAY_CREDITS, 0)]


async def test_a_worker_is_lost_once_and_the_task_goes_on_beside_another(playground: Playground) -> None:
    body = {**request(), "sandbox": {"lost_workers": 1}}
    unlucky = await playground.create(body)
    neighbour = await playground.create({"model": PLAY, "input": {"seconds": 1}})
    async with asyncio.TaskGroup() as group:
        for _ in range(2):
            group.create_task(execute("sandbox", parts=playground.worker))
    lost, beside = await read(unlucky, db=playground.worker.db), await read(neighbour, db=playground.worker.db)
    ended = await playground.attempt(unlucky)

    assert (lost.state, lost.attempt) == (State.WAITING, 1)
    assert (beside.state, beside.attempt) == (State.SUCCEEDED, 1)
    assert (ended.state, ended.attempt) == (State.SUCCEEDED, 2)


async def test_one_that_hangs_is_given_up_at_its_deadline(playground: Playground) -> None:
    body = {"model": PLAY, "input": {"outcome": "hang", "deadline_seconds": 1, "attempts": 1}}
    task = await playground.attempt(await playground.create(body))

    assert task.failure is not None
    assert (task.failure.code, task.failure.message) == ("500", "The clip was not finished within 1 s")


async def test_an_unavailable_engine_is_tried_as_often_as_the_script_says(playground: Playground) -> None:
    input = {"outcome": "unavailable", "text": "away", "attempts": 2}
    task_id = await playground.create({"model": PLAY, "input": input})
    first, second = await playground.attempt(task_id), await playground.attempt(task_id)

    assert first.state is State.WAITING
    assert second.failure is not None
    assert second.failure.message == "away (gave up after 2 attempts)"


async def test_the_same_request_has_the_same_seed(playground: Playground) -> None:
    first, again, other = [
        await read(await playground.create(request(prompt=prompt)), db=playground.worker.db) for prompt in "aab"
    ]

    assert first.seed == again.seed != other.seed


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        ({**request(), "sandbox": {"outcom": "fail"}}, 422, "sandbox.outcom is not a field of a script"),
        ({**request(), "sandbox": "fail"}, 422, "sandbox must be an object"),
        ({"model": PLAY, "input": {}, "sandbox": {}}, 422, f"the input of {PLAY} says how it ends"),
        ({"model": PLAY, "input": {"callback_times": 6}}, 422, "callback_times"),
    ],
)
async def test_a_wrong_script_creates_nothing(
    playground: Playground, db: Database, body: object, code: int, words: str
) -> None:
    refused = await playground.refusal(body)

    assert refused[0] == code
    assert words in refused[1]
    assert await value(db, "select count(*) from tasks") == 0


async def test_a_live_key_can_neither_write_a_script_nor_buy_what_only_plays(
    api: httpx2.AsyncClient, db: Database
) -> None:
    scripted = (await api.post(CREATE, json={**request(), "sandbox": {"outcome": "fail"}})).json()
    played = (await api.post(CREATE, json={"model": PLAY, "input": {}})).json()

    assert (scripted["code"], "only what a test key" in scripted["msg"]) == (422, True)
    assert (played["code"], "takes a test key, pp_test_" in played["msg"]) == (401, True)
    assert await value(db, "select count(*) from tasks") == 0


async def test_without_the_sandbox_a_test_key_is_told_so(parts: ApiParts, db: Database) -> None:
    key = await enroll(db, account="tester", granted=0, kind=Kind.TEST)
    async with open_api(parts, key) as api:
        answer = (await api.post(CREATE, json=request())).json()

    assert (answer["code"], "the engine sandbox is not configured" in answer["msg"]) == (505, True)


async def test_a_callback_comes_twice_although_it_was_taken(playground: Playground, db: Database) -> None:
    here = playground.receiver
    await playground.end_with_callback(callback_times=2)
    for _ in range(3):
        await playground.deliver()

    assert len(here.arrivals) == 2
    assert len({(arrival.body, arrival.headers["webhook-id"]) for arrival in here.arrivals}) == 1
    assert await rows(db, "select state, attempt, times from callbacks") == [("delivered", 2, 1)]
    assert await rows(db, "select attempt, status from deliveries order by attempt") == [(1, 200), (2, 200)]


async def test_a_late_callback_is_not_due_before_its_time(playground: Playground, db: Database) -> None:
    await playground.end_with_callback(callback_delay_seconds=300)
    await playground.deliver()
    before = len(playground.receiver.arrivals)
    wait = await value(db, "select next_at - now() from callbacks")
    for table in ("callbacks", "receivers"):
        await rows(db, f"update {table} set next_at = now()")
    await playground.deliver()

    assert before == 0
    assert timedelta(seconds=200) < wait <= timedelta(seconds=300)
    assert len(playground.receiver.arrivals) == 1

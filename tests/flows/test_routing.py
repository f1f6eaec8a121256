"""An engine that is unavailable is left alone, and its tasks wait or go on to the next one: as the operator says."""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest

from photoplay.domain.cards import EngineMapping
from photoplay.domain.keys import Kind
from photoplay.domain.routes import Route, routed
from photoplay.domain.tasks import State, Task, TaskId
from photoplay.engines.runner import EnginePool
from photoplay.flows.enroll import NewKey, enroll, make_key_of
from photoplay.flows.execute import execute
from photoplay.flows.health import Health
from photoplay.flows.parts import ApiParts, WorkerParts
from photoplay.store import tasks
from scenes import CREATE, open_api, read, rows, value

MODEL = "bytedance/v1-pro-text-to-video"
ORDER = {"prompt": "prompt", "resolution": "resolution", "duration_s": "duration"}
ENGINES = ("ark", "camera")


@dataclass(frozen=True, slots=True)
class Site:
    """A server with two engines for one model: the first is away when the prompt says so, the second never."""

    api: httpx2.AsyncClient
    parts: ApiParts
    worker: WorkerParts

    async def create(self, prompt: str, **more: object) -> TaskId:
        answer = (await self.api.post(CREATE, json={"model": MODEL, "input": {"prompt": prompt}, **more})).json()
        assert answer["code"] == 200, answer
        return TaskId(UUID(answer["data"]["taskId"]))

    async def wake(self, engine: str) -> None:
        await rows(self.worker.db, "update tasks set not_before = now()")
        await execute(engine, parts=self.worker)

    async def look(self, task_id: TaskId) -> Task:
        return await read(task_id, db=self.worker.db)

    async def fail_tasks(self, count: int) -> list[TaskId]:
        """Let the first engine fail so many tasks, each once."""
        created = [await self.create("away") for _ in range(count)]
        # The oldest goes first: each one's first attempt comes before anybody's second.
        await rows(self.worker.db, "update tasks set not_before = now() + interval '1 hour'")
        for task_id in created:
            await rows(self.worker.db, "update tasks set not_before = now() where id = $1", task_id)
            await execute("ark", parts=self.worker)
            await rows(self.worker.db, "update tasks set not_before = now() + interval '1 hour' where id = $1", task_id)
        return created

    def with_fallback(self) -> "Site":
        cards = {MODEL: routed(self.parts.cards[MODEL], Route(fallback=True))}
        return replace(self, worker=replace(self.worker, cards=cards))

    async def engines(self) -> dict[str, Any]:
        key, _ = await make_key_of(self.parts.db, NewKey(account="ops", is_admin=True), actor="test")
        async with open_api(self.parts, key) as admin:
            answer = (await admin.get("/api/v1/admin/engines")).json()["data"]
        return {one["engine"]: one for one in answer}


@pytest.fixture
async def site(parts: ApiParts, worker: WorkerParts, key: str, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Site]:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1] / "engines"))
    engines = {"ark": EnginePool("moody_engines:Moody", size=1), "camera": EnginePool("sandbox", size=1)}
    card = replace(parts.cards[MODEL], engines=tuple(EngineMapping(name=name, order=ORDER) for name in ENGINES))
    names = frozenset(ENGINES)
    here = replace(parts, cards={MODEL: card, "sandbox/image-to-video": parts.cards["sandbox/image-to-video"]})
    here = replace(here, engine_names=names)
    try:
        async with open_api(here, key) as api:
            yield Site(api, here, replace(worker, cards=here.cards, engine_names=names, engines=engines))
    finally:
        for pool in engines.values():
            await pool.stop(timedelta())


async def test_without_fallback_a_task_stays_with_its_engine(site: Site) -> None:
    task_id = await site.create("away")
    for _ in range(3):
        await site.wake("ark")
    task = await site.look(task_id)

    assert task.failure is not None
    assert (task.engine, task.failure.message) == ("ark", "the other server is away (gave up after 3 attempts)")


async def test_with_fallback_the_next_attempt_is_made_by_the_next_engine_at_once(site: Site) -> None:
    site = site.with_fallback()
    task_id = await site.create("away")
    await site.wake("ark")
    moved = await site.look(task_id)
    due = await value(site.worker.db, "select not_before <= now() from tasks")
    queued = await value(site.worker.db, "select count(*) from pgqueuer where entrypoint = 'generate-camera'")
    await execute("camera", parts=site.worker)
    ended = await site.look(task_id)

    assert (moved.state, moved.engine, moved.attempt, due, queued) == (State.WAITING, "camera", 1, True, 1)
    assert (ended.state, ended.engine, ended.attempt) == (State.SUCCEEDED, "camera", 2)
    assert ended.charged_credits == ended.price_credits


async def test_a_task_with_a_job_at_another_server_stays_there(site: Site) -> None:
    site = site.with_fallback()
    task_id = await site.create("away")
    job = {"engine": "ark", "job_id": "1", "handle": None}
    await rows(site.worker.db, "update tasks set submission = $1", job)
    async with site.worker.db.connection() as connection:
        moved = await tasks.move_on(connection, "ark", {MODEL: "camera"})
    await site.wake("ark")

    assert moved is None
    assert ((await site.look(task_id)).engine, (await site.look(task_id)).state) == ("ark", State.WAITING)


async def test_what_an_engine_refuses_does_not_go_on(site: Site) -> None:
    site = site.with_fallback()
    task_id = await site.create("refused")
    await site.wake("ark")

    assert (await site.look(task_id)).state is State.FAILED


async def test_after_three_tasks_the_engine_is_left_alone_and_the_others_wait(site: Site) -> None:
    await site.fail_tasks(3)
    waiting = await site.create("fine")
    await site.wake("ark")
    task = await site.look(waiting)

    assert (task.state, task.attempt) == (State.WAITING, 0)
    told = (await site.engines())["ark"]
    assert (told["state"], told["workers"], told["failedTasks"]) == ("open", 1, 3)
    assert told["error"] == "the other server is away"
    assert (await site.engines())["camera"]["state"] == "closed"
    assert 'photoplay_engine_breakers_open{engine="ark"} 1.0' in (await site.api.get("/metrics")).text
    delays = await rows(
        site.worker.db, "select execute_after > now() + interval '20 s' from pgqueuer where payload = 'ark'::bytea"
    )
    assert delays == [(True,)], "a wake-up for later takes the place of the one that came too early"


async def test_why_an_engine_is_left_alone_is_told_to_operators_and_not_to_the_log(
    site: Site, written_log: Callable[[], str]
) -> None:
    await site.fail_tasks(3)

    lines = written_log()
    assert "engine.left_alone" in lines
    assert "EngineUnavailable" in lines
    # Another server's words may quote what its callers asked for.
    assert "the other server is away" not in lines
    assert (await site.engines())["ark"]["error"] == "the other server is away"


async def test_with_fallback_what_waits_for_an_engine_that_is_left_alone_goes_on(site: Site) -> None:
    await site.fail_tasks(3)
    site, waiting = site.with_fallback(), await site.create("fine")
    for _ in range(4):
        await execute("ark", parts=site.worker)
    moved = await site.look(waiting)
    await execute("camera", parts=site.worker)
    ended = await site.look(waiting)

    assert (moved.engine, moved.attempt) == ("camera", 0)
    assert (ended.state, ended.engine, ended.attempt) == (State.SUCCEEDED, "camera", 1)


async def test_once_the_pause_is_over_one_task_finds_out_and_all_go_on(site: Site) -> None:
    site = replace(site, worker=replace(site.worker, health=Health(pause=timedelta())))
    await site.fail_tasks(3)
    before = (await site.engines())["ark"]["state"]
    task_id = await site.create("fine")
    await execute("ark", parts=site.worker)

    assert before == "half_open"
    assert (await site.look(task_id)).state is State.SUCCEEDED
    assert (await site.engines())["ark"]["state"] == "closed"


async def test_a_test_keys_script_takes_no_engine_from_others(site: Site) -> None:
    key = await enroll(site.parts.db, account="tests", granted=0, kind=Kind.TEST)
    names = frozenset({"sandbox"})
    worker = replace(site.worker, engine_names=names, engines={"sandbox": site.worker.engines["camera"]})
    async with open_api(replace(site.parts, engine_names=names), key) as api:
        tester = Site(api, site.parts, worker)
        script = {"outcome": "unavailable", "attempts": 1}
        for _ in range(4):
            await tester.create("x", sandbox=script)
            await tester.wake("sandbox")

    assert await value(worker.db, "select count(*) from tasks where state = 'failed'") == 4
    assert await value(worker.db, "select count(*) from breakers") == 0


async def test_two_workers_move_a_task_on_once(site: Site) -> None:
    task_id = await site.create("fine")
    async with site.worker.db.connection() as connection:
        first = await tasks.move_on(connection, "ark", {MODEL: "camera"})
        second = await tasks.move_on(connection, "ark", {MODEL: "camera"})

    assert first == (task_id, "camera")
    assert second is None


async def test_a_record_says_which_engine_made_the_clip_with_which_seed_and_in_what_time(site: Site) -> None:
    task_id = await site.create("fine")
    await site.wake("ark")
    record = (await site.api.get(f"/api/v1/jobs/recordInfo?taskId={task_id.hex}")).json()["data"]

    assert (record["engine"], record["engineVersion"]) == ("ark", "7")
    assert record["seed"] == (await site.look(task_id)).seed
    assert sorted(record["timings"]) == ["engineMs", "fetchMs", "storeMs", "waitMs"]
    assert record["timings"]["engineMs"] > 0

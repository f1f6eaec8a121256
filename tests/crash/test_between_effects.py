"""Kill -9 between any two effects of a create, an attempt and a delivery: nothing is lost, doubled or charged twice."""

import asyncio
import json
import queue
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from crash.receivers import Received, callback_receiver
from crash.servers import environment, free_port, part, wait_for
from photoplay.domain.errors import StoreUnavailable
from photoplay.domain.keys import PLAY_CREDITS, Kind
from photoplay.flows.enroll import enroll
from photoplay.store.database import Database
from photoplay.store.embedded import EmbeddedPostgres
from photoplay.store.migrate import migrate
from scenes import CREATE, rows, value

# A server is started anew for each effect.
pytestmark = pytest.mark.timeout(1200)
SANDBOX = "sandbox/image-to-video"
ALL_ENDED = """
    select not exists (select from tasks where finished_at is null)
       and not exists (select from callbacks where state = 'pending')
"""
# Enough that each effect of an attempt, and of a create, comes again after the others were struck.
STRUCK_TASKS = 16
# Asked once a second at most, so that not every create comes by.
SELDOM = {"tasks_count_waiting"}


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A database that is there all the time, and parts that are not."""

    db: Database
    folder: Path
    key: str
    settings: dict[str, str]
    callback_url: str
    received: "queue.Queue[Received]"

    def env(self, **settings: str) -> dict[str, str]:
        return environment(self.folder / "data", **self.settings, **settings) | {
            "PYTHONPATH": str(Path(__file__).parents[1])
        }

    def doom(self, *words: str, port: int = 0, lease_s: int = 600) -> "subprocess.Popen[bytes]":
        with (self.folder / "doomed.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "crash.doomed", *words],
                env=self.env(PHOTOPLAY_PORT=str(port), PHOTOPLAY_LEASE_S=str(lease_s)),
                stdout=log,
                stderr=log,
            )

    def create(self, url: str, order: str) -> dict[str, Any]:
        body: dict[str, object] = {"model": SANDBOX, "callBackUrl": self.callback_url, "input": {}}
        headers = {"Authorization": f"Bearer {self.key}", "Idempotency-Key": order}
        return httpx2.post(url + CREATE, json=body, headers=headers, timeout=60).json()

    def effects(self, path: Path) -> list[str]:
        """The effects of one task's way, each once, in their order."""
        names = dict.fromkeys(path.read_text().splitlines())
        return [name for name in names if name not in SELDOM]


@asynccontextmanager
async def opened(db: Database, folder: Path) -> AsyncGenerator[Bench]:
    key = await enroll(db, account="tester", kind=Kind.TEST, granted=0)
    with callback_receiver() as (host, received):
        yield Bench(
            db=db,
            folder=folder,
            key=key,
            callback_url=f"http://{host}/",
            received=received,
            settings={
                "PHOTOPLAY_DATABASE_URL": db.url,
                "PHOTOPLAY_EGRESS_ALLOW": host,
                "PHOTOPLAY_CREATE_RATE": "off",
                "PHOTOPLAY_JOBS_MAX": "1",
                "PHOTOPLAY_ENGINES": "sandbox",
                "PHOTOPLAY_CALLBACK_SCHEDULE_S": "0,0.2,0.5,1",
            },
        )


@pytest.fixture
async def bench(db: Database, tmp_path: Path) -> AsyncGenerator[Bench]:
    async with opened(db, tmp_path) as bench:
        yield bench


@pytest.fixture
async def mortal(cluster_dir: Path, tmp_path: Path) -> AsyncGenerator[tuple[Bench, int]]:
    """The same with a PostgreSQL of its own, and the id of its process."""
    server = EmbeddedPostgres(cluster_dir)
    await server.start()
    await migrate(server.url)
    async with Database(server.url) as db, opened(db, tmp_path) as bench:
        yield bench, int((cluster_dir / "postgres" / "postmaster.pid").read_text().split()[0])
    await server.stop()


def ready(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/readyz").is_success
    except httpx2.HTTPError:
        return False


async def until(db: Database, condition: str, *, within_s: float) -> None:
    """Ask the database again and again, also while it is away. It is all that the outside of a process allows."""
    async with asyncio.timeout(within_s):
        while True:
            with suppress(StoreUnavailable):
                if await value(db, condition):
                    return
            await asyncio.sleep(0.1)


async def test_a_create_that_is_killed_before_any_of_its_effects_can_be_repeated(bench: Bench) -> None:
    listed, port = bench.folder / "effects", free_port()
    healthy = f"http://127.0.0.1:{port}"
    with part("api", env=bench.env(PHOTOPLAY_PORT=str(port)), log=bench.folder / "api.log"):
        await asyncio.to_thread(wait_for, lambda: ready(healthy), within_s=90, what="a healthy API")
        await create_and_kill(bench, "the way", ["--list", str(listed)])
        points = bench.effects(listed)
        for point in points:
            await create_and_kill(bench, point, ["--at", point])
        orders = ["the way", *points]
        answers = [bench.create(healthy, order) for order in orders]

    ids = [answer["data"]["taskId"] for answer in answers]
    assert {"keys_lock", "tasks_insert", "ledger_write", "enqueue", "commit of _accept_together", "answer"} <= set(
        points
    )
    assert len(set(ids)) == len(orders) == await value(bench.db, "select count(*) from tasks")
    assert await rows(bench.db, "select balance_credits, held_credits, unfinished_tasks from accounts") == [
        (PLAY_CREDITS - len(orders), len(orders), len(orders))
    ]


async def create_and_kill(bench: Bench, order: str, fate: list[str]) -> None:
    """Create one task at an API of its own; one that is to be killed gives no answer."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    process = bench.doom(*fate, "api", port=port)
    try:
        await asyncio.to_thread(wait_for, lambda: ready(url), within_s=90, what="a doomed API")
        if "--at" in fate:
            with pytest.raises(httpx2.TransportError):
                await asyncio.to_thread(bench.create, url, order)
            assert process.wait(60) == -signal.SIGKILL
        else:
            assert (await asyncio.to_thread(bench.create, url, order))["code"] == 200
    finally:
        process.terminate()
        process.wait(60)


async def test_a_worker_that_is_killed_before_any_of_its_effects_loses_nothing(bench: Bench) -> None:
    listed, port = bench.folder / "effects", free_port()
    url = f"http://127.0.0.1:{port}"
    with part("api", env=bench.env(PHOTOPLAY_PORT=str(port)), log=bench.folder / "api.log"):
        await asyncio.to_thread(wait_for, lambda: ready(url), within_s=90, what="an API")
        points = await asyncio.to_thread(kill_everywhere, bench, url, listed)
        # Those that were killed hold long leases: the tests need not wait for their end.
        await rows(bench.db, "update tasks set lease_until = now() where lease_until is not null")
        await rows(bench.db, "update callbacks set lease_until = now() where lease_until is not null")
        with part("worker", env=bench.env(), log=bench.folder / "worker.log"):
            await until(bench.db, ALL_ENDED, within_s=90)

    assert {"tasks_claim", "put a file", "tasks_finish", "ledger_write", "post a callback"} <= set(points)
    await check_all_succeeded(bench, tasks=1 + len(points))


async def check_all_succeeded(bench: Bench, *, tasks: int) -> None:
    """Each task succeeded, was charged once and told with one body; nothing is held."""
    bodies: defaultdict[str, set[bytes]] = defaultdict(set)
    while not bench.received.empty():
        callback = bench.received.get()
        bodies[json.loads(callback.body)["taskId"]].add(callback.headers["webhook-id"].encode() + callback.body)
    assert await rows(bench.db, "select state, count(*) from tasks group by state") == [("succeeded", tasks)]
    assert await rows(bench.db, "select balance_credits, held_credits, unfinished_tasks from accounts") == [
        (PLAY_CREDITS - tasks, 0, 0)
    ]
    assert await value(bench.db, "select sum(credits)::int from postings") == 0
    assert len(bodies) == tasks
    assert {len(of_one_task) for of_one_task in bodies.values()} == {1}


def kill_everywhere(bench: Bench, url: str, listed: Path) -> list[str]:
    """Let one worker do a task and list its effects; then, for each of them, kill another worker just before it."""
    bench.create(url, "the way")
    lister = bench.doom("--list", str(listed), "worker")
    try:
        wait_for(
            lambda: listed.exists() and "callbacks_conclude" in listed.read_text(), within_s=60, what="one whole way"
        )
    finally:
        lister.terminate()
        lister.wait(60)
    points = bench.effects(listed)
    for point in points:
        bench.create(url, point)
        process = bench.doom("--at", point, "worker")
        try:
            assert process.wait(90) == -signal.SIGKILL, point
        finally:
            process.kill()
    return points


async def test_an_engine_that_is_killed_before_any_effect_of_an_attempt_loses_nothing(bench: Bench) -> None:
    struck = await strike_a_worker(bench, "--engine")

    assert {"tasks_claim", "tasks_start", "put a file", "tasks_finish", "ledger_write"} <= set(struck)


async def test_a_database_that_is_killed_before_any_effect_of_an_attempt_loses_nothing(
    mortal: tuple[Bench, int],
) -> None:
    bench, postgres = mortal

    struck = await strike_a_worker(bench, "--postgres", str(postgres))

    assert {"tasks_claim", "tasks_start", "put a file", "tasks_finish", "callbacks_conclude"} <= set(struck)


async def strike_a_worker(bench: Bench, *victim: str) -> list[str]:
    """Let a worker do tasks while its victim is killed before each effect once; check them; return the effects."""
    struck, port = bench.folder / "struck", free_port()
    url = f"http://127.0.0.1:{port}"
    with part("api", env=bench.env(PHOTOPLAY_PORT=str(port)), log=bench.folder / "api.log"):
        await asyncio.to_thread(wait_for, lambda: ready(url), within_s=90, what="an API")
        for number in range(STRUCK_TASKS):
            await asyncio.to_thread(bench.create, url, str(number))
        worker = bench.doom("--strike", str(struck), *victim, "worker", lease_s=15)
        try:
            await until(bench.db, ALL_ENDED, within_s=500)
        finally:
            worker.terminate()
            worker.wait(60)

    await check_all_succeeded(bench, tasks=STRUCK_TASKS)
    return bench.effects(struck)


async def test_a_database_that_is_killed_before_any_effect_of_a_create_takes_it_once(mortal: tuple[Bench, int]) -> None:
    bench, postgres = mortal
    struck, port = bench.folder / "struck", free_port()
    url = f"http://127.0.0.1:{port}"
    api = bench.doom("--strike", str(struck), "--postgres", str(postgres), "api", port=port)
    try:
        await asyncio.to_thread(wait_for, lambda: ready(url), within_s=90, what="an API")
        ids = {await asyncio.to_thread(create_until_taken, bench, url, str(number)) for number in range(STRUCK_TASKS)}
    finally:
        api.terminate()
        api.wait(60)

    assert {"keys_lock", "tasks_insert", "ledger_write", "enqueue", "commit of _accept_together", "answer"} <= set(
        bench.effects(struck)
    )
    assert len(ids) == STRUCK_TASKS
    assert await rows(bench.db, "select balance_credits, held_credits, unfinished_tasks from accounts") == [
        (PLAY_CREDITS - STRUCK_TASKS, STRUCK_TASKS, STRUCK_TASKS)
    ]


def create_until_taken(bench: Bench, url: str, order: str) -> str:
    """Repeat a create with the same Idempotency-Key until it is answered with its task."""

    def attempt() -> str | None:
        answer = bench.create(url, order)
        return answer["data"]["taskId"] if answer["code"] == 200 else None

    return wait_for(attempt, within_s=60, what=f"create {order}")


async def test_a_worker_that_slept_past_its_lease_writes_nothing(bench: Bench) -> None:
    """SIGSTOP, another worker finishes the task, SIGCONT."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    env = bench.env(PHOTOPLAY_PORT=str(port), PHOTOPLAY_LEASE_S="30")
    sleeper_log = bench.folder / "sleeper.log"
    with part("api", env=env, log=bench.folder / "api.log"), part("worker", env=env, log=sleeper_log) as sleeper:
        await asyncio.to_thread(wait_for, lambda: ready(url), within_s=90, what="an API")
        body = {"model": SANDBOX, "input": {"seconds": 3}}
        headers = {"Authorization": f"Bearer {bench.key}"}
        await asyncio.to_thread(httpx2.post, url + CREATE, json=body, headers=headers, timeout=60)
        await until(bench.db, "select exists (select from tasks where state = 'generating')", within_s=60)
        sleeper.send_signal(signal.SIGSTOP)
        try:
            await rows(bench.db, "update tasks set lease_until = now()")
            with part("worker", env=env, log=bench.folder / "other.log"):
                await until(bench.db, ALL_ENDED, within_s=120)
        finally:
            before = await rows(bench.db, "select * from tasks")
            sleeper.send_signal(signal.SIGCONT)
        await asyncio.to_thread(
            wait_for, lambda: "task.claim_lost" in sleeper_log.read_text(), within_s=90, what="the sleeper sees it"
        )

    assert await rows(bench.db, "select * from tasks") == before
    assert await rows(bench.db, "select state, attempt from tasks") == [("succeeded", 2)]
    assert await rows(bench.db, "select balance_credits, held_credits from accounts") == [(PLAY_CREDITS - 1, 0)]
    assert await value(bench.db, "select count(*) from files where is_ready") == 1

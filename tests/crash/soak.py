"""Many tasks under a hail of signals: what a client was told must be what has happened, to the last credit.

A real server, real clients, real callbacks; every few seconds one of its processes is killed, stopped for longer than a
lease, or asked to end. When all is over, every invariant is checked against the client's own history.
"""

import asyncio
import json
import queue
import random
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx2
import psutil

from crash.receivers import Received, callback_receiver
from crash.servers import Server, serving
from photoplay.domain.keys import PLAY_CREDITS
from photoplay.flows.audit import audit
from photoplay.flows.submit import ATTEMPTS_MAX
from photoplay.store.database import Database
from scenes import CREATE, rows, value

SANDBOX: Final = "sandbox/image-to-video"
LEASE_S: Final = 2
CLIENTS: Final = 16
QUIET_WITHIN_S: Final = 180
# What a create can be asked for, and how often of a hundred.
ORDERS: Final[Mapping[str, tuple[int, Mapping[str, Any]]]] = {
    "quick": (82, {}),
    "slow": (4, {"seconds": 1}),
    "reject": (6, {"outcome": "fail", "code": 422, "text": "as ordered"}),
    "crash": (3, {"outcome": "crash"}),
    "cancelled": (5, {"seconds": 30}),
}
# Which process is hit by what. A stopped one goes on after its lease has run out.
BLOWS: Final = (
    ("api", signal.SIGKILL),
    ("api", signal.SIGTERM),
    ("api", signal.SIGSTOP),
    ("worker", signal.SIGKILL),
    ("worker", signal.SIGTERM),
    ("worker", signal.SIGSTOP),
    ("photoplay.engines.child", signal.SIGKILL),
    ("photoplay.engines.child", signal.SIGTERM),
    ("photoplay.engines.child", signal.SIGSTOP),
    ("postgres", signal.SIGKILL),
    ("postgres", signal.SIGTERM),
    ("postgres", signal.SIGSTOP),
)


@dataclass
class History:
    """What the clients know, from answers alone."""

    orders: dict[str, str] = field(default_factory=dict[str, str])
    """Task id -> what was ordered."""
    blows: Counter[str] = field(default_factory=Counter[str])
    repeats: int = 0
    """Creates that were sent again, because no good answer came."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a soak came to."""

    tasks: int
    seconds: float
    blows: Counter[str]
    repeats: int
    states: Counter[str]
    attempts: Counter[int]
    callbacks: int
    duplicates: int
    """Callbacks that came more than once."""

    def __str__(self) -> str:
        return "\n".join(
            [
                f"{self.tasks} tasks in {self.seconds:.0f} s, {sum(self.blows.values())} blows",
                *(f"  {name}: {count}" for name, count in sorted(self.blows.items())),
                f"creates sent again: {self.repeats}",
                f"ends: {', '.join(f'{count} {state}' for state, count in self.states.most_common())}",
                f"attempts: {', '.join(f'{count} with {n}' for n, count in sorted(self.attempts.items()))}",
                f"callbacks: {self.callbacks}, of which {self.duplicates} came again",
                "lost 0, stuck 0, double 0, ledger balanced",
            ]
        )


def soak(folder: Path, *, tasks: int, blow_every_s: float, seed: int) -> Report:
    """Run the whole of it. Raises: AssertionError that names the first promise that was broken."""
    dice = random.Random(seed)
    with callback_receiver() as (host, received):
        settings = {
            "PHOTOPLAY_EGRESS_ALLOW": host,
            "PHOTOPLAY_LEASE_S": str(LEASE_S),
            "PHOTOPLAY_CREATE_RATE": "off",
            "PHOTOPLAY_UNFINISHED_MAX": str(tasks),
            "PHOTOPLAY_WAITING_MAX": str(tasks),
            "PHOTOPLAY_ENGINES": "sandbox",
            "PHOTOPLAY_CALLBACK_SCHEDULE_S": "0,0.5,1,2,5,10,20",
            "PHOTOPLAY_DRAIN_S": "2",
        }
        with serving(folder, **settings) as server:
            key = server.test_key
            began = time.monotonic()
            history = asyncio.run(_storm(server, key, f"http://{host}/", dice, tasks=tasks, blow_every_s=blow_every_s))
            return asyncio.run(_check(server, history, received, began=began))


async def _storm(
    server: Server, key: str, callback_url: str, dice: random.Random, *, tasks: int, blow_every_s: float
) -> History:
    history = History()
    names = dice.choices(list(ORDERS), [share for share, _ in ORDERS.values()], k=tasks)
    left = list(enumerate(names))
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        httpx2.AsyncClient(base_url=server.url, headers=headers, timeout=20) as client,
        asyncio.TaskGroup() as group,
    ):
        hail = group.create_task(_hail(server, dice, history, every_s=blow_every_s))
        async with asyncio.TaskGroup() as clients:
            for _ in range(CLIENTS):
                clients.create_task(_order(client, callback_url, left, history))
        async with Database(server.database_url) as db:
            # The blows go on until most of the work is done: what is left ends in peace.
            while await _unfinished(db) > tasks // 20:  # noqa: ASYNC110 - another process sets no event of ours
                await asyncio.sleep(0.5)
        hail.cancel()
    return history


async def _unfinished(db: Database) -> int:
    with suppress(Exception):
        return int(await value(db, "select count(*) from tasks where finished_at is null"))
    return 10**9


async def _order(client: httpx2.AsyncClient, callback_url: str, left: list[tuple[int, str]], history: History) -> None:
    while left:
        number, name = left.pop()
        body = {"model": SANDBOX, "callBackUrl": callback_url, "input": ORDERS[name][1]}
        task_id = await _insist(client, CREATE, body, history, order=f"order-{number}")
        history.orders[task_id["taskId"]] = name
        if name == "cancelled":
            await _insist(client, "/api/v1/jobs/cancelTask", task_id, history)


async def _insist(
    client: httpx2.AsyncClient, path: str, body: object, history: History, *, order: str = ""
) -> dict[str, Any]:
    """Post until it is answered well. The key of the order makes that safe."""
    headers = {"Idempotency-Key": order} if order else {}
    while True:
        with suppress(httpx2.TransportError, json.JSONDecodeError):
            answer = (await client.post(path, json=body, headers=headers)).json()
            if answer["code"] == 200:
                return answer["data"]
            assert answer["code"] in {409, 429, 455, 500}, answer
        history.repeats += 1
        await asyncio.sleep(0.05)


async def _hail(server: Server, dice: random.Random, history: History, *, every_s: float) -> None:
    while True:
        await asyncio.sleep(every_s)
        name, blow = dice.choice(BLOWS)
        victim = _find(server, name)
        if victim is None:
            continue
        with suppress(psutil.NoSuchProcess):
            victim.send_signal(blow)
            history.blows[f"{blow.name} of {name.rpartition('.')[2]}"] += 1
            if blow is signal.SIGSTOP:
                try:
                    await asyncio.sleep(LEASE_S + 1)
                finally:
                    # The hail may end meanwhile; its victim must not stay stopped.
                    with suppress(psutil.NoSuchProcess):
                        victim.send_signal(signal.SIGCONT)


def _find(server: Server, name: str) -> psutil.Process | None:
    for process in psutil.Process(server.process.pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            # PostgreSQL's own children have no name among their arguments.
            if name in process.cmdline() or (process.name() == name and process.ppid() == server.process.pid):
                return process
    return None


async def _check(server: Server, history: History, received: "queue.Queue[Received]", *, began: float) -> Report:
    async with Database(server.database_url) as db:
        await _wait_until_quiet(db, server)
        seconds = time.monotonic() - began
        found = {
            id.hex: (state, code, charged, attempt)
            for id, state, code, charged, attempt in await rows(
                db, "select id, state, fail_code, charged_credits, attempt from tasks"
            )
        }
        assert found.keys() == history.orders.keys(), "tasks are those that were answered, and no others"
        for task_id, (state, code, charged, attempt) in found.items():
            _check_end(history.orders[task_id], state, code, charged, attempt)
        successes = sum(state == "succeeded" for state, *_ in found.values())
        await _check_ledger(db, tasks=len(found), successes=successes)
        await _check_files(db, server, successes=successes)
        callbacks = await _check_callbacks(received, found)
    return Report(
        tasks=len(found),
        seconds=seconds,
        blows=history.blows,
        repeats=history.repeats,
        states=Counter(state for state, *_ in found.values()),
        attempts=Counter(attempt for *_, attempt in found.values()),
        callbacks=sum(callbacks.values()),
        duplicates=sum(count - 1 for count in callbacks.values()),
    )


async def _wait_until_quiet(db: Database, server: Server) -> None:
    questions = {
        "unfinished tasks": "select count(*) from tasks where finished_at is null",
        "pending callbacks": "select count(*) from callbacks where state = 'pending'",
        "queued jobs": "select count(*) from pgqueuer where status in ('queued', 'picked')",
        "files over their time": "select count(*) from files where expires_at < now()",
    }
    left: dict[str, int] = {}
    try:
        async with asyncio.timeout(QUIET_WITHIN_S):
            while True:
                with suppress(Exception):
                    left = {name: int(await value(db, question)) for name, question in questions.items()}
                    if not any(left.values()):
                        return
                await asyncio.sleep(0.5)
    except TimeoutError:
        raise AssertionError(f"stuck: {left}; {server.log_path.read_text()[-3000:]}") from None


def _check_end(order: str, state: str, code: str | None, charged: int, attempt: int) -> None:
    """A task may fail where its worker was killed three times, and only for that."""
    ordered = {
        "quick": ("succeeded", None),
        "slow": ("succeeded", None),
        "reject": ("failed", "422"),
        "crash": ("failed", "500"),
        "cancelled": ("cancelled", "499"),
    }
    is_worn_out = (state, code, attempt) == ("failed", "500", ATTEMPTS_MAX)
    assert (state, code) == ordered[order] or is_worn_out, f"{order} ended as {state} with {code} at {attempt}"
    assert charged == (state == "succeeded"), f"{order} that {state} cost {charged}"


async def _check_ledger(db: Database, *, tasks: int, successes: int) -> None:
    checked = await audit(db)
    assert not checked.differences, checked.differences
    account = "select balance_credits, held_credits, unfinished_tasks from accounts where kind = 'test'"
    books = "select book, sum(credits)::int from postings p join accounts a on a.id = account_id where kind = 'test'"
    assert await rows(db, account) == [(PLAY_CREDITS - successes, 0, 0)]
    assert dict(await rows(db, f"{books} group by book")) == {
        "issued": -PLAY_CREDITS,
        "available": PLAY_CREDITS - successes,
        "held": 0,
        "revenue": successes,
    }
    assert await value(db, "select count(distinct task_id) from postings where reason = 'hold'") == tasks
    resolved = "select count(*), count(distinct task_id) from postings where book = 'held' and reason <> 'hold'"
    assert await rows(db, resolved) == [(tasks, tasks)]


async def _check_files(db: Database, server: Server, *, successes: int) -> None:
    kept = {path for (path,) in await rows(db, "select path from files where is_ready")}
    # A worker that was stopped past its lease may announce one as its task ends: it goes within the hour.
    known = kept | {path for (path,) in await rows(db, "select path from files")}
    store = server.data_dir / "files"
    lying = {str(path.relative_to(store)) for path in store.rglob("*") if path.is_file()}
    assert len(kept) == successes, "a clip for each success"
    assert kept <= lying, "each kept file is there"
    assert lying <= known, "no file that nothing will remove"


async def _check_callbacks(received: "queue.Queue[Received]", found: Mapping[str, tuple[Any, ...]]) -> Counter[str]:
    counts: Counter[str] = Counter()
    seen: defaultdict[str, set[tuple[str, bytes]]] = defaultdict(set)
    while not received.empty():
        callback = received.get()
        task_id = json.loads(callback.body)["taskId"]
        counts[task_id] += 1
        seen[task_id].add((callback.headers["webhook-id"], callback.body))
    assert counts.keys() == found.keys(), "everybody is told"
    assert all(len(tellings) == 1 for tellings in seen.values()), "the same each time"
    return counts

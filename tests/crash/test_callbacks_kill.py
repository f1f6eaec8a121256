"""kill -9 of a worker in the middle of its deliveries: every callback arrives, none more than twice."""

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Generator
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from callback_hosts import OK, Arrival, read_request
from crash.servers import environment
from photoplay.domain.outcomes import Stopped
from photoplay.egress import Egress, HostPort
from photoplay.flows.parts import ApiParts, WorkerParts
from photoplay.flows.settle import settle
from photoplay.flows.submit import submit
from photoplay.store.accounts import Caller
from scenes import NO_RATE, begin, limited, rows, submission, value

CALLBACKS = 500
HOSTS = 10
KILLED_AT = 200
WITHIN_S = 300


class Receivers:
    """Ten hosts. When so many callbacks have arrived, the worker is killed before the last one is answered."""

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self.victim: subprocess.Popen[bytes] | None = None
        self.killed = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            self.arrivals.append(await read_request(reader))
            if len(self.arrivals) == KILLED_AT and self.victim is not None:
                os.kill(self.victim.pid, signal.SIGKILL)
                self.killed.set()
            writer.write(OK)
            await writer.drain()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


@contextmanager
def working(database_url: str, folder: Path, allow: str) -> Generator["subprocess.Popen[bytes]"]:
    settings = {"PHOTOPLAY_DATABASE_URL": database_url, "PHOTOPLAY_EGRESS_ALLOW": allow, "PHOTOPLAY_DRAIN_S": "0"}
    with (folder / "worker.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "photoplay", "worker"],
            env=environment(folder, **settings),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


async def test_a_worker_killed_between_sending_and_recording_loses_nothing(
    parts: ApiParts, worker: WorkerParts, caller: Caller, database_url: str, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack, asyncio.timeout(WITHIN_S):
        receivers = Receivers()
        servers = [await asyncio.start_server(receivers.serve, "127.0.0.1", 0) for _ in range(HOSTS)]
        places = [HostPort(host="127.0.0.1", port=server.sockets[0].getsockname()[1]) for server in servers]
        for server in servers:
            stack.callback(server.close)
        await promise_all(parts, worker, caller, places)
        allow = ",".join(map(str, places))

        with working(database_url, tmp_path, allow) as receivers.victim:
            await receivers.killed.wait()
        past = "now() - interval '1 s'"
        await rows(
            parts.db, f"update callbacks set next_at = {past}, lease_until = {past} where lease_until is not null"
        )
        await rows(parts.db, f"update receivers set next_at = {past}")
        with working(database_url, tmp_path, allow):
            while await value(parts.db, "select count(*) from callbacks where state = 'pending'"):  # noqa: ASYNC110
                await asyncio.sleep(0.1)

    times = Counter(arrival.headers["webhook-id"] for arrival in receivers.arrivals)
    assert len(times) == CALLBACKS
    assert max(times.values()) <= 2
    assert 1 <= sum(count == 2 for count in times.values()) <= 4 * HOSTS, "only what was under way came again"
    bodies: defaultdict[str, set[bytes]] = defaultdict(set)
    for arrival in receivers.arrivals:
        bodies[arrival.headers["webhook-id"]].add(arrival.body)
    assert all(len(each) == 1 for each in bodies.values())
    assert await rows(parts.db, "select distinct state from callbacks") == [("delivered",)]
    unrecorded = await value(parts.db, "select count(*) from deliveries where duration_ms is null")
    assert unrecorded >= 1, "the log keeps the attempts that were cut off"


async def promise_all(parts: ApiParts, worker: WorkerParts, caller: Caller, places: list[HostPort]) -> None:
    async with Egress(allow=frozenset(places)) as egress, limited(parts, NO_RATE) as free:
        parts = replace(free, egress=egress)
        await rows(parts.db, "update accounts set balance_credits = 1000000")
        still = f"{parts.files_url}token/upload.png"
        for number in range(CALLBACKS):
            asked = submission(callback_url=f"http://{places[number % HOSTS]}/", image_url=still)
            task_id = await submit(asked, caller=caller, parts=parts)
            await settle(await begin(task_id, db=parts.db), Stopped(), parts=worker)

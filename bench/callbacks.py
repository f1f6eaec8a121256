"""How soon a callback is sent: after an end on an idle server, and while many other receivers hang.

Real sockets, the real database, the worker's own delivery loop; everything in one process, so the receivers and the
ends of tasks take their time from the deliveries.
"""

import argparse
import asyncio
import resource
import socket
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import structlog

from machine import load, machine
from photoplay.clock import new_uuid
from photoplay.domain.keys import digest_key
from photoplay.domain.limits import Limits
from photoplay.domain.outcomes import Stopped
from photoplay.domain.tasks import Claim, TaskId
from photoplay.egress import Caps, Egress, HostPort
from photoplay.files.cards import load_cards
from photoplay.files.room import DiskRoom
from photoplay.files.store import FileStore
from photoplay.flows.accept import open_intake
from photoplay.flows.enroll import enroll
from photoplay.flows.parts import ApiParts, WorkerParts
from photoplay.flows.settle import settle
from photoplay.flows.submit import submit
from photoplay.process import allow_descriptors
from photoplay.store import accounts, tasks
from photoplay.store.accounts import Caller
from photoplay.store.database import Database
from photoplay.store.embedded import EmbeddedPostgres
from photoplay.store.migrate import migrate
from photoplay.store.signals import Signals
from photoplay.web.wire import callback_body, dump, parse_submission
from photoplay.worker.deliveries import DELIVERIES_MAX, deliver_callbacks

MODEL: Final = "bytedance/v1-pro-text-to-video"
FILES_URL: Final = "http://photoplay.test/files/"
ANSWER: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
LEASE: Final = timedelta(minutes=5)


def main() -> None:
    arguments = _arguments()
    structlog.configure(processors=[], logger_factory=structlog.ReturnLoggerFactory())
    allow_descriptors(4 * (DELIVERIES_MAX + arguments.hanging))
    print(machine())
    # Not the server's uvloop, which cannot start PostgreSQL as another user.
    asyncio.run(_measure(arguments))
    print(f"peak memory  {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB, receivers included")
    print(f"load         {load()} at the end")


async def _measure(arguments: argparse.Namespace) -> None:
    print(f"{'ms until the first attempt':<62}{'p50':>8}{'p99':>8}{'max':>8}")
    async with Bench.open() as bench:
        await bench.one_by_one(10)
        _report(f"idle, {arguments.ends} ends one after the other, from commit", await bench.one_by_one(arguments.ends))
    for hosts, words in ((arguments.hanging, "a host each"), (1, "one host")):
        async with Bench.open() as bench:
            waits = await bench.burst(hanging=arguments.hanging, hosts=hosts, healthy=arguments.healthy)
            _report(f"{arguments.healthy} healthy behind {arguments.hanging} hanging, {words}, all due at once", waits)


class Bench:
    """A database, an account, and receivers that answer at once and note when they were called."""

    def __init__(self, parts: ApiParts, worker: WorkerParts, caller: Caller, stack: AsyncExitStack) -> None:
        self._parts, self._worker, self._caller, self._stack = parts, worker, caller, stack
        self._allowed: set[HostPort] = set()
        self._called: dict[str, float] = {}
        self._all_called = asyncio.Event()
        self._expected = 0

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncGenerator["Bench"]:
        async with AsyncExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="photoplay-")))
            server = EmbeddedPostgres(folder)
            await server.start()
            stack.push_async_callback(server.stop)
            await migrate(server.url)
            db = await stack.enter_async_context(Database(server.url))
            key = await enroll(db, account="bench", granted=10**9)
            async with db.connection() as connection:
                callers = await accounts.find_callers(connection, [digest_key(key)])
            caller = callers[digest_key(key)]
            shared: dict[str, Any] = {
                "db": db,
                "signals": Signals(server.url),
                "files": FileStore(folder / "files"),
                "egress": Egress(allow=frozenset()),
                "cards": load_cards(),
                "engine_names": frozenset(name.name for name in load_cards()[MODEL].engines),
                "work_dir": folder,
                "files_url": FILES_URL,
                "results_lifetime": timedelta(days=1),
                "callback_schedule": (timedelta(), timedelta(hours=1)),
                "callback_body": partial(callback_body, files_url=FILES_URL),
            }
            limits = Limits(creates=None, unfinished_max=10**6)
            intake = await stack.enter_async_context(open_intake(db, limits=limits, waiting_max=10**6))
            parts = ApiParts(
                **shared,
                intake=intake,
                room=DiskRoom(folder, free_bytes_min=0),
                uploads_lifetime=timedelta(days=1),
                secret_file=folder / "secret",
            )
            yield cls(
                parts,
                WorkerParts(
                    **shared,
                    engines={},
                    lease=LEASE,
                    records_lifetime=timedelta(days=1),
                    waiting_lifetime=timedelta(days=1),
                ),
                caller,
                stack,
            )

    async def one_by_one(self, ends: int) -> list[float]:
        """Return how long after its commit each end is heard of, in seconds; the next one ends after that."""
        url, waits = await self._healthy(), list[float]()
        claims = [await self._running(url) for _ in range(ends)]
        async with self._delivering():
            for claim in claims:
                self._expect(1)
                await settle(claim, Stopped(), parts=self._worker)
                committed = time.perf_counter()
                await self._all_called.wait()
                waits.append(max(self._called.values()) - committed)
        return waits

    async def burst(self, *, hanging: int, hosts: int, healthy: int) -> list[float]:
        """Let everything be due, those that hang first, then start the worker; return when each healthy one heard."""
        silent = [self._silent() for _ in range(hosts)]
        urls = [silent[number % hosts] for number in range(hanging)] + [await self._healthy() for _ in range(healthy)]
        for url in urls:
            await settle(await self._running(url), Stopped(), parts=self._worker)
        self._expect(healthy)
        async with self._delivering():
            began = time.perf_counter()
            await self._all_called.wait()
            return [moment - began for moment in self._called.values()]

    def _expect(self, calls: int) -> None:
        self._expected = calls
        self._called.clear()
        self._all_called.clear()

    async def _running(self, url: str) -> Claim:
        request = dump({"model": MODEL, "callBackUrl": url, "input": {"prompt": "a cat"}}).encode()
        asked = parse_submission(request, idempotency_key=None)
        allowing = replace(self._parts, egress=Egress(allow=frozenset(self._allowed)))
        task_id: TaskId = await submit(asked, caller=self._caller, parts=allowing)
        async with self._parts.db.connection() as connection:
            engine = (await tasks.read(connection, task_id)).engine
            claimed = await tasks.claim_next(connection, engine, token=new_uuid(), lease=LEASE)
        assert claimed is not None
        return claimed[0]

    def _silent(self) -> str:
        """A port whose connections the kernel makes and nobody answers."""
        listener = self._stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=64))
        return self._allow(listener.getsockname())

    async def _healthy(self) -> str:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            self._called[new_uuid().hex] = time.perf_counter()
            if len(self._called) >= self._expected:
                self._all_called.set()
            writer.write(ANSWER)
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        self._stack.callback(server.close)
        return self._allow(server.sockets[0].getsockname())

    def _allow(self, name: tuple[str, int]) -> str:
        self._allowed.add(HostPort(host=name[0], port=name[1]))
        return f"http://{name[0]}:{name[1]}/"

    @asynccontextmanager
    async def _delivering(self) -> AsyncGenerator[None]:
        """Run the worker's delivery loop for the block, and cut off what hangs at its end."""
        stop = asyncio.Event()
        egress = Egress(allow=frozenset(self._allowed), caps=Caps(in_all=DELIVERIES_MAX))
        async with egress, asyncio.TaskGroup() as group:
            worker = replace(self._worker, egress=egress)
            listener = group.create_task(worker.signals.listen())
            with worker.signals.watch("ready") as watch:
                await watch.wait(within_s=10)
            loop = group.create_task(deliver_callbacks(worker, stop=stop))
            yield
            loop.cancel()
            listener.cancel()


def _report(what: str, waits: Sequence[float]) -> None:
    each = sorted(wait * 1000 for wait in waits)
    shown = (each[len(each) // 2], each[min(len(each) - 1, len(each) * 99 // 100)], each[-1])
    print(f"{what:<62}" + "".join(f"{value:>8.1f}" for value in shown), flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hanging", type=int, default=1000)
    parser.add_argument("--healthy", type=int, default=100)
    parser.add_argument("--ends", type=int, default=300)
    return parser.parse_args()


if __name__ == "__main__":
    main()

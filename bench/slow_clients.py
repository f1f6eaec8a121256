#!/usr/bin/env python3
"""Normal calls beside many slow connections: `./run python bench/slow_clients.py`.

Starts a server of its own, measures a steady load, and measures it again while a crowd of connections drips heads and
bodies into it, opens a new one for each that is cut, and never reads an answer. Needs some 2,200 descriptors.
"""

import argparse
import asyncio
import json
import os
import platform
import resource
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, perf_counter, sleep

HEAD = b"POST /api/v1/jobs/createTask HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer KEY\r\n"
JSON = b"Content-Type: application/json\r\n"
UPLOAD = (
    b"POST /api/file-stream-upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer KEY\r\nContent-Length: 90000000\r\n"
    b"Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n"
    b'Content-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
)
# What a slow client sends at once, and then drips.
SLOW = {
    "says nothing": (b"", b""),
    "drips a head": (HEAD, b"X-Slow: yes\r\n"),
    "drips a body": (HEAD + JSON + b"Content-Length: 1000000\r\n\r\n", b"x"),
    "drips an upload": (UPLOAD, b"x"),
    "does not read": (b"GET /static/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n" * 4, b""),
}


@dataclass
class Load:
    """What the normal calls saw."""

    seconds: list[float] = field(default_factory=list[float])
    statuses: Counter[int] = field(default_factory=Counter[int])

    def line(self, name: str) -> str:
        ordered = sorted(self.seconds)
        at = [ordered[int(len(ordered) * share)] * 1000 for share in (0.5, 0.95, 0.99)]
        answers = ", ".join(f"{count} x {status}" for status, count in sorted(self.statuses.items()))
        return f"{name:22}{at[0]:8.1f}{at[1]:8.1f}{at[2]:8.1f}{ordered[-1] * 1000:9.1f}   {answers}"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--slow", type=int, default=1000)
    arguments.add_argument("--rate", type=int, default=50, help="normal calls a second")
    arguments.add_argument("--seconds", type=int, default=25)
    arguments.add_argument("--crowd", help=argparse.SUPPRESS)
    given = arguments.parse_args()
    _, ceiling = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(ceiling, 8192), ceiling))
    if given.crowd:
        port, key = given.crowd.split()
        asyncio.run(be_a_crowd(int(port), key.encode(), given.slow))
        return
    with tempfile.TemporaryDirectory(prefix="photoplay-bench-") as folder:
        server = start(Path(folder))
        try:
            asyncio.run(measure(port_of(Path(folder)), key_of(Path(folder)), given))
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(60)


def start(folder: Path) -> "subprocess.Popen[bytes]":
    settings = {"PHOTOPLAY_DATA_DIR": str(folder), "PHOTOPLAY_CREATE_RATE": "off", "PHOTOPLAY_UNFINISHED_MAX": "100000"}
    settings["PHOTOPLAY_WELCOME_CREDITS"] = "1000000000"
    return subprocess.Popen(
        [sys.executable, "-m", "photoplay", "serve", "--port", "0"],
        env={**os.environ, **settings},  # noqa: TID251 - for a child
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def port_of(folder: Path) -> int:
    from photoplay.cli.running import find_running  # noqa: PLC0415 - after the arguments were read

    give_up_at = monotonic() + 60
    while monotonic() < give_up_at:
        running = find_running(folder)
        if running is not None:
            with suppress(OSError), urllib.request.urlopen(f"{running.url}/readyz"):
                return int(running.url.rpartition(":")[2])
        sleep(0.1)
    raise SystemExit("the server did not come up")


def key_of(folder: Path) -> bytes:
    return (folder / "key").read_text().strip().encode()


async def measure(port: int, key: bytes, given: argparse.Namespace) -> None:
    calls = [
        b"GET /api/v1/chat/credit HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
        + key
        + b"\r\nConnection: close\r\n\r\n",
        b"GET /api/v1/models HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /files/none/none HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        create(key),
    ]
    load = " ".join(f"{part:.2f}" for part in os.getloadavg())
    print(f"{processor()}, {os.cpu_count()} cores, load {load}, Python {platform.python_version()}")
    print(f"{given.rate} normal calls a second for {given.seconds} s, each on a connection of its own")
    print(f"{'':22}{'p50 ms':>8}{'p95 ms':>8}{'p99 ms':>8}{'max ms':>9}   answers")
    print((await steady(port, calls, given)).line("alone"))
    where = f"{port} {key.decode()}"
    crowd = await asyncio.create_subprocess_exec(sys.executable, __file__, "--crowd", where, "--slow", str(given.slow))
    try:
        await asyncio.sleep(3)
        print((await steady(port, calls, given)).line(f"beside {given.slow} slow"), flush=True)
    finally:
        crowd.send_signal(signal.SIGINT)
        await crowd.wait()


def create(key: bytes) -> bytes:
    """A create that is accepted. Its picture cannot be fetched, so no clip takes the processor from the rest."""
    image_url = "http://nowhere.invalid/a.jpg"
    input_ = {"prompt": "slow push in", "image_url": image_url}
    body = json.dumps({"model": "bytedance/v1-pro-fast-image-to-video", "input": input_}).encode()
    head = HEAD.replace(b"KEY", key) + JSON + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    return head + body


async def steady(port: int, calls: Sequence[bytes], given: argparse.Namespace) -> Load:
    """Call at a fixed rate, whether or not earlier calls have been answered."""
    load = Load()
    began = perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(given.rate * given.seconds):
            await asyncio.sleep(max(0.0, began + number / given.rate - perf_counter()))
            group.create_task(timed(port, calls[number % len(calls)], load))
    return load


async def timed(port: int, request: bytes, load: Load) -> None:
    began = perf_counter()
    try:
        async with asyncio.timeout(30):
            answer = await exchange(port, request)
        load.statuses[int(answer.split(b" ")[1])] += 1
    except (OSError, TimeoutError, IndexError):
        load.statuses[0] += 1
    load.seconds.append(perf_counter() - began)


async def exchange(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        return await reader.read()
    finally:
        writer.close()


async def be_a_crowd(port: int, key: bytes, count: int) -> None:
    """Be so many slow clients until interrupted: a process of its own, which does not slow what is measured."""
    tally, kinds = Counter[str](), list(SLOW)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stop.set)
    async with asyncio.TaskGroup() as group:
        clients = [
            group.create_task(slow_client(port, key, kinds[number % len(kinds)], tally)) for number in range(count)
        ]
        await stop.wait()
        for client in clients:
            client.cancel()
    print(f"of the slow            {tally['opened']} connections opened, {tally['cut']} cut")


async def slow_client(port: int, key: bytes, kind: str, tally: Counter[str]) -> None:
    """Be slow, and come back whenever the server has had enough."""
    start, drip = SLOW[kind]
    while True:
        with suppress(OSError):
            # The smallest buffer: what is not read soon stands still at the server.
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
            try:
                tally["opened"] += 1
                writer.write(start.replace(b"KEY", key))
                await be_slow(reader, writer, kind, drip)
            finally:
                writer.transport.abort()
            tally["cut"] += 1
        await asyncio.sleep(0.1)


async def be_slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kind: str, drip: bytes) -> None:
    place = 0
    while not reader.at_eof() and not writer.is_closing():
        await asyncio.sleep(1)
        if drip:
            writer.write(drip[place % len(drip) :][:1])
            place += 1
        elif kind == "says nothing":
            await reader.read(1)


def processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


if __name__ == "__main__":
    main()

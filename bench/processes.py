"""Programs that a benchmark measures, each in a process of its own."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import uvloop

from photoplay.cli.running import find_running
from photoplay.store.embedded import EmbeddedPostgres

__all__ = ["Served", "free_port", "postgres", "python", "serving", "wait_for_port"]

START_S = 60.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def wait_for_port(port: int) -> str:
    """Return the URL of a local server once it listens. Raises: TimeoutError."""
    give_up_at = time.monotonic() + START_S
    while time.monotonic() < give_up_at:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)
        else:
            return f"http://127.0.0.1:{port}"
    raise TimeoutError(f"nothing listens on port {port} after {START_S:.0f} s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A running `photoplay serve`."""

    url: str
    process: psutil.Process
    """The supervisor, the parent of all the others."""


@contextmanager
def serving(data_dir: Path) -> Generator[Served]:
    """Run a whole server on its own PostgreSQL while the block runs. Raises: TimeoutError if it does not come up."""
    environment = {"PATH": os.defpath, "PHOTOPLAY_DATA_DIR": str(data_dir), "PHOTOPLAY_LOG_LEVEL": "error"}
    server = subprocess.Popen(
        [sys.executable, "-m", "photoplay", "serve", "--port", "0"], env=environment, stdout=subprocess.DEVNULL
    )
    try:
        yield Served(url=_wait_for_url(data_dir), process=psutil.Process(server.pid))
    finally:
        server.terminate()
        server.wait(60)


def _wait_for_url(data_dir: Path) -> str:
    give_up_at = time.monotonic() + START_S
    while time.monotonic() < give_up_at:
        running = find_running(data_dir)
        if running is not None:
            return running.url
        time.sleep(0.1)
    raise TimeoutError(f"the server did not start within {START_S:.0f} s")


@contextmanager
def postgres(folder: Path) -> Generator[tuple[str, asyncio.Runner]]:
    """Run a PostgreSQL while the block runs; return its URL, and a runner on the event loop that a server has."""
    # uvloop cannot start a program as another user.
    with asyncio.Runner() as plain, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        server = EmbeddedPostgres(folder)
        plain.run(server.start())
        try:
            yield server.url, runner
        finally:
            plain.run(server.stop())


@contextmanager
def python(*arguments: str, **environment: str) -> Generator["subprocess.Popen[bytes]"]:
    """Run a Python program while the block runs."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("PHOTOPLAY_")}  # noqa: TID251 - for a child
    process = subprocess.Popen([sys.executable, *arguments], env={**inherited, **environment})
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)

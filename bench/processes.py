"""Programs that a benchmark measures, each in a process of its own."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager

__all__ = ["free_port", "python", "wait_for_port"]

START_S = 30.0


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

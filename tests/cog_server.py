"""The real cog runtime, in processes of its own, with a predictor that hands out a clip that is there already."""

import json
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import httpx2
import psutil

from crash.servers import free_port, wait_for
from video_servers import Asked, FarServer

PREDICTOR = """
import pathlib, shutil, tempfile, time
from cog import BasePredictor, Path

HERE = pathlib.Path(__file__).parent

class Predictor(BasePredictor):
    def predict(self, prompt: str, image: Path = None, seed: int = 0, negative_prompt: str = "") -> Path:
        with (HERE / "runs").open("a") as runs:
            runs.write(prompt + "\\n")
        if prompt == "fail":
            raise ValueError("the picture is too small")
        while not (HERE / "is_over").exists():
            time.sleep(0.05)
        with (HERE / "ends").open("a") as ends:
            ends.write(f"{prompt} {seed} {pathlib.Path(image).suffix if image else None}\\n")
        source = "predict.py" if (HERE / "is_spoilt").exists() else "theirs.mp4"
        return Path(shutil.copy(HERE / source, tempfile.mktemp(suffix=".mp4")))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CogServer:
    place: str
    folder: Path

    @property
    def url(self) -> str:
        return f"http://{self.place}"

    def end(self) -> None:
        """Let what runs, and whatever comes, end."""
        (self.folder / "is_over").touch()

    def lines(self, name: str) -> list[str]:
        """Return the prompts that were begun, from `runs`, or what came to its end, from `ends`."""
        file = self.folder / name
        return file.read_text().splitlines() if file.exists() else []

    def is_ready(self) -> bool:
        try:
            return httpx2.get(f"{self.url}/health-check").json()["status"] == "READY"
        except httpx2.HTTPError:
            return False


class _Flag(threading.Event):
    """An event that another process sees as a file."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file

    def set(self) -> None:
        self._file.touch()
        super().set()


@dataclass
class CogFront(FarServer):
    """Stands before a real cog server and hands requests through, so that a test can trip it and count. Who hangs up
    here has hung up there.
    """

    far: CogServer = field(kw_only=True)

    def __post_init__(self) -> None:
        for name in ("is_over", "is_spoilt", "runs", "ends"):
            (self.far.folder / name).unlink(missing_ok=True)
        self.is_over = _Flag(self.far.folder / "is_over")

    def answer(self, asked: Asked, client: socket.socket) -> tuple[int, Any]:
        there = HTTPConnection(self.far.place)
        there.request(asked.method, asked.path, asked.body, {"Content-Type": "application/json"})
        if asked.method == "PUT":
            self.jobs[asked.path] = {}
        try:
            ready, _, _ = select.select([client, there.sock], [], [])
            if there.sock not in ready:
                return 0, None
            reply = there.getresponse()
            return reply.status, json.loads(reply.read())
        finally:
            there.close()
            if asked.method == "PUT":
                del self.jobs[asked.path]

    def spoil(self) -> None:
        (self.far.folder / "is_spoilt").touch()


@contextmanager
def cog_server(folder: Path) -> Generator[CogServer]:
    """Run one in a folder that holds `theirs.mp4`."""
    (folder / "predict.py").write_text(PREDICTOR)
    server = CogServer(place=f"127.0.0.1:{free_port()}", folder=folder)
    # Its worker is `python` on the path.
    env = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "COG_PREDICT_TYPE_STUB": "predict.py:Predictor",
        "PORT": server.place.rpartition(":")[2],
    }
    command = [sys.executable, "-m", "cog.server.http", "--host", "127.0.0.1"]
    with (folder / "cog.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=log)
    try:
        wait_for(server.is_ready, within_s=60, what=f"a cog server: {(folder / 'cog.log').read_text()}")
        yield server
    finally:
        family = [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]
        for member in family:
            member.kill()
        process.wait(60)
        psutil.wait_procs(family, timeout=10)

"""A real `photoplay serve` to test against: started, watched, killed in parts, and stopped."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import httpx2
import psutil

from photoplay.cli.running import find_running
from photoplay.domain.keys import Kind
from photoplay.flows.enroll import enroll
from photoplay.store.database import Database

T = TypeVar("T")
MODEL = "bytedance/v1-pro-fast-image-to-video"
PHOTO = Path(__file__).parents[2] / "src" / "photoplay" / "samples" / "coffee.jpg"


def wait_for(probe: Callable[[], T | None], *, within_s: float, what: str) -> T:
    """Call until it returns something true. Polling is all that the outside of a process allows."""
    give_up_at = time.monotonic() + within_s
    while time.monotonic() < give_up_at:
        if found := probe():
            return found
        time.sleep(0.12)
    raise AssertionError(f"not within {within_s} s: {what}")


def environment(data_dir: Path, **settings: str) -> dict[str, str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("PHOTOPLAY_")}  # noqa: TID251 - for a child
    return {**inherited, "PHOTOPLAY_DATA_DIR": str(data_dir), **settings}


@dataclass
class Server:
    """One `photoplay serve` process and what it started."""

    data_dir: Path
    settings: Mapping[str, str]
    log_path: Path
    process: "subprocess.Popen[bytes]" = field(init=False)
    url: str = field(init=False, default="")
    port: str = field(init=False, default="0")
    """A free one at the first start, the same one after that."""

    def start(self) -> None:
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "photoplay", "serve", "--port", self.port],
                env=environment(self.data_dir, **self.settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.url = wait_for(self._ready_url, within_s=60, what=f"ready: {self.log_path.read_text()}")
        self.port = self.url.rpartition(":")[2]

    def _ready_url(self) -> str | None:
        assert self.process.poll() is None, f"the server ended: {self.log_path.read_text()}"
        running = find_running(self.data_dir)
        if running is None or running.pid != self.process.pid:
            return None
        try:
            answer = httpx2.get(f"{running.url}/readyz")
            return running.url if answer.is_success or answer.text.startswith("draining") else None
        except httpx2.HTTPError:
            return None

    def stop(self, *, within_s: float = 120) -> int:
        self.process.terminate()
        return self.process.wait(within_s)

    @property
    def key(self) -> str:
        return (self.data_dir / "key").read_text().strip()

    @property
    def test_key(self) -> str:
        """Of a server that is a sandbox."""
        return (self.data_dir / "test-key").read_text().strip()

    @property
    def secret(self) -> str:
        return (self.data_dir / "callback-secret").read_text().strip()

    def part(self, *words: str) -> psutil.Process:
        """Return the one process of this server whose command line has all these words."""
        return wait_for(lambda: self._find(words), within_s=60, what=f"a process of {words}")

    def _find(self, words: tuple[str, ...]) -> psutil.Process | None:
        for process in psutil.Process(self.process.pid).children(recursive=True):
            try:
                if all(word in process.cmdline() for word in words):
                    return process
            except psutil.NoSuchProcess:
                continue
        return None

    def kill(self, *words: str) -> None:
        self.part(*words).send_signal(signal.SIGKILL)

    def kill_worker(self) -> None:
        self.kill("photoplay", "worker")
        self.end_first_leases()

    def end_first_leases(self) -> None:
        """Let the leases of its workers' first attempts run out at once: so the tests need no short ones."""
        claimed = re.findall(r"task\.claimed .*task_id=(\w+)", self.log_path.read_text())
        ended = "update tasks set lease_until = now() where lease_until is not null and attempt = 1 and id = any($1)"

        async def end() -> None:
            async with Database(self.database_url) as db, db.connection() as connection:
                await connection.execute(ended, [UUID(task_id) for task_id in claimed])

        asyncio.run(end())

    def post(self, path: str, **options: Any) -> dict[str, Any]:
        return self._call("POST", path, **options)

    def get(self, path: str, **options: Any) -> dict[str, Any]:
        return self._call("GET", path, **options)

    def _call(self, method: str, path: str, *, key: str | None = None, **options: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {key or self.key}"}
        answer = httpx2.request(method, self.url + path, headers=headers, timeout=90, **options)
        return answer.json()

    def upload(self, photo: Path = PHOTO) -> str:
        with photo.open("rb") as file:
            return self.post("/api/file-stream-upload", files={"file": (photo.name, file)})["data"]["fileUrl"]

    def create(self, image_url: str, *, callback_url: str | None = None, **input: str) -> str:
        body = {
            "model": MODEL,
            "input": {"prompt": "slow push in", "image_url": image_url, **input},
            "callBackUrl": callback_url,
        }
        answer = self.post("/api/v1/jobs/createTask", json=body)
        assert answer["code"] == 200, answer
        return answer["data"]["taskId"]

    def record(self, task_id: str, *, key: str | None = None) -> dict[str, Any]:
        """Return the task's record; empty while the server is away or says that it was asked too often."""
        try:
            return self._call("GET", "/api/v1/jobs/recordInfo", key=key, params={"taskId": task_id})["data"] or {}
        except (httpx2.HTTPError, json.JSONDecodeError):
            return {}

    def make_key(self, *, kind: Kind, granted: int) -> str:
        """Make an account of this kind with so many credits, and return a key for it."""

        async def make() -> str:
            async with Database(self.database_url) as db:
                return await enroll(db, account=f"tester-{kind}", kind=kind, granted=granted)

        return asyncio.run(make())

    @property
    def database_url(self) -> str:
        running = find_running(self.data_dir)
        assert running is not None, "the server runs"
        return running.database_url

    def balance(self) -> int:
        return int(str(self.get("/api/v1/chat/credit")["data"]))

    def wait_for_state(self, task_id: str, *states: str, within_s: float = 60) -> dict[str, Any]:
        def probe() -> dict[str, Any] | None:
            record = self.record(task_id)
            return record if record.get("state") in states else None

        return wait_for(probe, within_s=within_s, what=f"{task_id} in {states}: {self.log_path.read_text()[-2000:]}")

    def wait_for_only_clip(self) -> Path:
        """Return the one clip stored. An attempt that lost its claim may leave one until the next cleaning."""

        def probe() -> Path | None:
            clips = list((self.data_dir / "files").rglob("*.mp4"))
            return clips[0] if len(clips) == 1 else None

        return wait_for(probe, within_s=120, what="exactly one clip in the file store")

    def download(self, record: Mapping[str, Any]) -> bytes:
        """Return the clip of a task that succeeded."""
        (link,) = json.loads(record["resultJson"])["resultUrls"]
        return httpx2.get(link, timeout=30).raise_for_status().content


@contextmanager
def serving(folder: Path, **settings: str) -> Generator[Server]:
    """Run a server for the block, and see at the end that nothing of it is left."""
    server = Server(data_dir=folder / "data", settings=settings, log_path=folder / "server.log")
    server.start()
    started = psutil.Process(server.process.pid).children(recursive=True)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            started += psutil.Process(server.process.pid).children(recursive=True)
            server.stop()
    gone, alive = psutil.wait_procs(started, timeout=30)
    assert not alive, f"left running: {alive}, {len(gone)} are gone"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def part(*words: str, env: dict[str, str], log: Path) -> Generator["subprocess.Popen[bytes]"]:
    """Run one part of a server alone for the block, and see that it stops cleanly."""
    with log.open("ab") as out:
        process = subprocess.Popen([sys.executable, "-m", "photoplay", *words], env=env, stdout=out, stderr=out)
    try:
        yield process
    finally:
        process.terminate()
        assert process.wait(120) == 0

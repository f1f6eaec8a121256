"""One Photoplay in front of another: asked for once whatever is killed, charged once on each side, ended together."""

import os
import signal
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest

from crash.servers import Server, serving, wait_for
from photoplay.flows.cancel import STOP_WAIT_S

LONG = {"resolution": "1080p", "duration": "10"}
PRICE = 72
CREATE = "/api/v1/jobs/createTask"


@pytest.fixture
def inner(tmp_path: Path) -> Generator[Server]:
    (tmp_path / "inner").mkdir()
    with serving(tmp_path / "inner", PHOTOPLAY_ENGINES="camera", PHOTOPLAY_JOBS_MAX="1") as server:
        yield server


@contextmanager
def in_front_of(inner: Server, folder: Path, url: str) -> Generator[Server]:
    (folder / "outer").mkdir()
    settings = {"PHOTOPLAY_ENGINES": "kie", "PHOTOPLAY_KIE_URL": url, "PHOTOPLAY_KIE_KEY": inner.key}
    with serving(folder / "outer", **settings, PHOTOPLAY_EGRESS_ALLOW=place(inner)) as server:
        yield server


def place(server: Server) -> str:
    return server.url.removeprefix("http://")


def tasks_of(server: Server) -> list[dict[str, Any]]:
    return server.get("/api/v1/jobs")["data"]["tasks"]


def wait_until_generating(inner: Server) -> None:
    wait_for(lambda: any(task["state"] == "generating" for task in tasks_of(inner)), within_s=60, what="an inner task")


def test_a_worker_killed_while_the_other_server_works_goes_on_with_the_same_task(inner: Server, tmp_path: Path) -> None:
    with in_front_of(inner, tmp_path, inner.url) as outer:
        task_id = outer.create(outer.upload(), **LONG)
        wait_until_generating(inner)
        outer.kill_worker()
        record = outer.wait_for_state(task_id, "success", "fail", within_s=180)

        assert record["state"] == "success", record["failMsg"]
        (theirs,) = tasks_of(inner)
        assert (outer.balance(), inner.balance()) == (1000 - PRICE, 1000 - PRICE)
        assert outer.download(record) == inner.download(inner.record(theirs["taskId"]))


def test_a_worker_killed_before_it_hears_of_the_task_asks_for_no_second_one(inner: Server, tmp_path: Path) -> None:
    with deaf_to_the_first_answer(inner) as front, in_front_of(inner, tmp_path, front.url) as outer:
        front.victim = outer.part("photoplay", "worker").pid
        task_id = outer.create(outer.upload())
        assert front.killed.wait(60)
        outer.end_first_leases()
        record = outer.wait_for_state(task_id, "success", "fail", within_s=180)

        assert record["state"] == "success", record["failMsg"]
        assert len(tasks_of(inner)) == 1
        assert (outer.balance(), inner.balance()) == (1000 - 16, 1000 - 16)


def test_cancelling_ends_the_task_on_both_sides(inner: Server, tmp_path: Path) -> None:
    with in_front_of(inner, tmp_path, inner.url) as outer:
        task_id = outer.create(outer.upload(), **LONG)
        wait_until_generating(inner)
        outcome, waited_s = cancel(outer, task_id)
        outer.wait_for_state(task_id, "fail")
        (theirs,) = tasks_of(inner)
        ended = inner.wait_for_state(theirs["taskId"], "fail")

        assert outcome == "cancelled" or waited_s > STOP_WAIT_S
        assert ended["failCode"] == "499"
        assert (outer.balance(), inner.balance()) == (1000, 1000)


def cancel(server: Server, task_id: str) -> tuple[str, float]:
    """Return how the wish was answered, and after how many seconds: the server waits for the end, but not for long."""
    began = time.monotonic()
    answer = server.post("/api/v1/jobs/cancelTask", json={"taskId": task_id})
    return answer["data"]["outcome"], time.monotonic() - began


class Front(ThreadingHTTPServer):
    """Hands everything on; once a create has been taken, the one who asked is killed before the answer."""

    def __init__(self, inner: Server) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.inner = inner
        self.victim = 0
        self.killed = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._hand_on()

    def do_POST(self) -> None:
        self._hand_on()

    def _hand_on(self) -> None:
        front = self.server
        assert isinstance(front, Front)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name: text for name, text in self.headers.items() if name.lower() not in {"host", "connection"}}
        answer = httpx2.request(self.command, front.inner.url + self.path, headers=headers, content=body, timeout=90)
        if self.path == CREATE and not front.killed.is_set():
            os.kill(front.victim, signal.SIGKILL)
            front.killed.set()
            return
        self.send_response(answer.status_code)
        self.send_header("Content-Type", answer.headers["content-type"])
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def deaf_to_the_first_answer(inner: Server) -> Generator[Front]:
    front = Front(inner)
    thread = threading.Thread(target=front.serve_forever, daemon=True)
    thread.start()
    try:
        yield front
    finally:
        front.shutdown()
        front.server_close()
        thread.join(10)

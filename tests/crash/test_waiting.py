"""Waiting and cancelling over real sockets, with a real engine at work."""

import json
import os
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

from crash.servers import Server, serving, wait_for
from crash.test_command_line import photoplay
from photoplay.client import Client
from photoplay.flows.cancel import STOP_WAIT_S

# Long enough to be caught in the middle, also on a fast machine.
LONG = {"resolution": "1080p", "duration": "10"}
EVENTS = "/api/v1/jobs/events"
QUIET_S = 60.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[Server]:
    with serving(tmp_path_factory.mktemp("serve"), PHOTOPLAY_JOBS_MAX="1") as running:
        yield running


@pytest.fixture(scope="module")
def photo(server: Server) -> str:
    return server.upload()


@contextmanager
def stream(server: Server, task_id: str | None = None, *, last: str = "") -> Generator[Iterator[dict[str, Any]]]:
    headers = {"Authorization": f"Bearer {server.key}", **({"Last-Event-ID": last} if last else {})}
    params = {} if task_id is None else {"taskId": task_id}
    with httpx2.stream("GET", server.url + EVENTS, headers=headers, params=params, timeout=QUIET_S) as answer:
        assert answer.status_code == 200, answer.read()
        yield events(answer)


def events(answer: httpx2.Response) -> Iterator[dict[str, Any]]:
    event: dict[str, Any] = {}
    for line in answer.iter_lines():
        name, _, text = line.partition(": ")
        if name in {"event", "id", "data"}:
            event[name] = json.loads(text) if name == "data" else text
        elif not line and event:
            yield event
            event = {}


def under_way(server: Server, photo: str) -> tuple[str, psutil.Process]:
    """A task whose engine is at work, and the engine's process."""
    task_id = server.create(photo, **LONG)
    with stream(server, task_id) as told:
        next(event for event in told if event["data"]["state"] == "generating" and event["data"]["progress"] >= 3)
    return task_id, server.part("photoplay.engines.child")


def test_a_cancelled_clip_has_no_process_and_costs_nothing_when_the_answer_comes(server: Server, photo: str) -> None:
    before = server.balance()
    task_id, engine = under_way(server, photo)

    began = time.monotonic()
    answer = server.post("/api/v1/jobs/cancelTask", json={"taskId": task_id})
    # A machine that is too busy to end it in that time says so, and has ended it a little later.
    is_slow = time.monotonic() - began > STOP_WAIT_S and answer["data"]["outcome"] == "requested"

    record = server.wait_for_state(task_id, "fail") if is_slow else server.record(task_id)
    assert is_slow or answer["data"] == {"taskId": task_id, "outcome": "cancelled"}
    assert not engine.is_running()
    assert (record["state"], record["failCode"], record["stage"]) == ("fail", "499", "done")
    assert server.balance() == before
    assert not list(server.data_dir.glob("work/*"))


def test_the_next_clip_is_made_after_a_cancelled_one(server: Server, photo: str) -> None:
    under = under_way(server, photo)[0]
    behind = server.create(photo)

    server.post("/api/v1/jobs/cancelTask", json={"taskId": under})

    assert server.wait_for_state(behind, "success", "fail", within_s=60)["state"] == "success"


def test_the_command_cancels_and_says_what_happened(server: Server, photo: str) -> None:
    task_id, _ = under_way(server, photo)

    first = photoplay(server.data_dir, "cancel", task_id)
    server.wait_for_state(task_id, "fail")
    again = photoplay(server.data_dir, "cancel", task_id)
    unknown = photoplay(server.data_dir, "cancel", "f" * 32, task_id)

    # The latter where it could not be ended at once.
    said = ("cancelled; it costs nothing", "asked to stop; it ends soon")
    assert first.returncode == 0
    assert first.stdout in {f"{task_id}  {words}\n" for words in said}
    assert (again.returncode, again.stdout) == (3, f"{task_id}  too late: it had ended, nothing changed\n")
    assert (unknown.returncode, unknown.stderr) == (1, f"{'f' * 32}  there is no such task of this account\n")


def test_the_commands_need_a_server(tmp_path: Path) -> None:
    refused = photoplay(tmp_path / "data", "cancel", "f" * 32)

    assert refused.returncode == 1
    assert refused.stderr.startswith("photoplay: no server runs on ")


def test_tasks_are_listed_and_shown(server: Server, photo: str) -> None:
    body = {
        "model": "bytedance/v1-pro-fast-image-to-video",
        "input": {"prompt": "pan left", "image_url": photo},
        "clientReference": "order 1042",
    }
    task_id = server.post("/api/v1/jobs/createTask", json=body)["data"]["taskId"]
    with Client(server.url, server.key) as client:
        client.wait(task_id)
        one_by_one = [record.task_id for record in client.tasks(limit=1)]
        at_once = [record.task_id for record in client.tasks(limit=200)]

    listed = photoplay(server.data_dir, "tasks", "--reference", "order 1042", "--state", "success")
    shown = photoplay(server.data_dir, "tasks", "show", task_id)

    assert one_by_one == at_once
    assert at_once[0] == task_id
    head, row = listed.stdout.splitlines()
    assert head.split()[:4] == ["task", "created", "model", "state"]
    assert row.startswith(task_id)
    assert row.endswith("success  100 %     16       order 1042")
    assert f"result              {server.url}/files/" in shown.stdout


def test_a_stream_tells_a_clip_from_waiting_to_its_end(server: Server, photo: str) -> None:
    task_id = server.create(photo)

    with stream(server, task_id) as told:
        story = list(told)

    progress = [event["data"]["progress"] for event in story]
    assert [event["event"] for event in story if event["event"] != "progress"][-1] == "end"
    assert progress == sorted(progress)
    assert len(set(progress)) > 2
    assert (story[-1]["data"]["state"], story[-1]["data"]["progress"]) == ("success", 100)
    assert story[-1]["data"] == server.record(task_id)


def test_who_lost_the_connection_gets_what_it_missed_and_nothing_older(server: Server, photo: str) -> None:
    task_id = server.create(photo)
    with stream(server, task_id) as told:
        first = next(told)
    server.wait_for_state(task_id, "success")

    with stream(server, task_id, last=first["id"]) as told:
        rest = list(told)
    headers = {"Authorization": f"Bearer {server.key}", "Last-Event-ID": rest[-1]["id"]}
    seen = httpx2.get(server.url + EVENTS, params={"taskId": task_id}, headers=headers, timeout=QUIET_S)

    assert [event["event"] for event in rest] == ["end"]
    assert int(rest[-1]["id"]) > int(first["id"])
    assert seen.status_code == 204


def test_an_accounts_stream_tells_of_every_task(server: Server, photo: str) -> None:
    with stream(server) as told:
        ids = {server.create(photo) for _ in range(2)}
        ended: list[str] = []
        while set(ended) < ids:
            event = next(told)
            if event["event"] == "end" and event["data"]["taskId"] in ids:
                ended.append(event["data"]["taskId"])

    assert sorted(ended) == sorted(ids)


def test_a_query_waits_for_the_end_and_is_answered_by_it(server: Server, photo: str) -> None:
    task_id = server.create(photo)
    answers: list[dict[str, Any]] = []
    asking = threading.Thread(
        target=lambda: answers.append(
            server.get("/api/v1/jobs/recordInfo", params={"taskId": task_id, "wait": "60"})["data"]
        )
    )
    asking.start()
    asking.join(2 * QUIET_S)

    assert [answer["state"] for answer in answers] == ["success"]


def test_a_stopping_server_does_not_wait_for_its_streams(tmp_path: Path) -> None:
    with serving(tmp_path) as server, stream(server) as told:
        first = threading.Thread(target=lambda: list(told))
        first.start()
        assert server.stop(within_s=20) == 0
        first.join(QUIET_S)

        assert not first.is_alive()


def test_a_stream_outlives_a_restart_of_the_database(tmp_path: Path) -> None:
    with serving(tmp_path, PHOTOPLAY_JOBS_MAX="1") as server:
        task_id, _ = under_way(server, server.upload())
        postgres = next(p for p in psutil.Process(server.process.pid).children() if p.name() == "postgres")
        last, is_ended = "", False
        os.kill(postgres.pid, 9)
        while not is_ended:
            # A stream may break off, as a lost connection would; the client comes back.
            last, is_ended = wait_for(
                partial(go_on, server, task_id, last), within_s=QUIET_S, what="the stream is back"
            )

        assert server.wait_for_state(task_id, "success", "fail")["state"] == "success"


def go_on(server: Server, task_id: str, last: str) -> tuple[str, bool] | None:
    """Read until the end or until the stream breaks off; None where nothing came."""
    event: dict[str, Any] | None = None
    try:
        with stream(server, task_id, last=last) as told:
            for event in told:  # noqa: B007 - the last one is what counts
                pass
    except (httpx2.HTTPError, AssertionError):
        pass
    return None if event is None else (event["id"], event["event"] == "end")

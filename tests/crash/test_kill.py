"""What kill -9 leaves behind: nothing lost, one charge, one file, and the server goes on by itself."""

import json
import signal
from pathlib import Path

import httpx2
import psutil
import pytest

from crash.receivers import callback_receiver
from crash.servers import MODEL, Server, serving, wait_for

# Long enough to be caught in the middle, also on a fast machine.
LONG = {"resolution": "1080p", "duration": "10"}
ONE_AT_ONCE = {"PHOTOPLAY_JOBS_MAX": "1"}


def wait_until_under_way(server: Server, task_id: str) -> None:
    wait_for(lambda: server.record(task_id).get("progress", 0) >= 10, within_s=60, what="a clip under way")


def test_a_worker_killed_in_the_middle_of_a_clip_costs_one_charge_and_leaves_one_file(tmp_path: Path) -> None:
    with (
        callback_receiver() as (callback_host, received),
        serving(tmp_path, **ONE_AT_ONCE, PHOTOPLAY_EGRESS_ALLOW=callback_host) as server,
    ):
        task_id = server.create(server.upload(), callback_url=f"http://{callback_host}/", **LONG)
        wait_until_under_way(server, task_id)
        engine = server.part("photoplay.engines.child")
        server.kill_worker()
        record = server.wait_for_state(task_id, "success", "fail", within_s=180)
        callback = json.loads(received.get(timeout=60).body)

        assert record["state"] == "success", record["failMsg"]
        assert (record["consumeCredits"], server.balance()) == (72, 1000 - 72)
        assert server.wait_for_only_clip().read_bytes() == server.download(record)
        assert callback["taskId"] == task_id
        assert received.empty()
        assert not engine.is_running() or engine.status() == psutil.STATUS_ZOMBIE


def test_a_killed_engine_is_replaced_and_the_task_succeeds(tmp_path: Path) -> None:
    with serving(tmp_path, **ONE_AT_ONCE) as server:
        task_id = server.create(server.upload(), **LONG)
        wait_until_under_way(server, task_id)
        server.kill("photoplay.engines.child")
        record = server.wait_for_state(task_id, "success", "fail", within_s=180)

        assert (record["state"], server.balance()) == ("success", 1000 - 72)
        assert server.wait_for_only_clip().read_bytes() == server.download(record)


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGTERM])
def test_a_database_that_is_ended_comes_back_and_the_task_succeeds(blow: signal.Signals, tmp_path: Path) -> None:
    with serving(tmp_path, **ONE_AT_ONCE) as server:
        task_id = server.create(server.upload(), **LONG)
        wait_until_under_way(server, task_id)
        postgres = next(p for p in psutil.Process(server.process.pid).children() if p.name() == "postgres")
        postgres.send_signal(blow)
        wait_for(lambda: "database.restarted" in server.log_path.read_text(), within_s=60, what="the database is back")
        record = server.wait_for_state(task_id, "success", "fail", within_s=180)

        assert (record["state"], server.balance()) == ("success", 1000 - 72)
        assert server.wait_for_only_clip().read_bytes() == server.download(record)


def test_a_killed_api_is_back_without_refusing_a_connection(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        server.kill("photoplay", "api")

        # The supervisor holds the listening socket: the request waits instead of being refused.
        assert httpx2.get(f"{server.url}/healthz", timeout=30).text == "ok\n"


def test_a_killed_supervisor_leaves_nothing_running_and_its_data_can_be_served_again(tmp_path: Path) -> None:
    with serving(tmp_path, **ONE_AT_ONCE) as server:
        task_id = server.create(server.upload())
        family = psutil.Process(server.process.pid).children(recursive=True)
        server.process.kill()
        server.process.wait(60)
        _, alive = psutil.wait_procs(family, timeout=60)
        assert not alive
        server.start()
        server.end_first_leases()

        assert server.wait_for_state(task_id, "success", "fail")["state"] == "success"
        assert server.balance() == 1000 - 16


def test_a_stopping_server_hands_its_task_back_and_the_next_one_finishes_it(tmp_path: Path) -> None:
    with serving(tmp_path, **ONE_AT_ONCE, PHOTOPLAY_DRAIN_S="0") as server:
        task_id = server.create(server.upload(), **LONG)
        wait_until_under_way(server, task_id)
        status = server.stop()
        server.start()
        record = server.wait_for_state(task_id, "success", "fail", within_s=180)

        assert status == 0
        assert "task.handed_back" in server.log_path.read_text()
        assert (record["state"], server.balance()) == ("success", 1000 - 72)
        assert server.wait_for_only_clip().read_bytes() == server.download(record)


def test_a_stopping_server_refuses_new_tasks_in_words_and_still_answers_queries(tmp_path: Path) -> None:
    with serving(tmp_path, **ONE_AT_ONCE) as server:
        photo = server.upload()
        task_id = server.create(photo, **LONG)
        wait_until_under_way(server, task_id)
        server.process.terminate()
        body = {"model": MODEL, "input": {"prompt": "pan left", "image_url": photo}}
        refused = wait_for(
            lambda: (a := server.post("/api/v1/jobs/createTask", json=body))["code"] == 455 and a,
            within_s=60,
            what="a create is refused",
        )
        record = server.record(task_id)

        assert refused["msg"].startswith("The server takes no new work: it is stopping")
        assert record["state"] == "generating"
        assert server.process.wait(120) == 0

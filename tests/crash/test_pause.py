"""The operator's commands for the whole service, which hold until the next one: across restarts too."""

import subprocess
import sys
from pathlib import Path

from crash.servers import MODEL, Server, environment, serving


def say(server: Server, command: str) -> str:
    """Give the operator's command; return what it printed."""
    return subprocess.run(
        [sys.executable, "-m", "photoplay", command],
        env=environment(server.data_dir),
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def restart(server: Server) -> None:
    server.stop()
    server.start()


def test_a_pause_and_a_drain_outlive_a_restart_and_resume_ends_them(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        paused = say(server, "pause")
        photo = server.upload()
        task_id = server.create(photo)
        restart(server)
        waiting = server.record(task_id)
        drained = say(server, "drain")
        restart(server)
        body = {"model": MODEL, "input": {"prompt": "pan left", "image_url": photo}}
        refused = server.post("/api/v1/jobs/createTask", json=body)
        resumed = say(server, "resume")
        server.wait_for_state(task_id, "success")
        server.create(photo)

    assert [paused, drained, resumed] == [f"The service is {mode}.\n" for mode in ("paused", "draining", "running")]
    assert (waiting["state"], refused["code"]) == ("waiting", 455)
    assert server.log_path.read_text().count("server.ready") == 3

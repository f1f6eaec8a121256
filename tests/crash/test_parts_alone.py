"""One part a process, on a PostgreSQL that is given: how a server grows past one machine."""

import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2

from crash.servers import MODEL, PHOTO, environment, free_port, part, wait_for


def answers(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/readyz").is_success
    except httpx2.HTTPError:
        return False


def test_two_apis_and_two_workers_share_a_given_database(database_url: str, tmp_path: Path) -> None:
    ports = [free_port(), free_port()]
    public = f"http://127.0.0.1:{ports[0]}"
    settings = {"PHOTOPLAY_DATABASE_URL": database_url, "PHOTOPLAY_PUBLIC_URL": public, "PHOTOPLAY_JOBS_MAX": "1"}
    log = tmp_path / "parts.log"
    with ExitStack() as running:
        for port in ports:
            env = environment(tmp_path / "data", **settings, PHOTOPLAY_PORT=str(port))
            running.enter_context(part("api", env=env, log=log))
            running.enter_context(part("worker", env=env, log=log))
        created = subprocess.run(
            [sys.executable, "-m", "photoplay", "keys", "create", "--account", "studio", "--credits", "100"],
            env=environment(tmp_path / "data", **settings),
            capture_output=True,
            text=True,
            check=True,
        )
        headers = {"Authorization": f"Bearer {created.stdout.strip()}"}
        one, two = (f"http://127.0.0.1:{port}" for port in ports)
        wait_for(lambda: answers(one) and answers(two), within_s=60, what=log.read_text())
        with PHOTO.open("rb") as photo:
            upload = httpx2.post(
                f"{one}/api/file-stream-upload", files={"file": photo}, headers=headers, timeout=60
            ).json()
        body = {"model": MODEL, "input": {"prompt": "pan left", "image_url": upload["data"]["fileUrl"]}}
        tasks = [
            httpx2.post(f"{url}/api/v1/jobs/createTask", json=body, headers=headers, timeout=60).json()["data"][
                "taskId"
            ]
            for url in (one, two, one, two)
        ]

        def read(url: str, task: str) -> dict[str, Any]:
            path = f"{url}/api/v1/jobs/recordInfo"
            return httpx2.get(path, params={"taskId": task}, headers=headers, timeout=60).json()["data"]

        def all_ended() -> list[str] | None:
            # Each is asked of the API that did not create it.
            records = [read(url, task) for url, task in zip((two, one, two, one), tasks, strict=True)]
            states = [record["state"] for record in records if record]
            return states if states.count("success") + states.count("fail") == len(tasks) else None

        assert wait_for(all_ended, within_s=180, what=log.read_text()[-2000:]) == ["success"] * 4
        balance = json.loads(httpx2.get(f"{two}/api/v1/chat/credit", headers=headers, timeout=60).content)["data"]
        assert balance == 100 - 4 * 16

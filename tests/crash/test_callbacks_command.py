"""`photoplay callbacks` and `photoplay listen` against a real server: what they print, and what a laptop receives."""

import queue
import re
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from crash.receivers import Received, callback_receiver
from crash.servers import Server, environment, serving, wait_for
from photoplay.callbacks import verify


@dataclass(frozen=True)
class Scene:
    """A server, a receiver that refuses, and one that takes."""

    server: Server
    broken: str
    good: str
    photo_url: str

    def run(self, *words: str, status: int = 0) -> str:
        """Run a command as a person would beside the server; return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "photoplay", *words],
            env=environment(self.server.data_dir),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    def failed_task(self) -> str:
        """End a task without a clip, soon, whose callback is refused twice; return its id."""
        task_id = self.server.create(
            self.server.url + "/files/none/none.jpg", callback_url=f"http://{self.broken}/hook"
        )
        wait_for(lambda: "exhausted" in self.run("callbacks", "show", task_id), within_s=60, what="exhausted")
        return task_id


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Generator[Scene]:
    with ExitStack() as stack:
        broken, _ = stack.enter_context(callback_receiver(500))
        good, _ = stack.enter_context(callback_receiver())
        settings = {"PHOTOPLAY_EGRESS_ALLOW": f"{broken},{good}", "PHOTOPLAY_CALLBACK_SCHEDULE_S": "0,0.2"}
        server = stack.enter_context(serving(tmp_path_factory.mktemp("callbacks"), **settings))
        yield Scene(server, broken, good, server.upload())


def test_a_failed_callback_is_listed_shown_and_sent_again(scene: Scene) -> None:
    task_id = scene.failed_task()

    (line,) = [line for line in scene.run("callbacks", "list", "--state", "failed").splitlines() if task_id in line]
    shown = scene.run("callbacks", "show", task_id)
    again = scene.run("callbacks", "resend", task_id)

    assert re.search(rf"{task_id}  fail +exhausted +2 +500 +http://{scene.broken}/hook", line)
    assert f"fail, exhausted: http://{scene.broken}/hook" in shown
    assert re.search(r"  1\. \S+ \S+  500 in \d+ ms, 0 bytes\n     next attempt ", shown)
    assert again == "1 callback is sent again\n"
    wait_for(lambda: "  4. " in scene.run("callbacks", "show", task_id), within_s=30, what="two further attempts")


def test_everything_that_failed_lately_is_sent_again(scene: Scene) -> None:
    scene.failed_task()

    assert re.fullmatch(
        r"(1 callback is|\d+ callbacks are) sent again\n", scene.run("callbacks", "resend", "--failed-since", "1h")
    )


def test_a_ping_shows_what_came_back_and_ends_with_its_success(scene: Scene) -> None:
    good = scene.run("callbacks", "ping", f"http://{scene.good}/hook")
    bad = scene.run("callbacks", "ping", f"http://{scene.broken}/hook", status=1)
    refused = scene.run("callbacks", "ping", "http://10.0.0.1/", status=1)

    assert re.fullmatch(r"200 in \d+ ms, 0 bytes\n", good)
    assert bad.startswith("500 in ")
    assert refused == "photoplay: url: the address is not public\n"


def test_a_rotated_secret_is_printed_once_and_kept_for_the_first_account(scene: Scene) -> None:
    printed = scene.run("callbacks", "secret", "rotate")

    assert re.search(r"^whsec_\S{44}$", printed, re.MULTILINE)
    assert scene.server.secret in printed
    assert "signs too until" in printed


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["resend"], "say which: a TASK_ID, or --failed-since, and not both"),
        (["resend", "--failed-since", "noon"], "noon is neither an age such as 2h nor a time"),
        (["show", "1" * 32], "there is no such task of this account"),
        (["list", "--state", "lost"], "state is not within the range of allowed options"),
        (["list", "--server", "http://127.0.0.1:1"], "--server needs --key"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(words: list[str], text: str, scene: Scene) -> None:
    said = scene.run("callbacks", *words, status=1)

    assert said.startswith("photoplay: ")
    assert text in said
    assert said.count("\n") == 1


def test_without_a_server_it_is_said_how_to_get_one(tmp_path: Path, scene: Scene) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "photoplay", "listen", "--print"],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 1
    assert "start one with photoplay serve" in done.stderr
    assert "--forward URL, --print, or both" in scene.run("listen", status=1)


@contextmanager
def listening(scene: Scene, log: Path, *words: str) -> Generator["subprocess.Popen[bytes]"]:
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", "photoplay", "listen", *words],
            env=environment(scene.server.data_dir),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
    try:
        wait_for(lambda: "Listening" in log.read_text(), within_s=30, what="listening")
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def taken(received: "queue.Queue[Received]", scene: Scene) -> str:
    """The task that the next callback on the laptop is about; its signature is right."""
    callback = received.get(timeout=60)
    return str(verify(callback.headers, callback.body, scene.server.secret)["taskId"])


def end_task(scene: Scene) -> str:
    """End a task without a clip and without a callBackUrl; return its id."""
    task_id = scene.server.create(scene.server.url + "/files/none/none.jpg")
    scene.server.wait_for_state(task_id, "fail")
    return task_id


def test_callbacks_come_to_a_laptop_also_over_a_restart_of_the_api(scene: Scene, tmp_path: Path) -> None:
    log = tmp_path / "listen.log"
    with callback_receiver() as (laptop, received), listening(scene, log, "--forward", f"http://{laptop}/hook"):
        tasks = [end_task(scene)]
        arrived = [taken(received, scene)]
        scene.server.kill("photoplay", "api")
        tasks.append(end_task(scene))
        arrived.append(taken(received, scene))
        wait_for(lambda: log.read_text().count("-> 200 in") == 2, within_s=60, what="two lines")

    assert arrived == tasks
    assert re.search(rf"^\d\d:\d\d:\d\d  fail +{tasks[1]} -> 200 in \d+ ms$", log.read_text(), re.MULTILINE)
    assert "trying again until it is back" in log.read_text()
    assert received.empty(), "what is told again after the restart is not forwarded again"


def test_what_is_listened_to_can_be_printed(scene: Scene, tmp_path: Path) -> None:
    log = tmp_path / "listen.log"
    with listening(scene, log, "--print"):
        task_id = end_task(scene)
        wait_for(lambda: '"state": "fail"' in log.read_text(), within_s=60, what="a printed body")

    assert f'"taskId": "{task_id}"' in log.read_text()

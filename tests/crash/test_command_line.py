"""The commands as a person types them: what they print, how they exit, and that nothing is left running."""

import json
import signal
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import psutil
import pytest

from crash.servers import PHOTO, Server, environment, serving, wait_for

COMMAND = [sys.executable, "-m", "photoplay"]


def photoplay(data_dir: Path, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*COMMAND, *arguments],
        env=environment(data_dir, **settings),
        capture_output=True,
        text=True,
        timeout=120,
        cwd=data_dir.parent,
        check=False,
    )


def left_running(data_dir: Path) -> list[psutil.Process]:
    """Return every process that was started for this data directory."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("PHOTOPLAY_DATA_DIR") == str(data_dir) or str(data_dir) in process.cmdline():
                found.append(process)
        except psutil.Error:
            continue
    return found


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[Server]:
    with serving(tmp_path_factory.mktemp("serve")) as running:
        yield running


def test_run_uses_the_running_server_and_saves_the_clip(server: Server, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    before = server.balance()

    result = photoplay(server.data_dir, "run", str(PHOTO), "slow push in", "-o", str(clip))

    assert result.returncode == 0, result.stderr
    assert clip.read_bytes()[4:8] == b"ftyp"
    assert "16 credits" in result.stdout
    assert server.balance() == before - 16


def test_run_says_in_the_servers_words_why_it_failed(server: Server, tmp_path: Path) -> None:
    page = tmp_path / "page.jpg"
    page.write_text("<html>")

    result = photoplay(server.data_dir, "run", str(page), "slow push in")

    assert result.returncode == 1
    assert result.stderr.strip() == "photoplay: file: page.jpg is not one of JPEG, PNG, WebP"


def test_run_refuses_a_missing_photo_as_a_wrong_command_line(tmp_path: Path) -> None:
    assert photoplay(tmp_path / "data", "run", "nowhere.jpg", "slow push in").returncode == 2


def test_ctrl_c_in_run_cancels_the_task_on_a_running_server(server: Server) -> None:
    before = server.balance()
    process = subprocess.Popen(
        [*COMMAND, "run", str(PHOTO), "slow push in", "--resolution", "1080p", "--duration", "10"],
        env=environment(server.data_dir),
        cwd=server.data_dir.parent,
    )
    wait_for(lambda: server.balance() < before, within_s=30, what="the task is created")
    process.send_signal(signal.SIGINT)

    assert process.wait(20) == 130
    assert wait_for(lambda: server.balance() == before, within_s=20, what="the hold is released")


def test_a_second_server_on_the_same_data_is_refused_with_a_sentence(server: Server) -> None:
    result = photoplay(server.data_dir, "serve", "--port", "0")

    assert result.returncode == 1
    assert f"is in use by the server with process id {server.process.pid}" in result.stderr
    assert "Traceback" not in result.stderr


def test_keys_create_prints_the_key_alone_and_it_works(server: Server) -> None:
    result = photoplay(server.data_dir, "keys", "create", "--account", "studio", "--credits", "50")
    (key,) = result.stdout.splitlines()
    answer = subprocess.run(
        ["curl", "-s", f"{server.url}/api/v1/chat/credit", "-H", f"Authorization: Bearer {key}"],
        capture_output=True,
        check=True,
    )

    assert json.loads(answer.stdout)["data"] == 50


def test_keys_create_works_without_a_running_server(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"

    first = photoplay(data_dir, "keys", "create", "--account", "studio", "--credits", "50")

    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith("pp_live_")
    assert left_running(data_dir) == []


def test_run_starts_a_server_for_the_time_being(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"

    result = photoplay(data_dir, "run", str(PHOTO), "pan right", "-o", str(tmp_path / "clip.mp4"))

    assert result.returncode == 0, result.stderr
    assert (tmp_path / "clip.mp4").stat().st_size > 100_000
    assert left_running(data_dir) == []


def test_ctrl_c_in_run_leaves_nothing_running(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    process = subprocess.Popen(
        [*COMMAND, "run", str(PHOTO), "slow push in", "--resolution", "1080p", "--duration", "10"],
        env=environment(data_dir),
        cwd=tmp_path,
    )
    wait_for(lambda: list(data_dir.glob("work/*")), within_s=60, what="the task runs")
    process.send_signal(signal.SIGINT)

    assert process.wait(60) == 130
    assert left_running(data_dir) == []


def test_demo_makes_a_clip_from_the_bundled_photo(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"

    result = photoplay(data_dir, "demo", "--exit", "--port", "0", "-o", "demo.mp4")

    assert result.returncode == 0, result.stderr
    assert "A clip was made from the bundled photo" in result.stdout
    assert (tmp_path / "demo.mp4").stat().st_size > 100_000
    assert left_running(data_dir) == []


def test_a_port_that_is_taken_is_refused_with_a_sentence(server: Server, tmp_path: Path) -> None:
    result = photoplay(tmp_path / "data", "serve", "--port", server.port)

    assert result.returncode == 1
    assert f"127.0.0.1:{server.port} cannot be listened on" in result.stderr
    assert "Traceback" not in result.stderr


def test_an_unknown_setting_stops_the_start(tmp_path: Path) -> None:
    result = photoplay(tmp_path / "data", "serve", PHOTOPLAY_PROT="8080")

    assert result.returncode == 1
    assert result.stderr.startswith("photoplay: PHOTOPLAY_PROT is not a setting; known are ")


def test_the_parts_alone_ask_for_a_database(tmp_path: Path) -> None:
    result = photoplay(tmp_path / "data", "worker")

    assert result.returncode == 1
    assert "set PHOTOPLAY_DATABASE_URL" in result.stderr

"""docs/how-to/test-your-client.md, followed word by word: its files, its pytest run, and the steps of its workflow."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from crash.servers import environment, free_port

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "test-your-client.md"
WORKFLOW = "test.yml"
TIMEOUT_S = 200


def files() -> Iterator[tuple[str, str]]:
    """Yield the name and the text of every block that names its file in its first line."""
    found: list[tuple[str, str]] = re.findall(
        r"^```\w+\n# (\S+)\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL
    )
    return ((Path(name).name, text) for name, text in found)


def steps() -> dict[str, str]:
    """Return what each named step of the workflow runs."""
    named = re.findall(r"- name: (\w+)\n +run: (\|\n(?: {10}.*\n)+|.*\n)", dict(files())[WORKFLOW])
    return {name: re.sub(r"^ {10}", "", text.removeprefix("|\n"), flags=re.MULTILINE) for name, text in named}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in files():
        (tmp_path / name).write_text(text)
    return tmp_path


def run(command: list[str], folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}"
    with (folder / "output").open("w") as output:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment(folder / "photoplay-data", PATH=path, **more),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    assert done.returncode == 0, (folder / "output").read_text()
    return done


def test_the_pytest_example_passes(folder: Path) -> None:
    run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"], folder)

    assert "4 passed" in (folder / "output").read_text()


def test_the_steps_of_the_workflow_work_as_they_stand(folder: Path) -> None:
    told, unused_port = steps(), str(free_port())
    assert list(told) == ["Install", "Start", "Test"]
    # Everything but the installation, which would need a network; the port is one that nobody else uses here.
    start, test = (told[name].replace("8787", unused_port) for name in ("Start", "Test"))
    try:
        run(["sh", "-eu", "-c", start], folder)
        run(["sh", "-eu", "-c", test], folder, CLIPS_URL=f"http://127.0.0.1:{unused_port}")
    finally:
        stop_server_of(folder)

    assert '"failCode":"422"' in (folder / "output").read_text()


def stop_server_of(folder: Path) -> None:
    for process in psutil.process_iter(["cmdline", "cwd"]):
        if "--sandbox" in (process.info["cmdline"] or []) and process.info["cwd"] == str(folder):
            process.send_signal(signal.SIGTERM)
            process.wait(60)

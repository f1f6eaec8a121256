"""docs/how-to/add-your-own-model.md, followed word by word: its blocks, in order, against a real server."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from crash.servers import PHOTO, environment, wait_for
from photoplay.cli.running import RunningServer, find_running
from photoplay.media.clip import read_back

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "add-your-own-model.md"
SERVE = "photoplay serve"
PHOTO_URL = "https://example.com/photo.jpg"


@dataclass
class Reader:
    """Somebody with a terminal in an empty folder, and the page."""

    folder: Path
    said: list[str] = field(default_factory=list[str])
    """What each block of commands printed."""
    record: dict[str, Any] = field(default_factory=dict[str, Any])
    """Of the task that a body of the page made."""

    @property
    def data_dir(self) -> Path:
        return self.folder / "photoplay-data"

    @property
    def settings(self) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}"
        return environment(self.data_dir, PATH=path, PHOTOPLAY_PORT="0")

    def follow(self, kind: str, text: str) -> None:
        match kind:
            case "sh":
                self.said.append(self._run(text))
            case "toml":
                (self.folder / text.partition("\n")[0].removeprefix("# ")).write_text(text)
            case "json":
                self.record = self._create(text)
            case _:
                assert text in self.said[-1]

    def _run(self, commands: str) -> str:
        done = subprocess.run(
            ["sh", "-eu"],
            input=commands,
            env=self.settings,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, (commands, done.stdout, done.stderr)
        return done.stdout

    def _create(self, body: str) -> dict[str, Any]:
        """Post a body of the page with a link to the reader's photo, and return the record once the task has ended."""
        running = find_running(self.data_dir)
        assert running is not None, "the server runs"
        headers = {"Authorization": f"Bearer {(self.data_dir / 'key').read_text().strip()}"}
        with httpx2.Client(base_url=running.url, headers=headers, timeout=30, trust_env=False) as api:
            photo = {"file": ("photo.jpg", (self.folder / "photo.jpg").read_bytes())}
            link = api.post("/api/file-stream-upload", files=photo).json()["data"]["fileUrl"]
            assert PHOTO_URL in body
            created = api.post("/api/v1/jobs/createTask", json=json.loads(body.replace(PHOTO_URL, link))).json()
            assert created["code"] == 200, created

            def ended() -> dict[str, Any] | None:
                answer = api.get("/api/v1/jobs/recordInfo", params={"taskId": created["data"]["taskId"]}).json()
                record: dict[str, Any] = answer["data"] or {}
                return record if record.get("state") in ("success", "fail") else None

            return wait_for(ended, within_s=120, what="the task of the page's body ends")

    @contextmanager
    def serving(self, command: str) -> Generator[RunningServer]:
        """The terminal of its own."""
        process = subprocess.Popen(
            shlex.split(command),
            env=self.settings,
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
        )
        try:
            yield wait_for(lambda: find_running(self.data_dir), within_s=60, what="the server listens")
        finally:
            process.terminate()
            process.wait(60)


def blocks() -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = re.findall(
        r"^```(sh|toml|text|json)\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL
    )
    return [(kind, text.rstrip("\n")) for kind, text in found]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Generator[Reader]:
    """A reader who has come to the end of the page, where the server still runs."""
    reader = Reader(tmp_path_factory.mktemp("reader"))
    shutil.copy(PHOTO, reader.folder / "photo.jpg")
    before, after = blocks()[:1], blocks()[2:]
    for block in before:
        reader.follow(*block)
    with reader.serving(SERVE) as started:
        for block in after:
            reader.follow(*block)
        assert find_running(reader.data_dir) == started, "the page promises that the server is not restarted"
        yield reader


def test_the_page_starts_the_server_in_its_second_block() -> None:
    assert [kind for kind, _ in blocks()] == ["sh", "sh", "sh", "text", "toml", "sh", "text", "sh", "text", "json"]
    assert blocks()[1] == ("sh", SERVE)


def test_the_page_ends_with_a_clip_of_the_card(reader: Reader) -> None:
    facts = read_back(reader.folder / "reveal.mp4")

    assert (facts.frames, facts.fps) == (120, 24)


def test_the_readers_card_is_listed_with_its_price(reader: Reader) -> None:
    (row,) = [line for line in reader.said[-1].splitlines() if line.startswith("studio/reveal ")]

    assert row.split()[-2:] == ["5-10", "available"]
    assert "5 credits" in reader.said[-1]


def test_the_body_of_the_page_makes_a_clip_of_the_card(reader: Reader) -> None:
    request = json.loads(reader.record["param"])

    assert (reader.record["state"], reader.record["consumeCredits"]) == ("success", 10), reader.record["failMsg"]
    assert (request["model"], request["input"]["move"]) == ("studio/reveal", "tilt_up")

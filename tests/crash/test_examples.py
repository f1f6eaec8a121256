"""The requests on the pages of the models run as they are pasted, against the server that shows them."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from crash.servers import Server, environment, serving
from photoplay.domain.cards import Card, choose_engine
from photoplay.domain.fields import FileUrl
from photoplay.files.cards import load_cards
from photoplay.main import ENGINES
from photoplay.web.samples import KEY_VARIABLE

CARDS = [card for card in load_cards().values() if choose_engine(card, ENGINES)]


@dataclass(frozen=True)
class Shown:
    """A server, and a picture that it has."""

    server: Server
    picture_url: str


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Generator[Shown]:
    """One server for all examples. What they begin need not end."""
    settings = {"PHOTOPLAY_CREATE_RATE": "off", "PHOTOPLAY_WELCOME_CREDITS": "100000", "PHOTOPLAY_DRAIN_S": "0"}
    with serving(tmp_path_factory.mktemp("examples"), **settings) as server:
        yield Shown(server, server.upload())


def example(card: Card, language: str, shown: Shown) -> str:
    """The first code of a language on the card's page, about a picture that this server has."""
    page = httpx2.get(f"{shown.server.url}/models/{card.id}.md").text
    found = re.search(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert found is not None
    code, values = found[1], card.example["input"]
    assert isinstance(values, Mapping)
    for field in card.fields:
        if isinstance(field, FileUrl) and field.name in values:
            assert str(values[field.name]) in code
            code = code.replace(str(values[field.name]), shown.picture_url)
    return code


def run(command: list[str], shown: Shown, folder: Path, *, pasted: str = "") -> str:
    """Run as a person would whose key is in the environment; return the id of the task that was created."""
    done = subprocess.run(
        command,
        input=pasted,
        env={**environment(folder), KEY_VARIABLE: shown.server.key},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["code"] == 200, answer
    return answer["data"]["taskId"]


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


each_card = pytest.mark.parametrize("card", CARDS, ids=lambda card: card.id)


@each_card
def test_the_curl_example_creates_a_task(card: Card, shown: Shown, tmp_path: Path) -> None:
    program("curl")

    task_id = run([program("sh")], shown, tmp_path, pasted=example(card, "sh", shown))

    assert shown.server.record(task_id)["model"] == card.id


@each_card
def test_the_python_example_creates_a_task(card: Card, shown: Shown, tmp_path: Path) -> None:
    task_id = run([sys.executable, "-I", "-"], shown, tmp_path, pasted=example(card, "python", shown))

    assert shown.server.record(task_id)["model"] == card.id


@each_card
def test_the_javascript_example_creates_a_task(card: Card, shown: Shown, tmp_path: Path) -> None:
    node = program("node")

    task_id = run([node, "--input-type=module"], shown, tmp_path, pasted=example(card, "js", shown))

    assert shown.server.record(task_id)["model"] == card.id

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
from photoplay.domain.cards import Card, choose_engine, needed_engines
from photoplay.domain.fields import FileUrl
from photoplay.domain.keys import Kind
from photoplay.files.cards import load_cards
from photoplay.settings import read_settings
from photoplay.web.samples import KEY_VARIABLE

CARDS = load_cards().values()


@dataclass(frozen=True)
class Shown:
    """A server, keys of both kinds for it, and a picture that it has."""

    server: Server
    keys: Mapping[Kind, str]
    picture_url: str


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Generator[Shown]:
    """One server for all examples. What they begin need not end."""
    settings = {"PHOTOPLAY_CREATE_RATE": "off", "PHOTOPLAY_WELCOME_CREDITS": "100000", "PHOTOPLAY_DRAIN_S": "0"}
    with serving(tmp_path_factory.mktemp("examples"), **settings) as server:
        keys = {Kind.LIVE: server.key, Kind.TEST: server.make_key(kind=Kind.TEST, granted=1000)}
        yield Shown(server, keys, server.upload())


def example(card: Card, language: str, shown: Shown) -> str:
    """The first code of a language on the card's page, about a picture that this server has."""
    page = httpx2.get(f"{shown.server.url}/models/{card.id}.md", timeout=30).text
    found = re.search(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert found is not None
    code, values = found[1], card.example["input"]
    assert isinstance(values, Mapping)
    for field in card.fields:
        if isinstance(field, FileUrl) and field.name in values:
            assert str(values[field.name]) in code
            code = code.replace(str(values[field.name]), shown.picture_url)
    return code


def run(command: list[str], card: Card, shown: Shown, folder: Path, *, pasted: str = "") -> None:
    """Run as a person would whose key is in the environment, and see that it creates a task.

    Where no engine can serve the model, see that it is told what to configure.
    """
    done = subprocess.run(
        command,
        input=pasted,
        env={**environment(folder), KEY_VARIABLE: shown.keys[card.kind]},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    if choose_engine(card, read_settings().engines) is None:
        assert answer["code"] == 505, answer
        assert needed_engines(card) in answer["msg"]
        return
    assert answer["code"] == 200, answer
    record = shown.server.record(answer["data"]["taskId"], key=shown.keys[card.kind])
    assert record["model"] == card.id


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


each_card = pytest.mark.parametrize("card", CARDS, ids=lambda card: card.id)


@each_card
def test_the_curl_example_runs_as_pasted(card: Card, shown: Shown, tmp_path: Path) -> None:
    program("curl")

    run([program("sh")], card, shown, tmp_path, pasted=example(card, "sh", shown))


@each_card
def test_the_python_example_runs_as_pasted(card: Card, shown: Shown, tmp_path: Path) -> None:
    run([sys.executable, "-I", "-"], card, shown, tmp_path, pasted=example(card, "python", shown))


@each_card
def test_the_javascript_example_runs_as_pasted(card: Card, shown: Shown, tmp_path: Path) -> None:
    node = program("node")

    run([node, "--input-type=module"], card, shown, tmp_path, pasted=example(card, "js", shown))

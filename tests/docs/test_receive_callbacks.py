"""The receivers and recipes of docs/how-to/receive-callbacks.md run as they are pasted, and take what we send."""

import json
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from callback_hosts import OK, Arrival, receiver
from crash.servers import environment, wait_for
from photoplay import clock
from photoplay.domain.callbacks import Secret, signature_headers
from photoplay.domain.outcomes import Stopped
from photoplay.egress import Egress
from photoplay.flows.deliver import claim_due, deliver
from photoplay.flows.parts import ApiParts, WorkerParts
from photoplay.flows.settle import settle
from photoplay.flows.submit import submit
from photoplay.store.accounts import Caller
from scenes import begin, submission, value

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/how-to/receive-callbacks.md").read_text(encoding="utf-8")
NODE_MODULES = Path(__file__).parent / "node" / "node_modules"
JSON = {"Content-Type": "application/json"}
TASK_ID = "e989621f54392584b05867f87b160672"
SECRET = Secret.from_bytes(bytes(range(32)))
BODY = json.dumps({"taskId": TASK_ID, "data": {"task_id": TASK_ID, "state": "success"}}).encode()


def example(title: str, language: str, number: int = 0) -> str:
    """One block of code below a heading of the page."""
    section = re.search(rf"^### {title}\n(.*?)(?=^##)", PAGE, re.MULTILINE | re.DOTALL)
    assert section is not None, title
    return re.findall(rf"^```{language}\n(.*?)^```$", section[1], re.MULTILINE | re.DOTALL)[number]


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


@dataclass(frozen=True)
class Running:
    """A receiver of the page, as a process."""

    url: str
    log: Path

    def post(
        self, *, secret: Secret = SECRET, id: str = "msg_1", age: timedelta = timedelta(), body: bytes = BODY
    ) -> int:
        headers = signature_headers(
            secrets=[secret], task_id=TASK_ID, webhook_id=id, body=body, now=clock.now() - age, attempt=1
        )
        headers = {**JSON, **headers}
        return httpx2.post(self.url, content=body, headers=headers, trust_env=False, timeout=30).status_code

    def told(self) -> int:
        return self.log.read_text().count(f"{TASK_ID} success")


@contextmanager
def running(folder: Path, files: dict[str, str], command: Sequence[str]) -> Generator[Running]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    for name, code in files.items():
        (folder / name).write_text(code.replace("3000", port), encoding="utf-8")
    log = folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [word.replace("3000", port) for word in command],
            cwd=folder,
            env={**environment(folder), "CALLBACK_SECRET": SECRET.reveal()},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
    try:
        wait_for(lambda: is_open(int(port)), within_s=60, what=f"a listening receiver: {log.read_text()}")
        yield Running(f"http://127.0.0.1:{port}/api/callback", log)
    finally:
        process.terminate()
        process.wait(60)


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def start(name: str) -> tuple[dict[str, str], list[str]]:
    """The files of an example, and the command that the page says."""
    match name:
        case "FastAPI":
            command = [sys.executable, "-m", "uvicorn", "receiver:app", "--port", "3000"]
            return {"receiver.py": example("FastAPI", "python")}, command
        case "Flask":
            command = [sys.executable, "-m", "flask", "--app", "receiver", "run", "--port", "3000"]
            return {"receiver.py": example("Flask", "python")}, command
        case _:
            code = example("Express", "js") if name == "Express" else example("Node", "js", 1)
            return {"verify.mjs": example("Node", "js"), "receiver.mjs": code}, [program("node"), "receiver.mjs"]


@pytest.mark.parametrize("name", ["FastAPI", "Flask", "Node", "Express"])
def test_the_receiver_of_the_page_takes_ours_once_and_refuses_the_rest(name: str, tmp_path: Path) -> None:
    if name == "Express":
        if not (NODE_MODULES / "express").exists():
            pytest.skip("express is not installed: npm install --no-package-lock --prefix tests/docs/node")
        (tmp_path / "node_modules").symlink_to(NODE_MODULES)
    files, command = start(name)
    with running(tmp_path, files, command) as here:
        taken = [here.post(), here.post(), here.post(id="msg_2")]
        refused = [
            here.post(secret=Secret.from_bytes(bytes(32))),
            here.post(age=timedelta(minutes=6)),
            httpx2.post(here.url, content=BODY, headers=JSON, timeout=30).status_code,
        ]
        wait_for(lambda: here.told() == 2, within_s=60, what="two ids are told, each once")

    assert (taken, refused) == ([200] * 3, [401] * 3)


@pytest.fixture
async def delivered(parts: ApiParts, worker: WorkerParts, caller: Caller) -> tuple[Arrival, str]:
    """A callback as it arrived over a socket, and the account's secret."""
    async with receiver(OK) as here, Egress(allow=frozenset({here.place})) as egress:
        asked = submission(callback_url=f"http://{here.place}/", image_url=f"{parts.files_url}token/upload.png")
        task_id = await submit(asked, caller=caller, parts=replace(parts, egress=egress))
        await settle(await begin(task_id, db=parts.db), Stopped(), parts=worker)
        for callback in (await claim_due(worker, free=1))[0]:
            await deliver(callback, parts=replace(worker, egress=egress))
    (arrival,) = here.arrivals
    return arrival, str(await value(parts.db, "select callback_secret from accounts"))


def test_the_published_recipe_takes_ours_in_python(delivered: tuple[Arrival, str]) -> None:
    arrival, secret = delivered
    names: dict[str, Any] = {}
    exec(example("With a verifier that you have", "python"), names)
    headers = {name.title(): text for name, text in arrival.headers.items()}

    assert names["check"](secret, arrival.body, headers) == json.loads(arrival.body)["taskId"]
    with pytest.raises(ValueError, match="the signature is wrong"):
        names["check"](secret + "x", arrival.body, headers)


def test_the_published_recipe_takes_ours_in_node(delivered: tuple[Arrival, str], tmp_path: Path) -> None:
    arrival, secret = delivered
    (tmp_path / "check.mjs").write_text(example("With a verifier that you have", "js"))
    (tmp_path / "main.mjs").write_text(
        'import { check } from "./check.mjs";\n'
        'import { readFileSync } from "node:fs";\n'
        'const { secret, body, headers } = JSON.parse(readFileSync(0, "utf8"));\n'
        "const attempt = (key) => {"
        " try { return check(key, body, headers) } catch (error) { return error.message }"
        " };\n"
        'console.log(JSON.stringify([attempt(secret), attempt(secret + "x")]));\n'
    )
    given = {"secret": secret, "body": arrival.body.decode(), "headers": arrival.headers}
    done = subprocess.run(
        [program("node"), tmp_path / "main.mjs"],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [json.loads(arrival.body)["taskId"], "the signature is wrong"]

"""Money under parallel load, on real processes: two APIs on one database, and one that is killed in between."""

import asyncio
import time
from collections import Counter
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest

from crash.servers import MODEL, Server, environment, serving, wait_for
from crash.test_command_line import photoplay
from crash.test_parts_alone import answers, free_port, part
from scenes import let_the_hour_change

CREATE = "/api/v1/jobs/createTask"
RECORD = "/api/v1/jobs/recordInfo"
PRICE = 16
BODY = {"model": MODEL, "input": {"prompt": "pan left", "image_url": "https://example.com/a.jpg"}}
UNLIMITED = {"PHOTOPLAY_CREATE_RATE": "off", "PHOTOPLAY_UNFINISHED_MAX": "1000"}


class TwoApis:
    """Two API processes without a worker on one database: what is accepted stays held."""

    def __init__(self, urls: tuple[str, str], database_url: str, data_dir: Path) -> None:
        self.urls = urls
        self._database_url = database_url
        self._data_dir = data_dir

    def command(self, *arguments: str) -> str:
        done = photoplay(self._data_dir, *arguments, PHOTOPLAY_DATABASE_URL=self._database_url)
        assert done.returncode == 0, (done.stdout, done.stderr)
        return done.stdout.strip()

    def key(self, account: str, credits: int, *limits: str) -> str:
        return self.command("keys", "create", "--account", account, "--credits", str(credits), *limits)

    def balance(self, key: str) -> int:
        answer = httpx2.get(f"{self.urls[0]}/api/v1/chat/credit", headers=bearer(key), timeout=30)
        return int(answer.json()["data"])


@pytest.fixture
def settings() -> dict[str, str]:
    return UNLIMITED


@pytest.fixture
def apis(database_url: str, tmp_path: Path, settings: dict[str, str]) -> Generator[TwoApis]:
    ports = (free_port(), free_port())
    log = tmp_path / "apis.log"
    with ExitStack() as running:
        for port in ports:
            env = environment(
                tmp_path / "data", **settings, PHOTOPLAY_DATABASE_URL=database_url, PHOTOPLAY_PORT=str(port)
            )
            running.enter_context(part("api", env=env, log=log))
        one, two = (f"http://127.0.0.1:{port}" for port in ports)
        wait_for(lambda: answers(one) and answers(two), within_s=60, what=log.read_text())
        yield TwoApis((one, two), database_url, tmp_path / "data")


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def ask_together(urls: tuple[str, ...], count: int, *, headers: dict[str, str]) -> list[httpx2.Response]:
    """Send as many creates at once, by turns to each of the servers."""

    async def ask() -> list[httpx2.Response]:
        limits = httpx2.Limits(max_connections=count)
        async with httpx2.AsyncClient(headers=headers, timeout=60, limits=limits) as http, asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(http.post(urls[number % len(urls)] + CREATE, json=BODY)) for number in range(count)
            ]
        return [task.result() for task in tasks]

    return asyncio.run(ask())


def codes(answers: list[httpx2.Response]) -> Counter[int]:
    return Counter(answer.json()["code"] for answer in answers)


def test_of_200_parallel_creates_with_credit_for_60_exactly_60_are_accepted(apis: TwoApis) -> None:
    key = apis.key("studio", 60 * PRICE)

    answers = ask_together(apis.urls, 200, headers=bearer(key))

    assert codes(answers) == {200: 60, 402: 140}
    assert apis.balance(key) == 0
    assert "Everything agrees." in apis.command("ledger", "check")


@pytest.mark.parametrize("cap", ["--total-credits", "--day-credits", "--hour-credits"])
def test_of_200_parallel_creates_under_a_cap_for_60_exactly_60_are_accepted(cap: str, apis: TwoApis) -> None:
    key = apis.key("studio", 300 * PRICE, cap, str(60 * PRICE + PRICE - 1))
    let_the_hour_change()

    answers = ask_together(apis.urls, 200, headers=bearer(key))

    assert codes(answers) == {200: 60, 433: 140}
    assert apis.balance(key) == 240 * PRICE
    assert "Everything agrees." in apis.command("ledger", "check")


class TestLimits:
    """With the limits of the contract, but for a window that no pause of the machine outlasts."""

    @pytest.fixture
    def settings(self) -> dict[str, str]:
        return {"PHOTOPLAY_CREATE_RATE": "20/600"}

    def test_two_apis_share_one_window_of_creates(self, apis: TwoApis) -> None:
        key = apis.key("studio", 1000 * PRICE)

        answers = ask_together(apis.urls, 60, headers=bearer(key))
        refused = next(answer for answer in answers if answer.status_code == 429)

        assert codes(answers) == {200: 20, 429: 40}
        assert 1 <= int(refused.headers["Retry-After"]) <= 600
        assert refused.headers["RateLimit-Policy"] == '"default";q=20;w=600'
        assert refused.headers["RateLimit"].startswith('"default";r=0;t=')

    def test_two_apis_share_the_queries_of_a_key(self, apis: TwoApis) -> None:
        key = apis.key("studio", 0)

        async def ask() -> Counter[int]:
            async with httpx2.AsyncClient(headers=bearer(key), timeout=60) as http, asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(http.get(apis.urls[number % 2] + RECORD, params={"taskId": "0" * 32}))
                    for number in range(40)
                ]
            return codes([task.result() for task in tasks])

        began = time.monotonic()
        found = asyncio.run(ask())
        seconds = int(time.monotonic() - began) + 1

        assert found[422] + found[429] == 40
        # Ten in any second, however long forty of them take.
        assert 10 <= found[422] <= 10 * seconds


class TestUnfinished:
    """Without a rate, so that the number of unfinished tasks is what stops."""

    @pytest.fixture
    def settings(self) -> dict[str, str]:
        return {"PHOTOPLAY_CREATE_RATE": "off"}

    def test_two_apis_share_the_count_of_unfinished_tasks(self, apis: TwoApis) -> None:
        key = apis.key("studio", 1000 * PRICE)

        answers = ask_together(apis.urls, 150, headers=bearer(key))

        assert codes(answers) == {200: 100, 429: 50}
        assert apis.balance(key) == 900 * PRICE


def test_20_copies_of_one_request_around_a_killed_api_are_one_task_and_one_charge(tmp_path: Path) -> None:
    with serving(tmp_path, **UNLIMITED, PHOTOPLAY_JOBS_MAX="1") as server:
        photo = server.upload()
        answers = asyncio.run(_copies(server, photo, count=20))
        ids = {answer["data"]["taskId"] for answer in answers}
        (task_id,) = ids
        server.wait_for_state(task_id, "success", within_s=120)
        check = photoplay(server.data_dir, "ledger", "check")

        assert len(answers) == 20
        assert server.balance() == 1000 - PRICE
        assert "held once, resolved once, charged as they ended  1\n" in check.stdout
        assert check.returncode == 0, check.stdout


async def _copies(server: Server, photo: str, *, count: int) -> list[dict[str, Any]]:
    """Send copies together, kill the API under them, and let each be repeated until it has its answer."""
    body = {"model": MODEL, "input": {"prompt": "pan left", "image_url": photo}}
    headers = {**bearer(server.key), "Idempotency-Key": "order-1042"}
    sent = asyncio.Event()

    async def insist(http: httpx2.AsyncClient) -> dict[str, Any]:
        while True:
            try:
                sent.set()
                answer = (await http.post(server.url + CREATE, json=body)).json()
            except httpx2.HTTPError:
                continue
            if answer["code"] == 200:
                return answer
            assert answer["code"] in {409, 500}, answer

    async def kill() -> None:
        await sent.wait()
        await asyncio.to_thread(server.kill, "photoplay", "api")

    async with httpx2.AsyncClient(headers=headers, timeout=30) as http, asyncio.TaskGroup() as group:
        copies = [group.create_task(insist(http)) for _ in range(count)]
        group.create_task(kill())
    return [copy.result() for copy in copies]

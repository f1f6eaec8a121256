"""The maker's API: what it is asked, what is made of its answers, and that no task is asked for twice."""

import base64
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from remote_behaviour import FIRST, SECOND, WHY, RemoteBench, RemoteEngineSuite
from remote_bench import Record, made, order_of, picture, places_of, way_out

from photoplay.domain.errors import EngineRejected, EngineUnavailable
from photoplay.domain.tasks import Submission
from photoplay.engines.ark import ArkEngine, Region
from photoplay.engines.engine import Order
from photoplay.engines.remote import Called
from video_servers import ArkServer

JOB = "0" * 31 + "5"
CREATE = "/api/v3/contents/generations/tasks"


@pytest.fixture
def server(clip: Path) -> ArkServer:
    server = ArkServer(clip=clip)
    server.is_over.set()
    return server


@asynccontextmanager
async def served(server: ArkServer, *, region: Region = "byteplus") -> AsyncGenerator[ArkEngine]:
    with server.running():
        async with way_out(server.place) as egress:
            yield ArkEngine(egress, key="secret", region=region, url=f"{server.url}/api/v3/", first_look_s=0.02)


class TestArk(RemoteEngineSuite):
    @pytest.fixture
    def bench(self, server: ArkServer, tmp_path: Path) -> Generator[RemoteBench]:
        server.is_over.clear()
        order = order_of(tmp_path, still=picture(tmp_path))

        def doom() -> Order:
            server.failure = {"code": "InternalServiceError", "message": WHY}
            return order

        with server.running():
            yield RemoteBench(
                name="ark",
                server=server,
                make=lambda egress: ArkEngine(
                    egress, key="sk-5", region="byteplus", url=f"{server.url}/api/v3", first_look_s=0.02
                ),
                order=order,
                settings={"engines": "ark", "ark_key": "sk-5", "ark_url": f"{server.url}/api/v3"},
                required="ark_key",
                key="sk-5",
                creates=("POST", CREATE),
                looks=("GET", rf"{CREATE}/cgt-\d+"),
                finds=("GET", rf"{CREATE}\?.*"),
                fetches=("GET", r"/clip\.mp4.*"),
                doom=doom,
                paid=lambda: len(server.jobs),
                called=Called.RUNS_ON,
                tells_progress=False,
            )


async def test_an_order_becomes_a_clip(server: ArkServer, tmp_path: Path) -> None:
    still = picture(tmp_path)
    order = order_of(tmp_path, still=still, end_still=str(still), camera_fixed=True)
    async with served(server, region="volcengine") as engine:
        clip = await made(engine, order, Record(), job_id=JOB)

    (asked,) = (asked for asked in server.asked if asked.method == "POST")
    url = f"data:image/png;base64,{base64.b64encode(still.read_bytes()).decode()}"
    assert asked.json() == {
        "model": "doubao-wan/2-2-image-to-video",
        "content": [
            {"type": "text", "text": "a slow push in"},
            {"type": "image_url", "image_url": {"url": url}, "role": "first_frame"},
            {"type": "image_url", "image_url": {"url": url}, "role": "last_frame"},
        ],
        "seed": 3,
        "watermark": False,
        "execution_expires_after": 86405,
        "resolution": "480p",
        "duration": 5,
        "camera_fixed": True,
    }
    assert asked.headers["Authorization"] == "Bearer secret"
    assert "Authorization" not in server.asked[-1].headers, "a signed link needs no key"
    assert clip.path.read_bytes() == server.clip.read_bytes()
    upstream = {"taskId": "cgt-0", "model": "doubao-wan/2-2-image-to-video", "completionTokens": 49140}
    assert clip.facts["upstream"] == upstream


@pytest.mark.parametrize(
    ("code", "error"),
    [("OutputVideoSensitiveContentDetected", EngineRejected), ("InternalServiceError", EngineUnavailable)],
)
async def test_a_task_that_failed_is_refused_or_worth_another_attempt(
    server: ArkServer, tmp_path: Path, code: str, error: type[Exception]
) -> None:
    server.failure = {"code": code, "message": "the clip is withheld"}
    record = Record()
    async with served(server) as engine:
        with pytest.raises(error, match="the clip is withheld") as caught:
            await made(engine, order_of(tmp_path, still=None), record, job_id=JOB)

    assert type(caught.value) is error
    assert record.submission is None


async def test_an_order_that_is_turned_away_is_told_with_the_servers_own_code(
    server: ArkServer, tmp_path: Path
) -> None:
    overdue = {"error": {"code": "AccountOverdueError", "message": "pay first", "type": "Forbidden"}}
    server.trips["POST", ".*/tasks"] = [(403, overdue)]
    async with served(server) as engine:
        with pytest.raises(EngineUnavailable, match=r"^ark: answered 403, AccountOverdueError: pay first$"):
            await engine.submit(order_of(tmp_path, still=None), JOB)


async def test_a_task_whose_name_was_lost_is_told_from_others(server: ArkServer, tmp_path: Path) -> None:
    order = order_of(tmp_path, still=None)
    async with served(server) as engine:
        await engine.submit(order, "0" * 31 + "6")
        await engine.submit(order, JOB)

        assert await engine.find(order, JOB) == {"id": "cgt-1"}


async def test_a_task_that_cannot_be_told_from_others_is_not_ended(server: ArkServer, tmp_path: Path) -> None:
    record = Record(submission=Submission(engine="ark", job_id=FIRST, handle=None))
    async with served(server) as engine, places_of(engine) as places:
        await engine.submit(order_of(tmp_path, still=None), FIRST)
        await places.call_off(record.ticket(SECOND))

    assert (record.submission, server.count("DELETE", ".*"), len(server.jobs)) == (None, 0, 1)


async def test_a_task_is_found_behind_hundreds_of_newer_ones(server: ArkServer, tmp_path: Path) -> None:
    order = order_of(tmp_path, still=None)
    async with served(server) as engine:
        mine = await engine.submit(order, JOB)
        server.jobs |= {f"other-{number}": {"id": f"other-{number}", "model": "x"} for number in range(250)}

        assert await engine.find(order, JOB) == mine
        assert await engine.find(order, "0" * 31 + "6") is None


async def test_where_it_cannot_be_told_nothing_is_asked_for_again(server: ArkServer, tmp_path: Path) -> None:
    server.told = frozenset({"seed"})
    order = order_of(tmp_path, still=None)
    async with served(server) as engine:
        await engine.submit(order, JOB)
        with pytest.raises(EngineRejected, match="cannot be told whether the task arrived"):
            await engine.find(order, JOB)


@pytest.mark.parametrize(("state", "called", "left"), [("queued", Called.OFF, 0), ("running", Called.RUNS_ON, 1)])
async def test_only_what_is_queued_can_be_ended(
    server: ArkServer, tmp_path: Path, state: str, called: Called, left: int
) -> None:
    server.is_over.clear()
    server.state = state
    async with served(server) as engine:
        handle = await engine.submit(order_of(tmp_path, still=None), JOB)
        assert await engine.cancel(handle) is called

    assert len(server.jobs) == left


async def test_a_field_that_it_does_not_take_is_refused_by_name(server: ArkServer, tmp_path: Path) -> None:
    async with served(server) as engine:
        with pytest.raises(EngineRejected, match="ark: negative_prompt is not one of the fields"):
            await engine.submit(order_of(tmp_path, still=None, negative_prompt="blur"), JOB)

    assert server.asked == []


async def test_a_key_that_is_not_known_is_told_when_it_is_checked(server: ArkServer) -> None:
    server.trips = {("GET", rf"{CREATE}\?.*"): [401]}
    async with served(server) as engine:
        with pytest.raises(EngineUnavailable, match="is its key right"):
            await engine.check()

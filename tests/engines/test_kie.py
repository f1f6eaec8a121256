"""A plain service of the createTask contract, which has none of what a Photoplay adds to it."""

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from remote_behaviour import FIRST, SECOND, WHY, RemoteBench, RemoteEngineSuite
from remote_bench import Record, made, order_of, picture, places_of, way_out

from photoplay.domain.errors import EngineRejected, EngineUnavailable, TargetUnreachable
from photoplay.domain.tasks import Submission
from photoplay.engines.engine import Order
from photoplay.engines.kie import KieEngine
from photoplay.engines.remote import Called, Failed, Finished
from video_servers import KieServer

CREATE = ("POST", "/api/v1/jobs/createTask")
KEY = "pp_live_7"


@pytest.fixture
def server(clip: Path) -> Generator[KieServer]:
    server = KieServer(clip=clip)
    with server.running():
        yield server


@asynccontextmanager
async def asking(server: KieServer) -> AsyncGenerator[KieEngine]:
    async with way_out(server.place) as egress:
        yield KieEngine(egress, url=f"{server.url}/", key=KEY)


class TestKie(RemoteEngineSuite):
    @pytest.fixture
    def bench(self, server: KieServer, tmp_path: Path) -> RemoteBench:
        order = order_of(tmp_path, still=picture(tmp_path))

        def doom() -> Order:
            server.failure = {"failCode": "500", "failMsg": WHY}
            return order

        return RemoteBench(
            name="kie",
            server=server,
            make=lambda egress: KieEngine(egress, url=server.url, key=KEY),
            order=order,
            settings={"engines": "kie", "kie_key": KEY, "kie_url": server.url},
            required="kie_key",
            key=KEY,
            creates=CREATE,
            looks=("GET", "/api/v1/jobs/recordInfo.*"),
            finds=("GET", r"/api/v1/jobs\?.*"),
            fetches=("GET", r"/clip\.mp4"),
            doom=doom,
            paid=lambda: len(server.jobs),
            is_found=False,
            called=Called.RUNS_ON,
        )


async def test_a_picture_is_uploaded_and_the_task_is_asked_for_with_our_id(server: KieServer, tmp_path: Path) -> None:
    still = picture(tmp_path)
    server.is_over.set()
    async with asking(server) as engine:
        order = order_of(tmp_path, still=still, end_still=str(still), camera_fixed=False)
        clip = await made(engine, order, Record(), job_id=FIRST)

    (task,) = server.jobs.values()
    assert task == {
        "model": "wan/2-2-image-to-video",
        "input": {
            "prompt": "a slow push in",
            "resolution": "480p",
            "seed": 3,
            "image_url": f"{server.url}/still.png",
            "duration": "5",
            "end_image_url": f"{server.url}/still.png",
            "camera_fixed": False,
        },
        "clientReference": FIRST,
    }
    (create,) = (asked for asked in server.asked if asked.path == CREATE[1])
    assert create.headers["Idempotency-Key"] == FIRST
    uploads = [asked.json() for asked in server.asked if asked.path == "/api/file-base64-upload"]
    assert all(str(upload["base64Data"]).startswith("data:image/png;base64,") for upload in uploads)
    assert clip.facts["upstream"] == {"taskId": "task-0", "consumeCredits": 16}


@pytest.mark.parametrize(
    ("status", "answer", "error"),
    [
        (200, {"code": 422, "msg": "prompt is wrong"}, EngineRejected),
        (422, {"code": 422, "message": "prompt is wrong"}, EngineRejected),
        (200, {"code": 402, "msg": "Credits insufficient"}, EngineUnavailable),
        (200, {"code": 455, "msg": "maintenance"}, EngineUnavailable),
        (500, {"code": 500, "msg": "Internal server error"}, EngineUnavailable),
        (503, "no envelope", EngineUnavailable),
        (502, "no envelope", TargetUnreachable),
        (200, {"code": 200, "data": {}}, TargetUnreachable),
    ],
)
async def test_a_refusal_is_the_orders_fault_or_worth_another_attempt(
    server: KieServer, tmp_path: Path, status: int, answer: Any, error: type[Exception]
) -> None:
    server.trips = {CREATE: [(status, answer)]}
    async with asking(server) as engine:
        with pytest.raises(error, match="kie: ") as caught:
            await engine.submit(order_of(tmp_path, still=None), FIRST)

    assert type(caught.value) is error


async def test_a_gateway_that_knows_no_path_for_a_while_ends_no_task(server: KieServer, tmp_path: Path) -> None:
    server.is_over.set()
    server.trips = {("GET", "/api/v1/jobs/recordInfo.*"): [(404, "page not found")]}
    async with asking(server) as engine:
        ended = await engine.follow(await engine.submit(order_of(tmp_path, still=None), FIRST), lambda _: None)

    assert isinstance(ended, Finished)


async def test_a_task_that_the_other_server_does_not_know_is_not_asked_about_again(server: KieServer) -> None:
    server.trips = {("POST", "/api/v1/jobs/cancelTask"): [(422, {"code": 422, "msg": "recordInfo is null"})]}
    record = Record(submission=Submission(engine="kie", job_id=FIRST, handle={"taskId": "gone"}))
    async with asking(server) as engine, places_of(engine) as places:
        await places.call_off(record.ticket(SECOND))

    assert record.written == [None]


@pytest.mark.parametrize("code", ["422", "500", "499", "429", ""])
async def test_only_a_refusal_of_the_service_keeps_its_code(server: KieServer, tmp_path: Path, code: str) -> None:
    server.failure = {"failCode": code, "failMsg": "the picture is refused"}
    server.is_over.set()
    async with asking(server) as engine:
        ended = await engine.follow(await engine.submit(order_of(tmp_path, still=None), FIRST), lambda _: None)

    assert isinstance(ended, Failed)
    assert str(ended.error) == "kie: the picture is refused"
    if code == "422":
        assert isinstance(ended.error, EngineRejected)
        assert ended.error.code == code
    else:
        assert type(ended.error) is EngineUnavailable

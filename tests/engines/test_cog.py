"""The real cog runtime, asked for clips."""

import asyncio
import json
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from remote_behaviour import RemoteBench, RemoteEngineSuite, until
from remote_bench import DEADLINE_S, Record, made, order_of, picture, way_out

from cog_server import CogFront, CogServer, cog_server
from crash.servers import wait_for
from hosts import ok, says, site
from photoplay.domain.errors import EngineUnavailable
from photoplay.engines.cog import CogEngine
from video_servers import make_clip

INPUTS = {"prompt": "prompt", "image": "image", "seed": "seed"}


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Generator[CogServer]:
    folder = tmp_path_factory.mktemp("cog")
    make_clip(folder)
    with cog_server(folder) as server:
        yield server


@pytest.fixture
def server(real: CogServer) -> Generator[CogFront]:
    front = CogFront(clip=real.folder / "theirs.mp4", far=real)
    wait_for(real.is_ready, within_s=DEADLINE_S, what="the end of what an earlier test left behind")
    with front.running():
        yield front


@asynccontextmanager
async def asking(server: CogFront) -> AsyncGenerator[CogEngine]:
    async with way_out(server.place) as egress:
        yield CogEngine(url=server.url, inputs=INPUTS, egress=egress)


class TestCog(RemoteEngineSuite):
    @pytest.fixture
    def bench(self, server: CogFront, tmp_path: Path) -> RemoteBench:
        order = order_of(tmp_path, still=picture(tmp_path))
        inputs = ",".join(f"{part}={name}" for part, name in INPUTS.items())
        return RemoteBench(
            name="cog",
            server=server,
            make=lambda egress: CogEngine(url=server.url, inputs=INPUTS, egress=egress),
            order=order,
            settings={"engines": "cog", "cog_url": server.url, "cog_inputs": inputs},
            required="cog_url",
            creates=("PUT", "/predictions/.*"),
            looks=None,
            finds=("POST", ".*/cancel"),
            fetches=None,
            doom=lambda: replace(order, prompt="fail"),
            # A prediction that was broken off costs nothing; one whose answer was lost has to be made anew.
            paid=lambda: len(server.far.lines("ends")),
            made_anew=1,
            tells_progress=False,
        )


async def test_an_order_becomes_a_clip(server: CogFront, tmp_path: Path) -> None:
    server.is_over.set()
    async with asking(server) as engine:
        await engine.check()
        clip = await made(engine, order_of(tmp_path, still=picture(tmp_path), negative_prompt="blur"), Record())

    assert server.far.lines("ends") == ["a slow push in 3 .png"]
    assert isinstance(clip.facts["predict_time_s"], float)


async def test_a_full_server_is_worth_another_attempt(server: CogFront, tmp_path: Path) -> None:
    async with asking(server) as engine, asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as group:
        first = group.create_task(made(engine, order_of(tmp_path, still=None), Record(), job_id="a1"))
        await until(lambda: len(server.far.lines("runs")) == 1, what="a prediction")
        with pytest.raises(EngineUnavailable, match="cog: all places of the server are taken"):
            await engine.submit(order_of(tmp_path, still=None), "a2")
        server.is_over.set()
        await first


@pytest.mark.parametrize("output", ["/etc/hostname", 7, [], "data:video/mp4;base64,%%%"])
async def test_an_output_that_is_no_file_fails(tmp_path: Path, output: object) -> None:
    answer = ok(json.dumps({"status": "succeeded", "output": output}).encode())
    async with site(says(answer)) as here, way_out(str(here.place)) as egress:
        engine = CogEngine(url=f"http://{here.place}", inputs=INPUTS, egress=egress)
        with pytest.raises(EngineUnavailable, match="cog: the prediction"):
            await made(engine, order_of(tmp_path, still=None), Record())


async def test_a_setup_that_goes_on_takes_no_orders() -> None:
    async with site(says(ok(b'{"status":"STARTING"}'))) as here, way_out(str(here.place)) as egress:
        engine = CogEngine(url=f"http://{here.place}", inputs=INPUTS, egress=egress)
        with pytest.raises(EngineUnavailable, match="cog: the server is STARTING: its setup is not over"):
            await engine.check()

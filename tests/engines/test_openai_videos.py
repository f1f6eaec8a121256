"""Servers of the `/v1/videos` convention: what they are asked, and what is made of their traps."""

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from remote_behaviour import WHY, RemoteBench, RemoteEngineSuite
from remote_bench import Record, made, order_of, picture, way_out

from photoplay.domain.errors import EngineRejected, EngineUnavailable
from photoplay.domain.tasks import Submission
from photoplay.engines.engine import Order
from photoplay.engines.openai_videos import Dialect, OpenAIVideosEngine
from photoplay.engines.remote import Called
from video_servers import VideosServer

BOTH: list[Dialect] = ["sglang", "vllm-omni"]
KEY = "sk-secret"


@asynccontextmanager
async def served(server: VideosServer) -> AsyncGenerator[OpenAIVideosEngine]:
    dialect: Dialect = "vllm-omni" if server.dialect == "vllm-omni" else "sglang"
    with server.running():
        async with way_out(server.place) as egress:
            yield OpenAIVideosEngine(url=server.url, key=KEY, dialect=dialect, egress=egress, first_look_s=0.02)


@pytest.fixture
def server(clip: Path) -> VideosServer:
    server = VideosServer(clip=clip)
    server.is_over.set()
    return server


class TestSglang(RemoteEngineSuite):
    dialect: Dialect = "sglang"
    called = Called.RUNS_ON

    @pytest.fixture
    def bench(self, server: VideosServer, tmp_path: Path) -> Generator[RemoteBench]:
        server.dialect = self.dialect
        server.is_over.clear()
        order = order_of(tmp_path, still=picture(tmp_path))

        def doom() -> Order:
            server.failure = {"code": 500, "message": WHY}
            return order

        with server.running():
            yield RemoteBench(
                name="openai-videos",
                server=server,
                make=lambda egress: OpenAIVideosEngine(
                    url=server.url, key=KEY, dialect=self.dialect, egress=egress, first_look_s=0.02
                ),
                order=order,
                settings={
                    "engines": "openai-videos",
                    "openai_videos_url": f"{server.url}/v1/",
                    "openai_videos_key": KEY,
                    "openai_videos_dialect": self.dialect,
                },
                required="openai_videos_url",
                key=KEY,
                creates=("POST", "/v1/videos"),
                looks=("GET", r"/v1/videos/\w+"),
                finds=("GET", r"/v1/videos\?.*"),
                fetches=("GET", "/v1/videos/.*/content"),
                doom=doom,
                paid=lambda: len(server.jobs),
                is_found=False,
                called=self.called,
            )


class TestVllmOmni(TestSglang):
    dialect: Dialect = "vllm-omni"
    called = Called.OFF


@pytest.mark.parametrize("dialect", BOTH)
async def test_an_order_becomes_a_clip(server: VideosServer, tmp_path: Path, dialect: str) -> None:
    server.dialect = dialect
    still = picture(tmp_path)
    async with served(server) as engine:
        clip = await made(engine, order_of(tmp_path, still=still, negative_prompt="blur"), Record())

    form = next(asked for asked in server.asked if asked.method == "POST").form()
    size = {"size": b"768x512"} if dialect == "sglang" else {"width": b"768", "height": b"512"}
    assert form == {
        **size,
        "model": b"wan/2-2-image-to-video",
        "prompt": b"a slow push in",
        "negative_prompt": b"blur",
        "seed": b"3",
        "seconds": b"5",
        "fps": b"24",
        "num_frames": b"121",
        "input_reference": still.read_bytes(),
    }
    assert {asked.headers["Authorization"] for asked in server.asked} == {f"Bearer {KEY}"}
    assert clip.path.read_bytes() == server.clip.read_bytes()
    assert clip.facts == {"engine": "openai-videos", "version": dialect, "seed": 3, "model": server.serves}


@pytest.mark.parametrize(
    ("dialect", "failure", "error"),
    [
        ("vllm-omni", {"code": 400, "message": "the picture is too small"}, EngineRejected),
        ("vllm-omni", {"code": 500, "message": "the picture is too small"}, EngineUnavailable),
        ("sglang", {"message": "the picture is too small"}, EngineUnavailable),
    ],
)
async def test_a_job_that_failed_is_told_in_its_own_words(
    server: VideosServer, tmp_path: Path, dialect: str, failure: dict[str, object], error: type[Exception]
) -> None:
    server.dialect, server.failure = dialect, failure
    record = Record()
    async with served(server) as engine:
        with pytest.raises(error, match="openai-videos: the job failed: the picture is too small"):
            await made(engine, order_of(tmp_path, still=None), record)

    assert record.submission is None


async def test_a_field_that_the_servers_do_not_know_is_refused_before_it_is_sent(
    server: VideosServer, tmp_path: Path
) -> None:
    async with served(server) as engine:
        with pytest.raises(EngineRejected, match="openai-videos: camera_move is not one of the fields"):
            await made(engine, order_of(tmp_path, still=None, camera_move="orbit"), Record())

    assert server.asked == []


async def test_another_model_than_the_one_asked_for_makes_no_clip(server: VideosServer, tmp_path: Path) -> None:
    server.serves = "ltx"
    async with served(server) as engine:
        with pytest.raises(EngineUnavailable, match="the server serves ltx, not wan/2-2-image-to-video"):
            await made(engine, order_of(tmp_path, still=None), Record())

    assert server.count("POST", "/v1/videos") == 0


async def test_an_order_that_is_on_no_page_of_the_list_is_asked_for(server: VideosServer, tmp_path: Path) -> None:
    server.dialect = "vllm-omni"
    record = Record(submission=Submission(engine="openai-videos", job_id="a1", handle=None))
    async with served(server) as engine:
        for number in range(5):
            server.create({"model": b"wan/2-2-image-to-video", "prompt": b"another one %d" % number})
        await made(engine, order_of(tmp_path, still=None), record)

    assert (server.count("POST", "/v1/videos"), server.count("GET", r"/v1/videos\?.*")) == (1, 3)


async def test_a_job_that_the_server_lost_is_not_gone_on_with(server: VideosServer, tmp_path: Path) -> None:
    record = Record(submission=Submission(engine="openai-videos", job_id="a1", handle={"id": "gone"}))
    async with served(server) as engine:
        with pytest.raises(EngineUnavailable, match="knows nothing of the job any more"):
            await made(engine, order_of(tmp_path, still=None), record)

    assert record.submission is None


async def test_a_gateway_that_knows_no_path_for_a_while_ends_no_job(server: VideosServer, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<h1>404</h1>")
    server.trips = {("GET", "/v1/videos/video_gen_0"): [(404, page)]}
    record = Record()
    async with served(server) as engine:
        await made(engine, order_of(tmp_path, still=None), record)

    assert server.count("POST", "/v1/videos") == 1
    assert server.trips == {("GET", "/v1/videos/video_gen_0"): []}


async def test_sglang_is_never_asked_to_delete(server: VideosServer, tmp_path: Path) -> None:
    server.is_over.clear()
    async with served(server) as engine:
        handle = await engine.submit(order_of(tmp_path, still=None), "a1")

        assert await engine.cancel(handle) is Called.RUNS_ON
        server.is_over.set()
        assert await engine.cancel(handle) is Called.OFF
    assert server.count("DELETE", ".*") == 0


@pytest.mark.parametrize(("is_stubborn", "called"), [(False, Called.OFF), (True, Called.RUNS_ON)])
async def test_vllm_omni_ends_a_job_or_says_that_it_cannot_yet(
    server: VideosServer, tmp_path: Path, *, is_stubborn: bool, called: Called
) -> None:
    server.dialect, server.is_stubborn = "vllm-omni", is_stubborn
    server.is_over.clear()
    async with served(server) as engine:
        handle = await engine.submit(order_of(tmp_path, still=None), "a1")

        assert await engine.cancel(handle) is called
        assert await engine.cancel({"id": "gone"}) is Called.OFF


async def test_a_check_says_what_is_missing(server: VideosServer) -> None:
    server.trips = {("GET", r"/v1/videos\?limit=1"): [404]}
    async with served(server) as engine:
        with pytest.raises(EngineUnavailable, match=r"answered 404: not now; is its URL right\?"):
            await engine.check()
        await engine.check()

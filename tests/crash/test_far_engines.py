"""Clips from other servers, through the whole of ours; a worker is killed in the middle, and nothing is paid twice."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx2
import pytest
from PIL import Image

import photoplay
from cog_server import cog_server
from crash.servers import PHOTO, Server, environment, part, serving, wait_for
from video_servers import ArkServer, ComfyServer, FarServer, VideosServer, make_clip

WAN = "wan/2-2-image-to-video"
LITE = "bytedance/v1-lite-image-to-video"
PRICE = 6
ARK_AT_ONCE = 10
ARK_TASKS = "/api/v3/contents/generations/tasks"
PUBLIC_URL = "https://clips.example.com"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("theirs"))


def create(server: Server, *, model: str = WAN) -> str:
    body = {
        "model": model,
        "input": {"prompt": "slow push in", "image_url": server.upload(), "resolution": "480p"},
    }
    answer = server.post("/api/v1/jobs/createTask", json=body)
    assert answer["code"] == 200, answer
    return answer["data"]["taskId"]


def assert_made_once(server: Server, task_id: str, clip: Path, *, price: int = PRICE) -> None:
    record = server.wait_for_state(task_id, "success", "fail", within_s=120)

    assert record["state"] == "success", record["failMsg"]
    assert server.balance() == 1000 - price
    assert server.wait_for_only_clip().read_bytes() == clip.read_bytes()


def survive(
    far: FarServer,
    folder: Path,
    settings: Mapping[str, str],
    *,
    asks: tuple[str, str],
    model: str = WAN,
    price: int = PRICE,
) -> Server:
    """Kill the worker once the far server has been asked, let the far server finish, and see one clip."""
    with serving(folder, **settings) as server:
        task_id = create(server, model=model)
        wait_for(lambda: far.count(*asks), within_s=60, what=f"an order: {server.log_path.read_text()}")
        wait_for(
            lambda: server.record(task_id).get("state") == "generating",
            within_s=60,
            what=f"a clip under way: {server.log_path.read_text()}",
        )
        server.kill_worker()
        far.is_over.set()
        assert_made_once(server, task_id, far.clip, price=price)
    return server


def ark_settings(far: ArkServer) -> dict[str, str]:
    return {
        "PHOTOPLAY_ENGINES": "ark",
        "PHOTOPLAY_ARK_URL": f"{far.url}/api/v3",
        "PHOTOPLAY_ARK_KEY": "sk-secret",
    }


def set_mode(server: Server, mode: str) -> None:
    admin = (server.data_dir / "admin-key").read_text().strip()
    answer = server.post("/api/v1/admin/mode", key=admin, json={"mode": mode})
    assert answer["code"] == 200, answer


def test_a_task_cancelled_between_two_attempts_leaves_no_job_at_the_other_server(clip: Path, tmp_path: Path) -> None:
    far = VideosServer(clip=clip, dialect="vllm-omni")
    with (
        far.running(),
        serving(
            tmp_path,
            PHOTOPLAY_ENGINES="openai-videos",
            PHOTOPLAY_OPENAI_VIDEOS_URL=far.url,
            PHOTOPLAY_OPENAI_VIDEOS_DIALECT="vllm-omni",
        ) as server,
    ):
        task_id = create(server)
        wait_for(lambda: server.record(task_id).get("state") == "generating", within_s=60, what="a clip under way")
        wait_for(lambda: far.count("GET", "/v1/videos/video_gen_0"), within_s=60, what="a look at the job")
        # Paused, so that the task that its worker lost keeps waiting.
        set_mode(server, "paused")
        server.kill_worker()
        wait_for(lambda: server.record(task_id).get("state") == "waiting", within_s=60, what="the lease to run out")
        cancelled = server.post("/api/v1/jobs/cancelTask", json={"taskId": task_id})
        balance = server.balance()
        wait_for(lambda: far.count("DELETE", "/v1/videos/video_gen_0"), within_s=60, what="the job called off")

    assert (cancelled["data"]["outcome"], balance) == ("cancelled", 1000)
    assert far.count("POST", "/v1/videos") == 1


@pytest.mark.parametrize("dialect", ["sglang", "vllm-omni"])
def test_a_job_of_openai_videos_outlives_the_worker_that_asked_for_it(clip: Path, tmp_path: Path, dialect: str) -> None:
    far = VideosServer(clip=clip, dialect=dialect)
    with far.running():
        settings = {
            "PHOTOPLAY_ENGINES": "openai-videos",
            "PHOTOPLAY_OPENAI_VIDEOS_URL": f"{far.url}/v1/",
            "PHOTOPLAY_OPENAI_VIDEOS_KEY": "sk-secret",
        }
        server = survive(far, tmp_path, settings, asks=("GET", "/v1/videos/video_gen_0"))

    assert far.count("POST", "/v1/videos") == 1
    assert far.count("DELETE", ".*") == 0
    assert "sk-secret" not in server.log_path.read_text()


def test_a_job_of_comfyui_outlives_the_worker_that_asked_for_it(clip: Path, tmp_path: Path) -> None:
    workflow = tmp_path / "workflows" / f"{WAN}.json"
    workflow.parent.mkdir(parents=True)
    workflow.write_text('{"1": {"class_type": "LoadImage", "inputs": {"image": "{{image}}", "text": "{{prompt}}"}}}')
    far = ComfyServer(clip=clip)
    with far.running():
        settings = {
            "PHOTOPLAY_ENGINES": "comfyui",
            "PHOTOPLAY_COMFYUI_URL": far.url,
            "PHOTOPLAY_COMFYUI_WORKFLOWS": str(tmp_path / "workflows"),
        }
        survive(far, tmp_path, settings, asks=("POST", "/prompt"))

    assert (far.count("POST", "/prompt"), far.count("POST", "/interrupt")) == (1, 0)


def test_a_task_of_ark_outlives_the_worker_that_asked_for_it(clip: Path, tmp_path: Path) -> None:
    far = ArkServer(clip=clip)
    with far.running():
        server = survive(far, tmp_path, ark_settings(far), asks=("GET", f"{ARK_TASKS}/cgt-0"), model=LITE, price=10)

    assert far.count("POST", ARK_TASKS) == 1
    assert "sk-secret" not in server.log_path.read_text()


@dataclass
class BusyArk(ArkServer):
    """It counts the tasks whose end it has not told yet."""

    under_way: set[str] = field(default_factory=set[str])
    busiest: int = 0

    def create(self, order: dict[str, Any]) -> tuple[int, Any]:
        status, answer = super().create(order)
        self.under_way.add(answer["id"])
        self.busiest = max(self.busiest, len(self.under_way))
        return status, answer

    def seen(self, task: dict[str, Any]) -> dict[str, Any]:
        seen = super().seen(task)
        if seen["status"] == "succeeded":
            self.under_way.discard(task["id"])
        return seen


def test_workers_together_ask_ark_for_no_more_than_an_account_may_have_at_once(clip: Path, tmp_path: Path) -> None:
    far = BusyArk(clip=clip)
    with far.running(), serving(tmp_path, **ark_settings(far)) as server:
        shared = {"PHOTOPLAY_DATABASE_URL": server.database_url, "PHOTOPLAY_PUBLIC_URL": server.url}
        second_log = tmp_path / "second.log"
        with part("worker", env=environment(server.data_dir, **server.settings, **shared), log=second_log):
            tasks = [create(server, model=LITE) for _ in range(2 * ARK_AT_ONCE)]
            wait_for(lambda: len(far.under_way) == ARK_AT_ONCE, within_s=60, what="all places taken")
            server.kill_worker()
            logs = (second_log, server.log_path)
            wait_for(lambda: any("attempt=2" in log.read_text() for log in logs), within_s=60, what="a task taken over")
            far.is_over.set()
            records = [server.wait_for_state(task, "success", "fail", within_s=120) for task in tasks]

    assert [record["state"] for record in records] == ["success"] * len(tasks)
    assert far.count("POST", ARK_TASKS) == len(tasks)
    assert far.busiest == ARK_AT_ONCE


def test_ark_is_given_links_to_the_prepared_pictures_where_the_operator_wants_that(clip: Path, tmp_path: Path) -> None:
    far = ArkServer(clip=clip)
    far.is_over.set()
    with (
        far.running(),
        serving(
            tmp_path,
            **ark_settings(far),
            PHOTOPLAY_ARK_PICTURES="link",
            PHOTOPLAY_PUBLIC_URL=PUBLIC_URL,
        ) as server,
    ):
        assert_made_once(server, create(server, model=LITE), clip, price=10)
        (order,) = (asked.json() for asked in far.asked if asked.method == "POST")
        (link,) = (part["image_url"]["url"] for part in order["content"] if part["type"] == "image_url")
        picture = httpx2.get(link.replace(PUBLIC_URL, server.url), timeout=30)

    assert link.startswith(f"{PUBLIC_URL}/files/")
    assert picture.headers["content-type"] == "image/png"
    with Image.open(BytesIO(picture.content)) as image, Image.open(PHOTO) as photo:
        assert image.size == photo.size


def add_card(folder: Path, id: str) -> None:
    """Write a card for the model in a container: Wan's, under another name and with another engine."""
    wan = Path(photoplay.__file__).parent / "cards" / WAN
    card = folder / id
    card.mkdir(parents=True)
    text = (wan / "card.toml").read_text().replace(WAN, id)
    head, _, _ = text.partition("[[engines]]")
    order = 'order = { still = "image_url", prompt = "prompt", seed = "seed" }'
    (card / "card.toml").write_text(f'{head}[[engines]]\nname = "cog"\n{order}\ndeadline_s = 600\n')
    (card / "example.json").write_text((wan / "example.json").read_text().replace(WAN, id))


def test_a_prediction_of_cog_whose_worker_was_killed_is_made_once_and_paid_once(tmp_path: Path) -> None:
    model = "acme/cog-image-to-video"
    add_card(tmp_path / "cards", model)
    (tmp_path / "cog").mkdir()
    clip = make_clip(tmp_path / "cog")
    with cog_server(tmp_path / "cog") as far:
        settings = {
            "PHOTOPLAY_ENGINES": "cog",
            "PHOTOPLAY_COG_URL": far.url,
            "PHOTOPLAY_CARDS_DIR": str(tmp_path / "cards"),
        }
        with serving(tmp_path, **settings) as server:
            task_id = create(server, model=model)
            wait_for(lambda: far.lines("runs"), within_s=60, what=f"an order: {server.log_path.read_text()}")
            server.kill_worker()
            wait_for(lambda: len(far.lines("runs")) == 2, within_s=60, what="the same order again")
            far.end()
            assert_made_once(server, task_id, clip)

    assert len(far.lines("ends")) == 1

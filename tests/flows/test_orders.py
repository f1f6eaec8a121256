"""What an engine is ordered: a card's fields by the engine's names, and nothing that it would have to fetch."""

import json
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest

from photoplay.domain.cards import EngineMapping
from photoplay.domain.fields import FileUrl, FileUrls
from photoplay.domain.tasks import TaskId
from photoplay.engines.runner import ChildLimits, EnginePool
from photoplay.flows.execute import execute
from photoplay.flows.parts import ApiParts, WorkerParts
from scenes import CREATE, open_api, read

PHOTO = Path(__file__).parents[2] / "src" / "photoplay" / "samples" / "coffee.jpg"
LITE = "bytedance/v1-lite-image-to-video"


class Studio:
    """A server whose only engine says what it was ordered."""

    def __init__(self, api: httpx2.AsyncClient, worker: WorkerParts) -> None:
        self._api = api
        self.worker = worker

    async def upload(self) -> str:
        answer = await self._api.post("/api/file-stream-upload", files={"file": ("a.jpg", PHOTO.read_bytes())})
        return answer.json()["data"]["fileUrl"]

    async def order(self, model: str, **input: object) -> Mapping[str, Any]:
        answer = await self._api.post(CREATE, json={"model": model, "input": input})
        assert answer.json()["code"] == 200, answer.text
        task_id = TaskId(UUID(answer.json()["data"]["taskId"]))
        task = await read(task_id, db=self.worker.db)
        await execute(task.engine, parts=self.worker)
        task = await read(task_id, db=self.worker.db)
        assert task.failure is not None
        return {**json.loads(task.failure.message), "chosen_seed": task.seed}


@pytest.fixture
async def studio(
    parts: ApiParts, worker: WorkerParts, key: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[Studio]:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1] / "engines"))
    pool = EnginePool("order_tellers:OrderTeller", size=1, limits=ChildLimits())
    names = ("ark", "camera")
    try:
        async with open_api(replace(parts, engine_names=frozenset(names)), key) as api:
            yield Studio(api, replace(worker, engines=dict.fromkeys(names, pool)))
    finally:
        await pool.stop(timedelta(0))


async def test_what_an_engine_says_of_an_order_is_in_no_log_line(
    studio: Studio, written_log: Callable[[], str]
) -> None:
    # This one quotes the prompt, as other servers do.
    ordered = await studio.order("bytedance/v1-pro-text-to-video", prompt="a vermilion heron")

    lines = written_log()
    assert ordered["prompt"] == "a vermilion heron"
    assert "task.attempt_failed" in lines
    assert "EngineRejected" in lines
    assert "heron" not in lines


async def test_every_picture_of_an_order_is_a_checked_file(studio: Studio) -> None:
    photo = await studio.upload()

    ordered = await studio.order(LITE, prompt="pour", image_url=photo, end_image_url=photo, camera_fixed=True)

    assert ordered["still"] == "PNG"
    assert ordered["controls"] == {"end_still": "PNG", "camera_fixed": True}


@pytest.mark.parametrize("ending", ["?x=1", "#a", "?x=1#a", "#a?x=1"])
async def test_a_link_of_ours_leads_to_its_file_with_a_query_or_fragment_too(studio: Studio, ending: str) -> None:
    ordered = await studio.order("photoplay/camera-image-to-video", image_url=await studio.upload() + ending)

    assert ordered["still"] == "PNG"


async def test_an_absent_field_is_no_control(studio: Studio) -> None:
    ordered = await studio.order("photoplay/camera-image-to-video", image_url=await studio.upload())

    assert ordered["prompt"] == ""
    assert "end_still" not in ordered["controls"]
    assert "speed" not in ordered["controls"]


async def test_a_card_without_a_picture_orders_no_still(studio: Studio) -> None:
    ordered = await studio.order("bytedance/v1-pro-text-to-video", prompt="a cup", aspect_ratio="1:1")

    assert ordered["still"] is None
    assert ordered["controls"] == {"aspect_ratio": "1:1", "camera_fixed": False}


@pytest.mark.parametrize("seed", [0, 7])
async def test_a_seed_of_the_caller_takes_the_place_of_the_servers(studio: Studio, seed: int) -> None:
    ordered = await studio.order("bytedance/v1-pro-text-to-video", prompt="a cup", seed=seed)

    assert ordered["seed"] == seed


async def test_a_seed_of_minus_one_leaves_the_choice_to_the_server(studio: Studio) -> None:
    ordered = await studio.order("bytedance/v1-pro-text-to-video", prompt="a cup", seed=-1)

    assert ordered["seed"] == ordered["chosen_seed"]


async def test_a_list_of_pictures_arrives_as_files_and_begins_with_the_still(
    parts: ApiParts, key: str, studio: Studio
) -> None:
    card = parts.cards[LITE]
    pictures = FileUrls(
        name="image_urls", label="", help="", accept=("image/jpeg",), bytes_max=10**7, items_min=1, items_max=3
    )
    several = replace(
        card,
        fields=(*(field for field in card.fields if not isinstance(field, FileUrl)), pictures),
        engines=(EngineMapping(name="camera", order={"still": "image_urls", "pictures": "image_urls"}),),
    )
    photo = await studio.upload()
    cards = {**dict(parts.cards), LITE: several}
    async with open_api(replace(parts, cards=cards, engine_names=frozenset({"camera"})), key) as api:
        told = Studio(api, replace(studio.worker, cards=cards))
        ordered = await told.order(LITE, prompt="pour", image_urls=[photo, photo])

    assert ordered["still"] == "PNG"
    assert [Path(path).suffix for path in ordered["controls"]["pictures"]] == [".png", ".png"]

"""What the camera engine makes beside the clip: where it is kept, and how the caller hears of it."""

import json
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import httpx2
import pytest

from photoplay.domain.errors import StoreUnavailable
from photoplay.domain.tasks import State, Task, TaskId
from photoplay.engines.runner import EnginePool
from photoplay.files.store import FileStore
from photoplay.flows.execute import execute
from photoplay.flows.parts import ApiParts, WorkerParts
from photoplay.store import files
from scenes import CREATE, RECORD, open_api, read

PHOTO = Path(__file__).parents[2] / "src" / "photoplay" / "samples" / "coffee.jpg"
MODEL = "photoplay/camera-image-to-video"


@pytest.fixture
async def filming(worker: WorkerParts) -> AsyncGenerator[WorkerParts]:
    pool = EnginePool("camera", size=1)
    try:
        yield replace(worker, engines={"camera": pool})
    finally:
        await pool.stop(timedelta(0))


async def film(api: httpx2.AsyncClient, worker: WorkerParts, **input: object) -> Task:
    upload = await api.post("/api/file-stream-upload", files={"file": ("a.jpg", PHOTO.read_bytes())})
    fields = {"image_url": upload.json()["data"]["fileUrl"], **input}
    answer = await api.post(CREATE, json={"model": MODEL, "input": fields})
    task_id = TaskId(UUID(answer.json()["data"]["taskId"]))
    await execute("camera", parts=worker)
    return await read(task_id, db=worker.db)


async def test_a_clip_comes_with_its_pictures_and_what_was_understood(
    parts: ApiParts, filming: WorkerParts, key: str
) -> None:
    async with open_api(parts, key) as api:
        task = await film(api, filming, prompt="slow pan left, rain", seed=7)
        record = (await api.get(RECORD, params={"taskId": task.id.hex})).json()["data"]

    assert task.state is State.SUCCEEDED
    result = json.loads(record["resultJson"])
    stem = filming.files_url + task.results[0].removesuffix(".mp4")
    assert result["resultUrls"] == [f"{stem}.mp4"]
    assert (result["posterUrl"], result["lastFrameUrl"]) == (f"{stem}.poster.jpg", f"{stem}.last_frame.png")
    assert result["direction"]["effects"] == {"rain": 1.0}
    async with filming.db.connection() as connection:
        kept = [await files.find_ready(connection, path) for path in task.artifacts.values()]
    assert {file.mime_type for file in kept if file is not None} == {"image/jpeg", "image/png"}


async def test_the_seed_that_was_used_is_recorded(parts: ApiParts, filming: WorkerParts, key: str) -> None:
    async with open_api(parts, key) as api:
        given = await film(api, filming, seed=7)
        chosen = await film(api, filming)

    assert given.seed == given.facts["seed"] == 7
    assert chosen.seed == chosen.facts["seed"]


async def test_a_clip_can_end_with_another_picture(parts: ApiParts, filming: WorkerParts, key: str) -> None:
    async with open_api(parts, key) as api:
        upload = await api.post("/api/file-stream-upload", files={"file": ("b.jpg", PHOTO.read_bytes())})
        task = await film(api, filming, end_image_url=upload.json()["data"]["fileUrl"], move="push_in")

    assert task.state is State.SUCCEEDED, task.failure


class StumblingFiles(FileStore):
    """A file store that refuses its first writes."""

    refusals = 0

    async def put(self, path: str, source: Path) -> int:
        if self.refusals:
            self.refusals -= 1
            raise StoreUnavailable("The file store refused a write; nothing was kept.")
        return await super().put(path, source)


@pytest.mark.parametrize("refusals", [1, 3])
async def test_a_clip_that_is_made_outlives_a_file_store_that_stumbles(
    refusals: int, parts: ApiParts, filming: WorkerParts, key: str, tmp_path: Path
) -> None:
    store = StumblingFiles(tmp_path / "files")
    store.refusals = refusals
    async with open_api(parts, key) as api:
        task = await film(api, replace(filming, files=store), move="push_in")

    assert (task.state, task.attempt, store.refusals) == (State.SUCCEEDED, 1, 0)


async def test_a_file_store_that_stays_away_costs_the_attempt(
    parts: ApiParts, filming: WorkerParts, key: str, tmp_path: Path
) -> None:
    store = StumblingFiles(tmp_path / "files")
    store.refusals = 1000
    async with open_api(parts, key) as api:
        task = await film(api, replace(filming, files=store, lease=timedelta(seconds=2)), move="push_in")

    assert (task.state, task.attempt) == (State.WAITING, 1)

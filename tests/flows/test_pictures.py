"""The pictures of an input: what a field does not accept is refused, wherever the picture comes from."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Literal
from uuid import UUID

import pytest
from PIL import Image

from hosts import ok, says, site
from photoplay.domain.errors import StillRejected
from photoplay.domain.fields import FileUrl
from photoplay.domain.json import JsonValue
from photoplay.domain.tasks import Task, TaskId
from photoplay.egress import Egress, parse_allow
from photoplay.flows.parts import ApiParts, WorkerParts
from photoplay.flows.pictures import fetch_pictures
from scenes import CREATE, MODEL, open_api, read, request

Place = Literal["an upload", "elsewhere"]
ALL = ("image/jpeg", "image/png", "image/webp")
# Kind as Pillow names it, and its type.
KINDS = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}


def picture(kind: str) -> bytes:
    file = BytesIO()
    Image.new("RGB", (32, 32), "teal").save(file, kind)
    return file.getvalue()


@asynccontextmanager
async def asked_with(content: bytes, place: Place, parts: ApiParts, key: str) -> AsyncGenerator[tuple[Task, Egress]]:
    """A task whose picture lies here or at another host, and the way out to it."""
    async with (
        site(says(ok(content))) as host,
        Egress(allow=parse_allow(str(host.place))) as egress,
        open_api(replace(parts, egress=egress), key) as api,
    ):
        url = host.url
        if place == "an upload":
            url = (await api.post("/api/file-stream-upload", files={"file": ("a", content)})).json()["data"]["fileUrl"]
        created = await api.post(CREATE, json=request(image_url=url))
        yield await read(TaskId(UUID(created.json()["data"]["taskId"])), db=parts.db), egress


async def fetched(
    task: Task, egress: Egress, worker: WorkerParts, *, accept: Sequence[str], folder: Path
) -> dict[str, JsonValue]:
    """Fetch for a card whose picture may be of these types alone."""
    card = worker.cards[MODEL]
    fields = tuple(
        replace(field, accept=tuple(accept)) if isinstance(field, FileUrl) else field for field in card.fields
    )
    parts = replace(worker, egress=egress, cards={MODEL: replace(card, fields=fields)})
    return await fetch_pictures(task, card.engines[-1], folder=folder, parts=parts)


@pytest.mark.parametrize("place", ["an upload", "elsewhere"])
@pytest.mark.parametrize("kind", KINDS)
async def test_a_picture_of_an_accepted_type_is_fetched_and_checked(
    kind: str, place: Place, parts: ApiParts, worker: WorkerParts, key: str, tmp_path: Path
) -> None:
    async with asked_with(picture(kind), place, parts, key) as (task, egress):
        pictures = await fetched(task, egress, worker, accept=[KINDS[kind]], folder=tmp_path)

    with Image.open(str(pictures["still"])) as still:
        assert (still.format, still.size) == ("PNG", (32, 32))


@pytest.mark.parametrize("place", ["an upload", "elsewhere"])
@pytest.mark.parametrize("kind", KINDS)
async def test_a_picture_of_another_type_is_refused_in_words(
    kind: str, place: Place, parts: ApiParts, worker: WorkerParts, key: str, tmp_path: Path
) -> None:
    others = [name for name in ALL if name != KINDS[kind]]

    async with asked_with(picture(kind), place, parts, key) as (task, egress):
        with pytest.raises(StillRejected) as refused:
            await fetched(task, egress, worker, accept=others, folder=tmp_path)

    assert str(refused.value) == f"image_url: the picture is {KINDS[kind]}, accepted here are {', '.join(others)}"


async def test_what_is_no_picture_is_told_as_before(
    parts: ApiParts, worker: WorkerParts, key: str, tmp_path: Path
) -> None:
    async with asked_with(b"<svg/>", "elsewhere", parts, key) as (task, egress):
        with pytest.raises(StillRejected, match=r"^image_url: the file is not a JPEG, PNG or WebP picture$"):
            await fetched(task, egress, worker, accept=["image/png"], folder=tmp_path)

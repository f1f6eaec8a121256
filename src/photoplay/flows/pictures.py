"""The pictures that a task's input names: fetched, made harmless, and put where the engine reads them."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from photoplay import clock
from photoplay.domain.cards import EngineMapping
from photoplay.domain.errors import StillRejected
from photoplay.domain.fields import FileUrl, FileUrls
from photoplay.domain.json import JsonValue
from photoplay.domain.tasks import AccountId, Task
from photoplay.flows.task_files import store_file
from photoplay.media.still import StillLimits, find_kind, prepare_still
from photoplay.store import files

if TYPE_CHECKING:
    from photoplay.flows.parts import WorkerParts

__all__ = ["fetch_pictures", "publish_pictures"]

# A task may wait at another server for a day or two before its pictures are read.
LINKS_LIFETIME: Final = timedelta(days=3)


async def fetch_pictures(
    task: Task, mapping: EngineMapping, *, folder: Path, parts: "WorkerParts"
) -> dict[str, JsonValue]:
    """Put every picture of the order into the folder; return where each lies, as an engine fetches nothing itself."""
    fields = {field.name: field for field in parts.cards[task.model].fields}
    pictures: dict[str, JsonValue] = {}
    for number, (key, name) in enumerate(mapping.order.items()):
        field, value = fields[name], task.input.get(name)
        if value is None or not isinstance(field, FileUrl | FileUrls):
            continue
        urls = [value] if isinstance(field, FileUrl) else cast("Sequence[JsonValue]", value)
        paths: list[JsonValue] = []
        for index, url in enumerate(urls):
            source, picture = folder / f"source-{number}-{index}", folder / f"picture-{number}-{index}.png"
            await _fetch_still(str(url), source, field=field, account=task.account_id, parts=parts)
            await _require_accepted(source, field)
            await prepare_still(source, picture, limits=StillLimits(), field=field.name)
            paths.append(str(picture))
        pictures[key] = paths[0] if isinstance(field, FileUrl) else paths
    return pictures


async def _fetch_still(
    url: str, source: Path, *, field: FileUrl | FileUrls, account: AccountId, parts: "WorkerParts"
) -> None:
    path = parts.own_path(url)
    if path is None:
        await parts.egress.fetch(url, source, field=field.name, bytes_max=field.bytes_max, account=account)
        return
    async with parts.db.connection() as connection:
        stored = await files.find_ready(connection, path)
    if stored is None:
        raise StillRejected(f"{field.name}: there is no such upload, or it has expired")
    if stored.size_bytes > field.bytes_max:
        raise StillRejected(f"{field.name}: {stored.size_bytes} bytes are over the limit of {field.bytes_max}")
    await parts.files.copy_out(stored.path, source)


async def _require_accepted(source: Path, field: FileUrl | FileUrls) -> None:
    """Raises: StillRejected for a picture of another kind. What is no picture is for the decoder's own check to say."""
    kind = await asyncio.to_thread(find_kind, source)
    if kind is not None and (mime_type := f"image/{kind.lower()}") not in field.accept:
        raise StillRejected(f"{field.name}: the picture is {mime_type}, accepted here are {', '.join(field.accept)}")


async def publish_pictures(task: Task, pictures: Mapping[str, JsonValue], *, parts: "WorkerParts") -> Mapping[str, str]:
    """Let another server read the prepared pictures from this one; return the links, by the pictures' paths."""
    links: dict[str, str] = {}
    for path in _paths(pictures):
        name = f"{clock.new_token()}/{task.id.hex}.png"
        stored = await store_file(task, Path(path), name, mime_type="image/png", parts=parts)
        async with parts.db.connection() as connection:
            await files.keep(connection, stored.path, size_bytes=stored.size_bytes, lifetime=LINKS_LIFETIME)
        links[path] = f"{parts.files_url}{stored.path}"
    return links


def _paths(pictures: Mapping[str, JsonValue]) -> list[str]:
    several = [value if isinstance(value, list) else [value] for value in pictures.values()]
    return [path for paths in several for path in paths if isinstance(path, str)]

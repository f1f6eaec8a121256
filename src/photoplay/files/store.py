"""Bytes of artifacts and uploads, over obstore: a folder by default.

A put is atomic: obstore writes aside, to `NAME#1`, and renames, so no reader ever sees half a file.
"""

import asyncio
import re
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

import obstore
from obstore.exceptions import BaseError as ObstoreError
from obstore.store import LocalStore

from photoplay.domain.errors import StoreUnavailable

__all__ = ["FileStore"]

CHUNK_BYTES: Final = 256 * 1024
LIST_BATCH: Final = 500
# How obstore names what it has not finished. Source: object_store, local.rs, `staged_upload_path`.
STAGED: Final = re.compile(r"#\d+$")


class FileStore:
    """The one place where finished files are kept. Paths are relative, `token/name`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._store = LocalStore(folder, automatic_cleanup=True)

    async def put(self, path: str, source: Path) -> int:
        """Copy a local file in and return its size in bytes.

        Raises: StoreUnavailable; no file is at the path then.
        """
        try:
            await obstore.put_async(self._store, path, source)
            return (await obstore.head_async(self._store, path))["size"]
        except (ObstoreError, OSError) as exc:
            raise StoreUnavailable("The file store refused a write; nothing was kept.") from exc

    async def read(self, path: str, *, start: int, end: int) -> AsyncIterator[bytes]:
        """Yield the bytes from `start` up to but not with `end`.

        Raises: StoreUnavailable before the first byte if the file is not there.
        """
        if start == end:
            return
        try:
            result = await obstore.get_async(self._store, path, options={"range": (start, end)})
        except (ObstoreError, OSError) as exc:
            raise StoreUnavailable("The file store does not have this file.") from exc
        async for chunk in _stream(result.stream(min_chunk_size=CHUNK_BYTES)):
            yield chunk

    async def copy_out(self, path: str, target: Path) -> int:
        """Copy a stored file to a local path and return its size in bytes.

        Raises: StoreUnavailable if the file is not there.
        """
        try:
            size_bytes = (await obstore.head_async(self._store, path))["size"]
        except (ObstoreError, OSError) as exc:
            raise StoreUnavailable("The file store does not have this file.") from exc
        with await asyncio.to_thread(target.open, "wb") as out:
            async for chunk in self.read(path, start=0, end=size_bytes):
                await asyncio.to_thread(out.write, chunk)
        return size_bytes

    async def remove(self, path: str) -> None:
        """Remove a file. One that is not there is removed already."""
        try:
            await obstore.delete_async(self._store, path)
        except FileNotFoundError:
            return
        except (ObstoreError, OSError) as exc:
            raise StoreUnavailable("The file store refused a removal.") from exc

    async def has(self, path: str) -> bool:
        try:
            await obstore.head_async(self._store, path)
        except FileNotFoundError:
            return False
        except (ObstoreError, OSError) as exc:
            raise StoreUnavailable("The file store does not answer.") from exc
        return True

    async def paths(self, *, older_than: datetime) -> AsyncIterator[Sequence[str]]:
        """Yield the paths of all files that were finished before, some hundreds at a time."""
        async for batch in obstore.list(self._store, chunk_size=LIST_BATCH):  # pyright: ignore[reportUnknownMemberType] - one overload needs pyarrow
            yield [item["path"] for item in batch if item["last_modified"] < older_than]

    def clear_staged(self, before_s: float) -> None:
        """Remove what puts of killed processes left half-written, and folders that are empty. It blocks."""
        for folder in self._folder.iterdir():
            if folder.is_dir() and folder.stat().st_mtime < before_s:
                for path in folder.iterdir():
                    if STAGED.search(path.name) and path.stat().st_mtime < before_s:
                        path.unlink(missing_ok=True)
                with suppress(OSError):  # not empty: it holds what it should
                    folder.rmdir()


async def _stream(chunks: AsyncIterable[object]) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        yield bytes(chunk)  # pyright: ignore[reportArgumentType] - obstore's Bytes is a buffer

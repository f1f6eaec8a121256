"""Bytes of artifacts and uploads, over obstore: a folder by default.

A put is atomic: obstore writes aside and renames, so no reader ever sees half a file.
"""

from collections.abc import AsyncIterable, AsyncIterator
from pathlib import Path
from typing import Final

import obstore
from obstore.exceptions import BaseError as ObstoreError
from obstore.store import LocalStore

from photoplay.domain.errors import StoreUnavailable

__all__ = ["FileStore"]

CHUNK_BYTES: Final = 256 * 1024


class FileStore:
    """The one place where finished files are kept. Paths are relative, `token/name`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
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
        """Copy a stored file to a local path and return its size in bytes."""
        size_bytes = (await obstore.head_async(self._store, path))["size"]
        with target.open("wb") as out:
            async for chunk in self.read(path, start=0, end=size_bytes):
                out.write(chunk)
        return size_bytes

    async def remove(self, path: str) -> None:
        """Remove a file. One that is not there is removed already."""
        try:
            await obstore.delete_async(self._store, path)
        except FileNotFoundError:
            return
        except (ObstoreError, OSError) as exc:
            raise StoreUnavailable("The file store refused a removal.") from exc


async def _stream(chunks: AsyncIterable[object]) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        yield bytes(chunk)  # pyright: ignore[reportArgumentType] - obstore's Bytes is a buffer

"""Keep a file that a caller sends in or names, and hand out links to it."""

import asyncio
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from photoplay import clock
from photoplay.domain.errors import InvalidInput, RateLimited
from photoplay.media.still import find_kind
from photoplay.store import files
from photoplay.store.accounts import Caller
from photoplay.store.files import StoredFile

if TYPE_CHECKING:
    from photoplay.flows.parts import ApiParts

__all__ = ["SHARED_FOR", "UPLOAD_BYTES_MAX", "keep_bytes", "keep_file", "keep_url", "share"]

UPLOAD_BYTES_MAX: Final = 100 * 1024 * 1024
# The contract's word for it, §6.
SHARED_FOR: Final = timedelta(minutes=20)
# More than an application shows of one file at once; each is a row.
SHORT_LINKS_MAX: Final = 100
# Kind as the decoder names it -> MIME type and extension.
_KINDS: Final = {"JPEG": ("image/jpeg", "jpg"), "PNG": ("image/png", "png"), "WebP": ("image/webp", "webp")}


async def keep_url(url: str, *, name: str, caller: Caller, parts: "ApiParts") -> StoredFile:
    """Fetch a file from a URL that the caller names, and keep it.

    Raises: as `keep_file`; TargetForbidden, TargetRefused or TargetUnreachable if it cannot be fetched.
    """
    parts.room.require()
    with tempfile.TemporaryDirectory(dir=parts.work_dir) as folder:
        source = Path(folder) / "fetched"
        await _fetch(url, source, caller=caller, parts=parts)
        return await keep_file(source, name=name, field="fileUrl", caller=caller, parts=parts)


async def _fetch(url: str, source: Path, *, caller: Caller, parts: "ApiParts") -> None:
    path = parts.own_path(url)
    if path is None:
        await parts.egress.fetch(url, source, field="fileUrl", bytes_max=UPLOAD_BYTES_MAX, account=caller.account_id)
        return
    async with parts.db.connection() as connection:
        stored = await files.find_ready(connection, path)
    if stored is None:
        raise InvalidInput("fileUrl: there is no such file, or its time is over", field="fileUrl")
    await parts.files.copy_out(stored.path, source)


async def keep_bytes(content: bytes, *, name: str, field: str, caller: Caller, parts: "ApiParts") -> StoredFile:
    """Keep what the request itself held. Raises: as `keep_file`."""
    parts.room.require()
    with tempfile.TemporaryDirectory(dir=parts.work_dir) as folder:
        source = Path(folder) / "sent"
        await asyncio.to_thread(source.write_bytes, content)
        return await keep_file(source, name=name, field=field, caller=caller, parts=parts)


async def keep_file(source: Path, *, name: str, field: str, caller: Caller, parts: "ApiParts") -> StoredFile:
    """Keep a local file. Its type is found from its bytes; its name here is ours, the caller's is only data.

    Raises: InvalidInput if it is not a JPEG, PNG or WebP picture; DiskFull; StoreUnavailable.
    """
    parts.room.require()
    kind = await asyncio.to_thread(find_kind, source)
    if kind is None:
        raise InvalidInput(f"{field}: {name[:100]} is not one of {', '.join(_KINDS)}", field=field)
    mime_type, extension = _KINDS[kind]
    path = f"{clock.new_token()}/upload.{extension}"
    async with parts.db.connection() as connection:
        await files.announce(
            connection, path, account_id=caller.account_id, task_id=None, mime_type=mime_type, original_name=name
        )
    # No connection is held meanwhile: a large file on a slow disk would keep it from others.
    size_bytes = await parts.files.put(path, source)
    async with parts.db.connection() as connection:
        return await files.keep(connection, path, size_bytes=size_bytes, lifetime=parts.uploads_lifetime)


async def share(url: str, *, caller: Caller, parts: "ApiParts") -> str:
    """Return the path of a new link to one of the caller's files, which ends after 20 minutes.

    It does not tell the file's lasting link. Raises: InvalidInput if the URL leads to no file of this
    account; RateLimited if the file has too many of them.
    """
    path = parts.own_path(url)
    async with parts.db.connection() as connection:
        file = None if path is None else await files.find_ready(connection, path)
        if file is None or file.account_id != caller.account_id:
            raise InvalidInput(
                "url is wrong: it is not a link to a file of this account, or its time is over", field="url"
            )
        link = f"{clock.new_token()}/{file.path.rpartition('/')[2]}"
        if not await files.link(connection, link, file_path=file.path, lifetime=SHARED_FOR, links_max=SHORT_LINKS_MAX):
            raise RateLimited(
                f"{SHORT_LINKS_MAX} short links to this file are live, which is the limit",
                limit=SHORT_LINKS_MAX,
                retry_after=timedelta(minutes=1),
            )
    return link

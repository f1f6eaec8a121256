"""Serves finished files at their unguessable links, with byte ranges.

Source: RFC 9110 §14 (range requests), §13.1 (conditional requests).
"""

import re
from collections.abc import AsyncIterator
from typing import Final

from fastapi import Request
from fastapi.responses import Response, StreamingResponse

from photoplay import clock
from photoplay.domain.errors import NotFound
from photoplay.flows.parts import ApiParts
from photoplay.store import files
from photoplay.store.files import StoredFile

__all__ = ["serve_file"]

# A link holds 192 random bits, and what it names never changes.
CACHE_S_MAX: Final = 3600


async def serve_file(request: Request, path: str, *, parts: ApiParts) -> Response:
    """Answer GET and HEAD for one file. Raises: NotFound for a file that is not there, not ready, or expired."""
    async with parts.db.connection() as connection:
        # PostgreSQL refuses text with a NUL; no path of ours has one.
        file = None if "\x00" in path else await files.find_ready(connection, path)
    if file is None:
        raise NotFound("There is no such file, or its time is over")
    headers = _headers(path, file)
    known = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    if headers["ETag"] in known or "*" in known:
        return Response(status_code=304, headers=headers)
    span = _requested_span(request, file, etag=headers["ETag"])
    if span is None:
        start, end, status = 0, file.size_bytes, 200
    elif span[0] >= span[1]:
        return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{file.size_bytes}"})
    else:
        (start, end), status = span, 206
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{file.size_bytes}"
    headers["Content-Length"] = str(end - start)
    body = _nothing() if request.method == "HEAD" else parts.files.read(file.path, start=start, end=end)
    return StreamingResponse(body, status_code=status, headers=headers, media_type=file.mime_type)


def _headers(path: str, file: StoredFile) -> dict[str, str]:
    """Everything here is of the link that was asked for: a short one must not tell the lasting one."""
    token, _, name = path.partition("/")
    left_s = int((file.expires_at - clock.now()).total_seconds())
    return {
        "Accept-Ranges": "bytes",
        "ETag": f'"{token}"',
        "Cache-Control": f"private, max-age={max(0, min(CACHE_S_MAX, left_s))}, immutable",
        "X-Content-Type-Options": "nosniff",
        "Content-Disposition": f'inline; filename="{name}"',
        # A file from a stranger must not run as a page of ours.
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }


def _requested_span(request: Request, file: StoredFile, *, etag: str) -> tuple[int, int] | None:
    """Return (start, end) of a single range, end exclusive; None to send the whole file.

    Several ranges, and a range for another version of the file, are answered with the whole: RFC 9110 allows it.
    """
    match = re.fullmatch(r"bytes=(\d{0,15})-(\d{0,15})", request.headers.get("range", ""))
    if match is None or match.group() == "bytes=-" or request.headers.get("if-range", etag) != etag:
        return None
    first, last = match.groups()
    if not first:
        return max(0, file.size_bytes - int(last)), file.size_bytes
    end = min(int(last) + 1, file.size_bytes) if last else file.size_bytes
    if last and int(last) < int(first):
        return None
    return int(first), end


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""

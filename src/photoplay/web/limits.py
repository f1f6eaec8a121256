"""Bounds what a client can make us read: a head of so many bytes, a body of so many, within so long, of one length.

A plain ASGI middleware.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from photoplay.domain.errors import BodyTooLarge, BodyTooSlow
from photoplay.flows.upload import UPLOAD_BYTES_MAX
from photoplay.web.wire import envelope

__all__ = ["HEAD_BYTES_MAX", "BodyLimits", "Limit"]

_MIB: Final = 1024 * 1024
HEAD_BYTES_MAX: Final = 32 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    bytes_max: int
    within_s: float


JSON: Final = Limit(bytes_max=_MIB, within_s=10.0)
# What is no task's input is small; who has no key yet sends a key or a link.
_SMALL: Final = Limit(bytes_max=64 * 1024, within_s=10.0)
_BY_PATH: Final = {
    "/api/v1/session": Limit(bytes_max=4 * 1024, within_s=10.0),
    "/api/file-stream-upload": Limit(bytes_max=UPLOAD_BYTES_MAX, within_s=300.0),
    # The largest picture of any card, 10 MiB, as base64 and a little more. It is held in memory several times over.
    "/api/file-base64-upload": Limit(bytes_max=16 * _MIB, within_s=60.0),
}


_SMALL_BELOW: Final = ("/api/v1/account/", "/api/v1/admin/", "/api/v1/jobs/callbacks/")


def _limit_of(path: str, default: Limit) -> Limit:
    return _BY_PATH.get(path) or (_SMALL if path.startswith(_SMALL_BELOW) else default)


class BodyLimits:
    """Raises BodyTooLarge or BodyTooSlow where the app reads its body.

    Answers itself what has too large a head, or two lengths.
    """

    def __init__(self, app: ASGIApp, *, json: Limit = JSON) -> None:
        self._app = app
        self._json = json

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Source: the ASGI specification, HTTP receive events; RFC 9112 section 6.1, 6.3 (two lengths)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif _head_bytes(scope) > HEAD_BYTES_MAX:
            # The parser counts while a head is not complete, and not what came at once.
            await _refusal(f"its head is larger than {HEAD_BYTES_MAX} bytes")(scope, receive, send)
        elif {b"content-length", b"transfer-encoding"} <= {name for name, _ in scope["headers"]}:
            # A proxy in front may believe the other one, and see a second request in the rest.
            await _refusal("it has both Content-Length and Transfer-Encoding")(scope, receive, send)
        else:
            await self._app(scope, _bounded(receive, _limit_of(str(scope["path"]), self._json)), send)


def _head_bytes(scope: Scope) -> int:
    """Return how long the head is, less its method and version."""
    fields = sum(len(name) + len(value) + len(": \r\n") for name, value in scope["headers"])
    return len(scope.get("raw_path") or b"") + len(scope.get("query_string") or b"") + fields


def _refusal(problem: str) -> JSONResponse:
    text = f"The request cannot be read: {problem}"
    return JSONResponse(envelope(400, text, None), status_code=400, headers={"Connection": "close"})


def _bounded(receive: Receive, limit: Limit) -> Receive:
    read_bytes, is_complete = 0, False
    ends_at = asyncio.get_running_loop().time() + limit.within_s

    async def bounded() -> Message:
        nonlocal read_bytes, is_complete
        if is_complete:
            # What follows the body is the wait for a disconnect, which may take as long as it likes.
            return await receive()
        try:
            async with asyncio.timeout_at(ends_at):
                message = await receive()
        except TimeoutError as exc:
            raise BodyTooSlow(f"The body did not arrive within {limit.within_s:.0f} s") from exc
        read_bytes += len(message.get("body", b""))
        if read_bytes > limit.bytes_max:
            raise BodyTooLarge(f"The body is larger than {limit.bytes_max} bytes")
        is_complete = not message.get("more_body", False)
        return message

    return bounded

"""Bounds what a client can make us read: so many bytes, within so long. A plain ASGI middleware."""

import asyncio
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from photoplay.domain.errors import BodyTooLarge, BodyTooSlow

__all__ = ["BodyLimits"]

JSON_BYTES_MAX: Final = 1024 * 1024
JSON_DEADLINE_S: Final = 10.0
UPLOAD_BYTES_MAX: Final = 100 * 1024 * 1024
UPLOAD_DEADLINE_S: Final = 300.0
UPLOAD_PREFIX: Final = "/api/file-"


class BodyLimits:
    """Raises BodyTooLarge or BodyTooSlow where the app reads its body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Source: the ASGI specification, HTTP receive events."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_upload = str(scope["path"]).startswith(UPLOAD_PREFIX)
        bytes_max = UPLOAD_BYTES_MAX if is_upload else JSON_BYTES_MAX
        deadline_s = UPLOAD_DEADLINE_S if is_upload else JSON_DEADLINE_S
        await self._app(scope, _bounded(receive, bytes_max=bytes_max, deadline_s=deadline_s), send)


def _bounded(receive: Receive, *, bytes_max: int, deadline_s: float) -> Receive:
    read_bytes, is_complete = 0, False
    ends_at = asyncio.get_running_loop().time() + deadline_s

    async def bounded() -> Message:
        nonlocal read_bytes, is_complete
        if is_complete:
            # What follows the body is the wait for a disconnect, which may take as long as it likes.
            return await receive()
        try:
            async with asyncio.timeout_at(ends_at):
                message = await receive()
        except TimeoutError as exc:
            raise BodyTooSlow(f"The body did not arrive within {deadline_s:.0f} s") from exc
        read_bytes += len(message.get("body", b""))
        if read_bytes > bytes_max:
            raise BodyTooLarge(f"The body is larger than {bytes_max} bytes")
        is_complete = not message.get("more_body", False)
        return message

    return bounded

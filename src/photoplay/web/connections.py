"""Connections that are slow, half open or idle are cut. uvicorn's own protocol waits for them without end.

Source: RFC 9112 section 9.5 (a server may close an idle or slow connection).
"""

import asyncio
from typing import Any, ClassVar, Final

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from photoplay.web.limits import HEAD_BYTES_MAX
from photoplay.web.wire import dump, envelope

__all__ = ["IDLE_S", "TimedProtocol", "limit_connections"]

# The contract of the front: a head is here within 10 s, and a connection may be idle for 60 s between two requests.
HEAD_S: Final = 10.0
IDLE_S: Final = 60
# A reader that takes less than a write buffer in this time (64 KiB) is gone, or means harm.
STALLED_S: Final = 60.0
# Left of the descriptors for the database, files, and the way out.
DESCRIPTORS_KEPT: Final = 256


class TimedProtocol(H11Protocol):
    """One connection, always within a deadline unless a request of it is being worked on.

    Bodies have their deadline in `web/limits.py`, where they are read. One timer a connection: whatever it runs out
    on, the transport is aborted, because a close would wait for a reader that does not read.
    """

    head_s: ClassVar[float] = HEAD_S
    idle_s: ClassVar[float] = IDLE_S
    stalled_s: ClassVar[float] = STALLED_S
    connections_max: ClassVar[int | None] = None

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._timer: asyncio.TimerHandle | None = None
        self._is_reading_head = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()
        if self.connections_max is not None and len(self.connections) > self.connections_max:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._cut_after(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._is_working():
            self._is_reading_head = False
            self._cut_after(None)
        elif not self._is_reading_head:
            # The next head begins, or the rest of a body that nobody read: neither may drip for ever.
            self._await_head()

    def on_response_complete(self) -> None:
        self._is_reading_head = False
        self._cut_after(self.idle_s)
        super().on_response_complete()
        if self._is_working():
            # The next request of a pipeline was here already.
            self._cut_after(None)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._cut_after(self.stalled_s)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._cut_after(None if self._is_working() else self.idle_s)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the signature is uvicorn's
        self._cut_after(self.head_s)
        if self.conn.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            # An answer is under way already: it cannot be taken back.
            self.transport.abort()
            return
        text = f"The request cannot be read: it is not HTTP/1.1, or its head is larger than {HEAD_BYTES_MAX} bytes"
        body = dump(envelope(400, text, None)).encode()
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"}
        head = h11.Response(status_code=400, reason=b"Bad Request", headers=list(headers.items()))
        for event in (head, h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _is_working(self) -> bool:
        return bool(self.cycle) and not self.cycle.response_complete

    def _await_head(self) -> None:
        self._is_reading_head = True
        self._cut_after(self.head_s)

    def _cut_after(self, seconds: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if seconds is None else self.loop.call_later(seconds, self.transport.abort)


def limit_connections(descriptors: int) -> type[TimedProtocol]:
    """Return the protocol for a process of so many descriptors: who comes when they are used up is sent away."""
    return type("LimitedProtocol", (TimedProtocol,), {"connections_max": max(1, descriptors - DESCRIPTORS_KEPT)})

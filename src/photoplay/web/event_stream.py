"""Server-sent events over one answer that does not end by itself.

Source: WHATWG HTML, server-sent events, https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import structlog
from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, format_sse_event
from starlette.responses import StreamingResponse

from photoplay.domain.errors import AppError
from photoplay.domain.json import JsonValue
from photoplay.web.wire import dump

__all__ = ["KEEP_ALIVE_S", "Event", "event_stream"]

log = structlog.get_logger()

# What the specification suggests: proxies close connections on which nothing is said for longer.
KEEP_ALIVE_S: Final = 15.0
RECONNECT_MS: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    id: str
    """What a client that lost its connection sends back as `Last-Event-ID`."""
    name: str
    data: JsonValue


def event_stream(
    events: AsyncIterable[Event | None], *, require_reader: Callable[[], Awaitable[object]]
) -> StreamingResponse:
    """Answer with events as they come; None stands for silence and is sent as a comment, every KEEP_ALIVE_S at most.

    `require_reader` is asked before each: a key that was revoked meanwhile hears no more. An error ends the stream
    without a word, as a lost connection would: the client comes back with `Last-Event-ID`.
    """
    frames = _frames(events, require_reader)
    # The second header is nginx's: it would keep small pieces back.
    return EventSourceResponse(frames, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})


async def _frames(
    events: AsyncIterable[Event | None], require_reader: Callable[[], Awaitable[object]]
) -> AsyncGenerator[bytes]:
    # At once, so that the client knows that it is connected.
    yield format_sse_event(retry=RECONNECT_MS)
    try:
        async for event in events:
            await require_reader()
            if event is None:
                yield KEEPALIVE_COMMENT
            else:
                yield format_sse_event(data_str=dump(event.data), event=event.name, id=event.id)
    except AppError as exc:
        log.warning("event_stream.ended", error=str(exc))

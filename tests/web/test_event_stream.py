"""Server-sent events as they go over the wire."""

from collections.abc import AsyncGenerator

from photoplay.domain.errors import StoreUnavailable
from photoplay.web.event_stream import Event, event_stream


async def anybody() -> None: ...


async def frames(*events: Event | None | Exception) -> list[bytes]:
    async def source() -> AsyncGenerator[Event | None]:
        for event in events:
            if isinstance(event, Exception):
                raise event
            yield event

    stream = event_stream(source(), require_reader=anybody)
    return [bytes(frame) async for frame in stream.body_iterator]  # pyright: ignore[reportArgumentType]


async def test_a_stream_begins_at_once_and_says_when_to_come_back() -> None:
    assert await frames() == [b"retry: 1000\n\n"]


async def test_an_event_is_named_numbered_and_one_line_of_json() -> None:
    _, frame = await frames(Event(id="7", name="success", data={"text": "two\nlines"}))

    assert frame == b'event: success\ndata: {"text":"two\\nlines"}\nid: 7\n\n'


async def test_silence_is_a_comment() -> None:
    assert (await frames(None))[1] == b": ping\n\n"


async def test_an_error_ends_the_stream_as_a_lost_connection_would() -> None:
    told = await frames(Event(id="1", name="fail", data=None), StoreUnavailable())

    assert len(told) == 2


def test_nobody_on_the_way_keeps_it() -> None:
    async def nothing() -> AsyncGenerator[Event | None]:
        return
        yield

    response = event_stream(nothing(), require_reader=anybody)

    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["cache-control"] == "no-store"

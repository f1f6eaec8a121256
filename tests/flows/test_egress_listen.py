"""WebSockets at servers that the operator named: texts alone are heard, within limits, while somebody speaks."""

import asyncio
from contextlib import aclosing
from itertools import count

import pytest
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, Pong, TextMessage

from hosts import Respond, listener, ok, resets, says, site, then_hangs, upgraded
from photoplay.domain.errors import TargetForbidden, TargetRefused, TargetUnreachable
from photoplay.egress import Deadlines, Egress, HostPort

MIB = 1024 * 1024
SHORT = Deadlines(call_s=0.5, quiet_s=0.3)
GOODBYE = CloseConnection(code=1000)


def tells(*events: Event, heard: list[Event] | None = None, answers_pings: bool = True) -> Respond:
    """A server that takes the upgrade, says all that, and hears the client out."""

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(ConnectionType.SERVER)
        writer.write(upgraded(await reader.readuntil(b"\r\n\r\n")))
        for event in events:
            writer.write(connection.send(event))
            await writer.drain()
        while data := await reader.read(65536):
            connection.receive_data(data)
            for event in connection.events():
                if heard is not None:
                    heard.append(event)
                if isinstance(event, Ping) and answers_pings:
                    writer.write(connection.send(event.response()))

    return respond


async def hear(place: HostPort, *, deadlines: Deadlines | None = None) -> list[str]:
    """Return what a server says, up to its goodbye."""
    async with (
        Egress(allow=frozenset({place}), deadlines=deadlines or Deadlines()) as out,
        aclosing(out.listen(f"http://{place}/ws?clientId=7", field="far")) as texts,
    ):
        return [text async for text in texts]


async def test_texts_come_whole_and_all_else_is_passed_over() -> None:
    heard: list[Event] = []
    said = [
        TextMessage("a"),
        BytesMessage(bytes(3 * MIB)),
        Ping(b"7"),
        TextMessage("é", message_finished=False),
        TextMessage("t", message_finished=False),
        Ping(b"8"),
        TextMessage("é"),
        TextMessage(""),
        GOODBYE,
    ]
    async with listener(tells(*said, heard=heard)) as place:
        assert await hear(place) == ["a", "été", ""]

    assert heard == [Pong(b"7"), Pong(b"8"), CloseConnection(code=1000, reason="")]


async def test_the_request_is_an_upgrade_of_the_path_that_was_asked_for() -> None:
    async with site(says(ok(b""))) as here:
        with pytest.raises(TargetRefused):
            await hear(here.place)

    head = here.heads[0]
    assert head.startswith(b"GET /ws?clientId=7 HTTP/1.1\r\n")
    assert b"\r\nConnection: Upgrade\r\n" in head
    assert b"Sec-WebSocket-Extensions" not in head, "what is compressed may be larger than it looks"


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (TextMessage("x" * (MIB + 1)), "far: a message is larger than 1048576 bytes"),
        (BytesMessage(bytes(16 * MIB + 1)), "far: a message is larger than 16777216 bytes"),
    ],
)
async def test_a_message_over_the_limit_is_refused(event: Event, words: str) -> None:
    async with listener(tells(event, GOODBYE)) as place:
        with pytest.raises(TargetRefused, match=words):
            await hear(place)


async def test_a_message_in_pieces_without_end_is_refused() -> None:
    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(ConnectionType.SERVER)
        writer.write(upgraded(await reader.readuntil(b"\r\n\r\n")))
        for _ in count():
            writer.write(connection.send(TextMessage("x" * 1000, message_finished=False)))
            await writer.drain()

    async with listener(respond) as place:
        with pytest.raises(TargetRefused, match="larger than"):
            await hear(place)


@pytest.mark.parametrize(
    ("respond", "error", "words"),
    [
        (says(b"HTTP/1.1 404 x\r\nContent-Length: 0\r\n\r\n"), TargetRefused, "far: the host answered 404 Not Found"),
        (says(b"HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n"), TargetUnreachable, "far: the host answered 503"),
        (says(upgraded(b"Sec-WebSocket-Key: another")), TargetRefused, "far: the host did not answer the upgrade"),
        (resets(b""), TargetUnreachable, "far: the connection broke off"),
        (then_hangs(), TargetUnreachable, "far: no complete answer within 0.5 s"),
    ],
)
async def test_a_server_that_does_not_take_the_upgrade(respond: Respond, error: type[Exception], words: str) -> None:
    async with site(respond) as here:
        with pytest.raises(error, match=words):
            await hear(here.place, deadlines=SHORT)


async def test_who_is_silent_is_pinged_and_given_up_when_no_answer_comes() -> None:
    heard: list[Event] = []
    async with listener(tells(heard=heard, answers_pings=False)) as place:
        with pytest.raises(TargetUnreachable, match=r"far: nothing was heard for 0\.6 s"):
            await hear(place, deadlines=SHORT)

    assert heard == [Ping(b"")]


async def test_who_answers_pings_is_listened_to() -> None:
    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(ConnectionType.SERVER)
        writer.write(upgraded(await reader.readuntil(b"\r\n\r\n")))
        for _ in range(3):
            connection.receive_data(await reader.read(65536))
            writer.writelines(
                connection.send(event.response()) for event in connection.events() if isinstance(event, Ping)
            )
        writer.write(connection.send(TextMessage("here")) + connection.send(GOODBYE))

    async with listener(respond) as place:
        assert await hear(place, deadlines=SHORT) == ["here"]


@pytest.mark.parametrize("frame", [b"\xff\x00", b"\x81\x01\xff", b"\x80\x00"])
async def test_what_is_no_websocket_is_heard_no_longer(frame: bytes) -> None:
    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        greeting = Connection(ConnectionType.SERVER).send(TextMessage("a"))
        writer.write(upgraded(await reader.readuntil(b"\r\n\r\n")) + greeting + frame)

    async with listener(respond) as place:
        assert await hear(place) == ["a"]


async def test_a_place_that_is_not_public_is_not_listened_to() -> None:
    async with Egress(allow=frozenset()) as out:
        with pytest.raises(TargetForbidden):
            async with aclosing(out.listen("http://127.0.0.1/ws", field="far")) as texts:
                await anext(texts)

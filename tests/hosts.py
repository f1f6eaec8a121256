"""Hosts on loopback that answer as strangers do: in pieces, too slowly, for ever, or not at all."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from wsproto.utilities import generate_accept_token

from photoplay.egress.target import HostPort

LONG_S = 60.0

Respond = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A host of the test's own."""

    place: HostPort
    heads: list[bytes]
    """The head of every request so far."""

    @property
    def url(self) -> str:
        return f"http://{self.place}/"


@asynccontextmanager
async def listener(respond: Respond, *, tls: ssl.SSLContext | None = None) -> AsyncGenerator[HostPort]:
    """A host that answers each connection; leaving waits until every client has hung up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            await respond(reader, writer)
            await writer.drain()
        writer.close()
        with suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.create_task(serve(reader, writer))

    async with asyncio.timeout(LONG_S), asyncio.TaskGroup() as serving:
        server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
        host, port = server.sockets[0].getsockname()
        async with server:
            yield HostPort(host=host, port=port)


@asynccontextmanager
async def site(respond: Respond, *, tls: ssl.SSLContext | None = None) -> AsyncGenerator[Site]:
    heads: list[bytes] = []

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        await respond(reader, writer)

    async with listener(hear, tls=tls) as place:
        yield Site(place=place, heads=heads)


def says(*parts: bytes) -> Respond:
    async def respond(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)

    return respond


def then_hangs(*parts: bytes) -> Respond:
    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await says(*parts)(reader, writer)
        await writer.drain()
        # Ends when the client hangs up, and only then.
        while await reader.read(65536):
            pass

    return respond


def for_ever(start: bytes, piece: bytes) -> Respond:
    async def respond(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while True:
            writer.write(piece)
            await writer.drain()

    return respond


def resets(start: bytes) -> Respond:
    async def respond(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        await writer.drain()
        # Closing with a linger of 0 s sends RST instead of FIN.
        no_linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_linger)
        writer.transport.abort()

    return respond


def ok(body: bytes, *headers: bytes) -> bytes:
    lines = [b"HTTP/1.1 200 OK", b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def upgraded(head: bytes) -> bytes:
    """Take the upgrade to a WebSocket that the head of a request asks for (RFC 6455 section 4.2.2)."""
    key = next(line[19:].strip() for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key: "))
    lines = [
        b"HTTP/1.1 101 Switching Protocols",
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Accept: " + generate_accept_token(key),
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def redirect(location: str, status: int = 302) -> bytes:
    return f"HTTP/1.1 {status} Elsewhere\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()

"""Hosts that take callbacks, over real sockets and with answers byte by byte."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from photoplay.egress import HostPort

LONG_S = 60.0
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nthanks"
BROKEN = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"
GONE = b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n"
BUSY = b"HTTP/1.1 503 Busy\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n"
NONSENSE = b"HTTP/1.1 503 Busy\r\nRetry-After: Wed, 01 Jul 99999999999 0:0:0 GMT\r\nContent-Length: 0\r\n\r\n"
HANGS_UP = b""


@dataclass(frozen=True, slots=True)
class Arrival:
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Receiver:
    """A host that takes callbacks."""

    place: HostPort
    arrivals: list[Arrival] = field(default_factory=list[Arrival])


async def read_request(reader: asyncio.StreamReader) -> Arrival:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {name.lower(): text for name, text in (line.split(": ", 1) for line in head[1:] if line)}
    return Arrival(headers=headers, body=await reader.readexactly(int(headers["content-length"])))


@asynccontextmanager
async def receiver(*answers: bytes) -> AsyncGenerator[Receiver]:
    """Answer each request in turn; the last answer stands for all that follow."""
    left = list(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            here.arrivals.append(await read_request(reader))
            writer.write(left.pop(0) if len(left) > 1 else left[0])
            await writer.drain()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async with asyncio.timeout(LONG_S):
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        here = Receiver(place=HostPort(host=host, port=port))
        async with server:
            yield here

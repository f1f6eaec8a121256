"""Slow, half-open and idle connections, over real sockets: cut, without harm to others."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from photoplay.flows.parts import ApiParts
from photoplay.web.app import build_app
from photoplay.web.connections import TimedProtocol, limit_connections

SHORT_S = 0.2
LONG_S = 60.0
GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
MIB = bytes(1024 * 1024)

App = Callable[..., Awaitable[None]]


class Short(TimedProtocol):
    """Every deadline is short; a test makes those long that it is not about."""

    head_s = idle_s = stalled_s = SHORT_S


@dataclass(frozen=True, slots=True)
class Client:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def ask(self, request: bytes = GET) -> bytes:
        """Send a request and return the whole answer."""
        self.writer.write(request)
        return await self.answer()

    async def answer(self) -> bytes:
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = next(int(line[16:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length: "))
        return head + await self.reader.readexactly(length)

    async def until_cut(self) -> bytes:
        """Return what still comes before the server hangs up."""
        rest = b""
        with suppress(ConnectionError):
            while piece := await self.reader.read(65536):
                rest += piece
        return rest

    async def drip_until_cut(self, text: bytes) -> None:
        """Send one byte after the other, slowly, for as long as it takes."""
        async with asyncio.TaskGroup() as group:
            dripping = group.create_task(self._drip(text))
            await self.until_cut()
            dripping.cancel()

    async def _drip(self, text: bytes) -> None:
        with suppress(ConnectionError):
            for number in range(10**6):
                self.writer.write(text[number % len(text) :][:1])
                await self.writer.drain()
                await asyncio.sleep(SHORT_S / 10)


@asynccontextmanager
async def server(app: App, protocol: type[TimedProtocol]) -> AsyncGenerator[Callable[[], Any]]:
    """Serve an app as `photoplay api` does; yield what opens a connection to it."""
    config = uvicorn.Config(app, lifespan="off", log_config=None, h11_max_incomplete_event_size=32768)
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(lambda: protocol(config, state, {}), "127.0.0.1", 0)
    host, port = listening.sockets[0].getsockname()

    @asynccontextmanager
    async def connect() -> AsyncGenerator[Client]:
        reader, writer = await asyncio.open_connection(host, port, limit=2**21)
        try:
            yield Client(reader, writer)
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async with asyncio.timeout(LONG_S), listening:
        yield connect
        for connection in list(state.connections):
            connection.transport.abort()


async def answers_at_once(_scope: Any, _receive: Any, send: Any) -> None:
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.mark.parametrize("text", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\n"])
async def test_a_head_that_stops_is_cut(text: bytes) -> None:
    async with server(answers_at_once, Short) as connect, connect() as client:
        client.writer.write(text)

        assert await client.until_cut() == b""


@pytest.mark.parametrize("start", [b"", GET], ids=["first", "after an answer"])
async def test_a_head_that_drips_is_cut(start: bytes) -> None:
    class Patient(Short):
        idle_s = LONG_S

    async with server(answers_at_once, Patient) as connect, connect() as client:
        if start:
            await client.ask(start)
        await client.drip_until_cut(b"X-Slow: yes\r\n")


async def test_an_idle_connection_is_cut() -> None:
    class Patient(Short):
        head_s = LONG_S

    async with server(answers_at_once, Patient) as connect, connect() as client:
        await client.ask()

        assert await client.until_cut() == b""


async def test_a_body_that_nobody_reads_may_not_drip_for_ever() -> None:
    class Patient(Short):
        idle_s = LONG_S

    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
    async with server(answers_at_once, Patient) as connect, connect() as client:
        await client.ask(head)
        await client.drip_until_cut(b"x")


async def test_a_reader_that_does_not_read_is_cut() -> None:
    gone = asyncio.Event()

    async def endless(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        async with asyncio.TaskGroup() as group:
            writing = group.create_task(write(send))
            await receive()
            gone.set()
            writing.cancel()

    async def write(send: Any) -> None:
        while True:
            await send({"type": "http.response.body", "body": MIB, "more_body": True})
            await asyncio.sleep(0)

    async with server(endless, Short) as connect, connect() as client:
        client.writer.write(GET)
        await gone.wait()


async def test_work_that_takes_longer_than_any_deadline_is_not_cut() -> None:
    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(3 * SHORT_S)
        await answers_at_once(scope, receive, send)

    async with server(slow, Short) as connect, connect() as client:
        answers = [await client.ask() for _ in range(2)]

    assert [answer[-2:] for answer in answers] == [b"ok", b"ok"]


async def test_a_pipeline_is_answered_in_order() -> None:
    async with server(answers_at_once, Short) as connect, connect() as client:
        client.writer.write(GET * 3)

        assert [(await client.answer())[-2:] for _ in range(3)] == [b"ok"] * 3


async def test_slow_clients_keep_nobody_waiting() -> None:
    class Patient(Short):
        head_s = LONG_S

    async with server(answers_at_once, Patient) as connect, connect() as slow, connect() as quick:
        slow.writer.write(b"GET / HT")

        assert (await quick.ask())[-2:] == b"ok"


async def test_who_comes_when_all_places_are_taken_is_sent_away() -> None:
    limited = limit_connections(258)
    async with server(answers_at_once, limited) as connect, connect() as first, connect() as second:
        await first.ask()
        await second.ask()
        async with connect() as third:
            assert await third.until_cut() == b""
        first.writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        await first.until_cut()
        async with connect() as fourth:
            assert (await fourth.ask())[-2:] == b"ok"


@pytest.mark.parametrize(
    "request_",
    [
        b"NONSENSE\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Large: " + b"x" * 33000,
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: a\r\n b\x00\r\n\r\n",
    ],
    ids=["no HTTP", "no host", "large head", "two lengths", "unknown coding", "NUL"],
)
async def test_what_is_no_request_is_refused_and_cut(request_: bytes) -> None:
    async with server(answers_at_once, Short) as connect, connect() as client:
        client.writer.write(request_)
        answer = await client.until_cut()

    assert answer == b"" or answer.split(b" ")[1] in {b"400", b"501"}


@pytest.mark.parametrize("size", [33_000, 100_000])
@pytest.mark.parametrize("end", [b"\r\n\r\n", b""], ids=["whole", "without end"])
async def test_a_head_over_32_kib_is_refused_in_the_envelope(size: int, end: bytes, parts: ApiParts) -> None:
    async with server(build_app(parts, http_status="ok"), TimedProtocol) as connect, connect() as client:
        client.writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Large: " + b"x" * size + end)
        answer = await client.until_cut()

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"code":400,' in answer
    assert b"its head is larger than 32768 bytes" in answer


@pytest.mark.parametrize("part", ["path", "query", "header", "headers"])
async def test_every_part_of_a_head_counts(part: str, parts: ApiParts) -> None:
    long = b"x" * 32_700
    path = {"path": b"/" + long, "query": b"/healthz?" + long}.get(part, b"/healthz")
    headers = {"header": b"X: " + long + b"\r\n", "headers": b"X: y\r\n" * 5450}.get(part, b"")
    async with server(build_app(parts, http_status="mirror"), TimedProtocol) as connect, connect() as client:
        enough = await client.ask(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\n")
        more = await client.ask(
            b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nY: " + b"y" * 99 + b"\r\n" + headers + b"\r\n"
        )

    assert b"its head" not in enough
    assert b"its head is larger than 32768 bytes" in more


SMUGGLED = (
    b"POST /api/v1/jobs/createTask HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"0\r\n\r\n" + GET
)


async def test_a_request_behind_two_lengths_is_not_answered(parts: ApiParts) -> None:
    async with server(build_app(parts, http_status="ok"), TimedProtocol) as connect, connect() as client:
        client.writer.write(SMUGGLED)
        answer = await client.until_cut()

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"it has both Content-Length and Transfer-Encoding" in answer


@pytest.mark.parametrize("method", [b"FOO", b"OPTIONS", b"TRACE", b"CONNECT"])
async def test_an_unknown_method_is_answered_in_the_envelope(method: bytes, parts: ApiParts) -> None:
    async with server(build_app(parts, http_status="mirror"), TimedProtocol) as connect, connect() as client:
        answer = await client.ask(method + b" /api/v1/chat/credit HTTP/1.1\r\nHost: x\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 405 ")
    assert b'"data":null' in answer

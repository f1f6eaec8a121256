"""Hosts that mean no good, from the create to the end of the task: bounded, named exactly, and paid back."""

import asyncio
import gzip
import re
import struct
import zlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from hosts import Respond, for_ever, ok, redirect, resets, says, site, then_hangs
from photoplay.domain.tasks import State, Task
from photoplay.egress import Deadlines, Egress
from photoplay.egress.limits import DEADLINES
from photoplay.engines.runner import ChildLimits, EnginePool
from photoplay.flows.execute import execute
from photoplay.flows.parts import ApiParts, WorkerParts
from photoplay.flows.submit import submit
from photoplay.store.accounts import Caller
from scenes import balances, read, submission

IMAGE_BYTES_MAX = 10 * 1024 * 1024
# What may lie in the buffers of two sockets when the reader hangs up.
IN_FLIGHT_BYTES = 12 * 1024 * 1024
GAVE_UP = r" \(gave up after 3 attempts\)"


def picture(kind: str, size: tuple[int, int] = (64, 48)) -> bytes:
    out = BytesIO()
    Image.new("RGB", size, "teal").save(out, kind)
    return out.getvalue()


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_of(width: int, height: int, *chunks: bytes) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + chunk(b"IEND", b"")


def drips(start: bytes) -> Respond:
    async def respond(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)

    return respond


ENDLESS = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\n"
LONG_TEXT = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(50_000_000), 9))
TOO_SLOW = "image_url: no complete answer within 1 s" + GAVE_UP
TOO_LARGE = r"image_url: larger than 10485760 bytes \(10 MB\)"
NO_PICTURE = "image_url: the file is not a JPEG, PNG or WebP picture"

HOSTS: dict[str, tuple[Respond, str]] = {
    "endless": (for_ever(ENDLESS, bytes(65536)), TOO_LARGE),
    "drips": (drips(ENDLESS), TOO_SLOW),
    "drips a head": (drips(b"HTTP/1.1 200 OK\r\nX-A: "), TOO_SLOW),
    "never answers": (then_hangs(), TOO_SLOW),
    "resets": (resets(ENDLESS), "image_url: the connection broke off" + GAVE_UP),
    "promises more than it sends": (
        says(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n\xff\xd8\xff"),
        "image_url: the answer is not complete and correct HTTP" + GAVE_UP,
    ),
    "promises less than it sends": (
        says(b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n" + picture("PNG")),
        "image_url: the PNG is broken or truncated",
    ),
    "promises too much": (says(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"), TOO_LARGE),
    "gzip bomb, told": (
        says(ok(gzip.compress(bytes(10**8)), b"Content-Encoding: gzip")),
        "image_url: the host sent a content encoding although none was asked for",
    ),
    "gzip bomb, untold": (says(ok(gzip.compress(bytes(10**8)))), NO_PICTURE),
    "redirects for ever": (says(redirect("/again")), "image_url: more than 3 redirects"),
    "redirects inside": (
        says(redirect("http://169.254.169.254/latest/meta-data/")),
        "image_url: the redirect: the address is not public",
    ),
    "not found": (says(b"HTTP/1.1 404 x\r\n\r\n"), "image_url: the host answered 404 Not Found"),
    "a page": (says(ok(b"<!doctype html>", b"Content-Type: image/png")), NO_PICTURE),
    "a drawing": (says(ok(b"<svg xmlns='http://www.w3.org/2000/svg'/>")), NO_PICTURE),
    "a gif": (says(ok(picture("GIF"))), NO_PICTURE),
    "a tiff": (says(ok(picture("TIFF"))), NO_PICTURE),
    "nothing": (says(ok(b"")), NO_PICTURE),
    "a page that begins like a picture": (
        says(ok(b"\xff\xd8\xff<html><script>alert(1)</script>")),
        "image_url: the JPEG is broken or truncated",
    ),
    "a cut picture": (says(ok(picture("JPEG")[:-30])), "image_url: the JPEG is broken or truncated"),
    "a tiny picture": (
        says(ok(picture("PNG", (8, 8)))),
        "image_url: 8 x 8 px is under the minimum of 16 px a side",
    ),
    "a picture of a gigapixel": (
        says(ok(png_of(8000, 8000))),
        "image_url: 8000 x 8000 px is over the limit of 40 megapixels",
    ),
    "a picture with a text of 50 MB": (
        says(ok(png_of(64, 48, LONG_TEXT))),
        "image_url: the PNG is broken or truncated",
    ),
}

Story = Callable[[Respond, Deadlines], Awaitable[Task]]


@dataclass
class Counted:
    """A host, and how many bytes of it were taken."""

    respond: Respond
    sent_bytes: int = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        write: Any = writer.write

        def counting(data: bytes) -> None:
            self.sent_bytes += len(data)
            write(data)

        writer.write = counting  # pyright: ignore[reportAttributeAccessIssue] - watches what the host sends
        await self.respond(reader, writer)


@pytest.fixture
async def story(parts: ApiParts, worker: WorkerParts, caller: Caller) -> AsyncGenerator[Story]:
    """Run a task whose picture lies at a host to its end."""
    pool = EnginePool("camera", size=1, limits=ChildLimits())

    async def run(respond: Respond, deadlines: Deadlines) -> Task:
        async with site(respond) as here, Egress(allow=frozenset({here.place}), deadlines=deadlines) as out:
            asked = submission(image_url=f"{here.url}photo.jpg?key=secret")
            task_id = await submit(asked, caller=caller, parts=replace(parts, egress=out))
            while (task := await read(task_id, db=parts.db)).finished_at is None:
                await execute(task.engine, parts=replace(worker, egress=out, engines={"camera": pool}))
            return task

    try:
        yield run
    finally:
        await pool.stop(timedelta(0))


@pytest.mark.parametrize(("respond", "message"), HOSTS.values(), ids=HOSTS)
async def test_a_hostile_host_ends_its_task_and_costs_nothing(
    respond: Respond, message: str, story: Story, parts: ApiParts
) -> None:
    host = Counted(respond)

    task = await story(host, Deadlines(fetch_s=1) if message is TOO_SLOW else DEADLINES)

    assert task.state is State.FAILED
    assert task.failure is not None
    assert task.failure.code == "422"
    assert re.fullmatch(message, task.failure.message), task.failure.message
    assert await balances(parts.db) == (1000, 0)
    assert task.charged_credits == 0
    assert host.sent_bytes <= IMAGE_BYTES_MAX + IN_FLIGHT_BYTES
    assert left_in(parts.work_dir) == []


def left_in(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*")]

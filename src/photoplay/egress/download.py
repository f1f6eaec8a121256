"""One answer's body to one file, within limits. It reads what it is given and never connects."""

import asyncio
from collections.abc import Generator
from contextlib import aclosing, contextmanager
from http import HTTPStatus
from http.client import responses
from io import BufferedWriter
from pathlib import Path
from typing import Final

import httpcore2

from photoplay.domain.errors import TargetRefused, TargetUnreachable

__all__ = ["header", "not_as_asked", "save"]

# RFC 9110 and RFC 8470: too slow, too early, too many. The same request may succeed later, as after any 5xx.
_WORTH_ANOTHER_ATTEMPT: Final = frozenset({408, 425, 429})
# Handing over to a thread costs as much as writing some 100 KiB.
_WRITE_BYTES: Final = 256 * 1024
# Parsing costs about 10 µs a piece: a body in one-byte chunks would hold the event loop for minutes.
# No server of pictures cuts smaller than this on average; slow starts are free.
_PIECE_BYTES_MIN: Final = 256
_PIECES_FREE: Final = 1024
_MIB: Final = 1024 * 1024


def header(response: httpcore2.Response, name: bytes) -> str | None:
    """Return the first header of this lower-case name."""
    return next((value.decode("latin-1") for key, value in response.headers if key.lower() == name), None)


async def save(response: httpcore2.Response, target: Path, *, bytes_max: int) -> int:
    """Write the body of a plain 200 to disk and return its size in bytes.

    Raises: TargetRefused or TargetUnreachable by status; TargetRefused when it is encoded, larger than the limit,
    or cut into too small pieces. Nothing is left behind.
    """
    _refuse_unless_plain(response, bytes_max=bytes_max)
    size_bytes = pieces = 0
    waiting = bytearray()
    with _part_file(target) as file:
        async with aclosing(response.aiter_stream()) as stream:
            async for piece in stream:
                size_bytes += len(piece)
                pieces += 1
                if size_bytes > bytes_max:
                    raise TargetRefused(_too_large(bytes_max))
                if pieces > _PIECES_FREE + size_bytes // _PIECE_BYTES_MIN:
                    raise TargetRefused("the host sends the body in too small pieces")
                waiting += piece
                if len(waiting) >= _WRITE_BYTES:
                    await asyncio.to_thread(file.write, bytes(waiting))
                    waiting.clear()
        await asyncio.to_thread(file.write, bytes(waiting))
    return size_bytes


def not_as_asked(status: int) -> TargetRefused | TargetUnreachable:
    """Say what an answer of another status than the one asked for means."""
    # The phrase is ours: the one on the wire is the stranger's text.
    words = f"the host answered {status} {responses.get(status, '')}".rstrip()
    transient = status >= 500 or status in _WORTH_ANOTHER_ATTEMPT
    return (TargetUnreachable if transient else TargetRefused)(words)


def _refuse_unless_plain(response: httpcore2.Response, *, bytes_max: int) -> None:
    if response.status != HTTPStatus.OK:
        raise not_as_asked(response.status)
    if (header(response, b"content-encoding") or "identity").lower() != "identity":
        raise TargetRefused("the host sent a content encoding although none was asked for")
    length = header(response, b"content-length")
    if length is not None and int(length) > bytes_max:
        raise TargetRefused(_too_large(bytes_max))


def _too_large(bytes_max: int) -> str:
    return f"larger than {bytes_max} bytes" + ("" if bytes_max % _MIB else f" ({bytes_max // _MIB} MB)")


@contextmanager
def _part_file(target: Path) -> Generator[BufferedWriter]:
    """Open `<target>.part`; rename it at the end, remove it on any failure.

    Buffered on purpose: its lock makes closing wait for a write that a cancelled fetch left in a thread.
    """
    part = target.with_name(f"{target.name}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise

"""What the other side said, to a callback or to a call, and how much of it is read."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Final

import httpcore2

from photoplay.domain.errors import TargetRefused

__all__ = ["Answer", "Reply", "read_head", "read_whole", "without_key"]

# The contract's limit on a callback's answer.
_ANSWER_BYTES_MAX: Final = 64 * 1024
_ANSWER_HEAD_BYTES: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the other side said to a POST."""

    status: int
    """Any status, redirects too: nothing was followed."""
    retry_after: str | None
    """The header as it stands, cut to 128 characters. None when it was not sent."""
    location: str | None
    """Where a redirect points, cut to 200 characters. None for every other answer."""
    head: bytes
    """The body's first 1024 bytes, or fewer when it ended or broke off earlier."""
    size_bytes: int
    """How much of the body was read, at most some 64 KiB."""
    duration_ms: int
    """From the look-up to the last byte read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a server that the operator named said, whole."""

    status: int
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes


async def read_head(response: httpcore2.Response, head: bytearray) -> AsyncGenerator[int]:
    """Keep the beginning of a callback's answer, and yield the size of each piece as it is read, to some 64 KiB."""
    read_bytes = 0
    async with aclosing(response.aiter_stream()) as stream:
        async for piece in stream:
            read_bytes += len(piece)
            head += piece[: _ANSWER_HEAD_BYTES - len(head)]
            yield len(piece)
            if read_bytes >= _ANSWER_BYTES_MAX:
                return


async def read_whole(response: httpcore2.Response, *, bytes_max: int) -> Reply:
    """Raises: TargetRefused if it is larger."""
    body = bytearray()
    async with aclosing(response.aiter_stream()) as stream:
        async for piece in stream:
            body += piece
            if len(body) > bytes_max:
                raise TargetRefused(f"the answer is larger than {bytes_max} bytes")
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
    return Reply(status=response.status, headers=headers, body=bytes(body))


def without_key(reply: Reply, headers: Mapping[str, str]) -> Reply:
    """Take the key that was sent with a question out of its answer."""
    key = headers.get("Authorization", "").removeprefix("Bearer ").encode()
    return replace(reply, body=reply.body.replace(key, b"[key]")) if key else reply

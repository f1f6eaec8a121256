"""How much of a body is read, and for how long."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from photoplay.domain.errors import BodyTooLarge, BodyTooSlow
from photoplay.flows.parts import ApiParts
from photoplay.web.app import build_app
from photoplay.web.limits import BodyLimits, Limit

SCOPE: Scope = {"type": "http", "path": "/api/x", "headers": [], "method": "POST"}


async def reads_all(_scope: Scope, receive: Receive, _send: Send) -> None:
    while (await receive()).get("more_body"):
        pass


async def unanswered(_message: Message) -> None:
    raise AssertionError("this app answers nothing")


def limited(*, bytes_max: int = 100, within_s: float = 10.0) -> BodyLimits:
    return BodyLimits(reads_all, json=Limit(bytes_max=bytes_max, within_s=within_s))


def pieces(*sizes: int) -> Receive:
    left: Iterator[Message] = iter(
        [{"type": "http.request", "body": bytes(size), "more_body": True} for size in sizes]
        + [{"type": "http.request", "body": b"", "more_body": False}]
    )

    async def receive() -> Message:
        return next(left)

    return receive


async def drips() -> Message:
    await asyncio.sleep(0.01)
    return {"type": "http.request", "body": b"", "more_body": True}


async def hangs() -> Message:
    return await asyncio.get_running_loop().create_future()


async def test_a_body_up_to_the_limit_is_read() -> None:
    await limited()(SCOPE, pieces(60, 40), unanswered)


async def test_a_body_beyond_the_limit_is_not() -> None:
    with pytest.raises(BodyTooLarge, match="The body is larger than 100 bytes"):
        await limited()(SCOPE, pieces(60, 41), unanswered)


@pytest.mark.parametrize(
    ("path", "bytes_max"), [("/api/v1/session", 4096), ("/api/v1/account/keys", 65536), ("/api/v1/admin/mode", 65536)]
)
async def test_a_body_that_is_no_tasks_input_is_small(path: str, bytes_max: int) -> None:
    limits = BodyLimits(reads_all)
    await limits({**SCOPE, "path": path}, pieces(bytes_max), unanswered)

    with pytest.raises(BodyTooLarge, match=f"{bytes_max}"):
        await limits({**SCOPE, "path": path}, pieces(bytes_max + 1), unanswered)


@pytest.mark.parametrize("receive", [drips, hangs], ids=["drips", "hangs"])
async def test_a_body_that_takes_too_long_is_given_up(receive: Any) -> None:
    with pytest.raises(BodyTooSlow, match="The body did not arrive within 0 s"):
        await limited(within_s=0.1)(SCOPE, receive, unanswered)


async def test_a_connection_whose_body_was_given_up_ends(parts: ApiParts) -> None:
    app = build_app(parts, http_status="mirror")
    sent: list[Message] = []

    async def collect(message: Message) -> None:
        sent.append(message)

    async def too_slow() -> Message:
        raise BodyTooSlow("The body did not arrive within 10 s")

    headers = [(b"content-type", b"application/json")]
    path = "/api/v1/models/photoplay/camera-image-to-video/price"
    scope = {**SCOPE, "path": path, "raw_path": path.encode(), "headers": headers, "query_string": b"", "root_path": ""}
    await app(scope, too_slow, collect)

    assert sent[0]["status"] == 408
    assert (b"connection", b"close") in sent[0]["headers"]

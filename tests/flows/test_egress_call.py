"""Calls to servers that the operator named: the whole answer, and whether the request may have arrived."""

import asyncio
from pathlib import Path

import pytest

from crash.servers import free_port
from hosts import Respond, ok, redirect, resets, says, site, then_hangs
from photoplay.domain.errors import TargetForbidden, TargetRefused, TargetUnreachable
from photoplay.egress import Deadlines, Egress, HostPort

BEARER = {"Authorization": "Bearer secret"}


async def test_an_answer_comes_whole_whatever_its_status() -> None:
    async with (
        site(says(b"HTTP/1.1 418 Teapot\r\nX-Job: 7\r\nContent-Length: 2\r\n\r\n{}")) as here,
        Egress(allow=frozenset({here.place})) as out,
    ):
        reply = await out.call("PUT", here.url + "jobs?x=1", field="far", headers=BEARER, body=b"[]")

    assert (reply.status, reply.headers["x-job"], reply.body) == (418, "7", b"{}")
    assert here.heads[0].startswith(b"PUT /jobs?x=1 HTTP/1.1\r\n")
    assert b"Authorization: Bearer secret\r\n" in here.heads[0]


async def test_a_redirect_is_an_answer_like_any_other() -> None:
    async with site(says(redirect("http://127.0.0.1:9/"))) as here, Egress(allow=frozenset({here.place})) as out:
        assert (await out.call("GET", here.url, field="far")).status == 302


async def test_an_answer_over_the_limit_is_refused() -> None:
    async with site(says(ok(bytes(11)))) as here, Egress(allow=frozenset({here.place})) as out:
        with pytest.raises(TargetRefused, match="far: the answer is larger than 10 bytes"):
            await out.call("GET", here.url, field="far", bytes_max=10)


@pytest.mark.parametrize(
    "respond",
    [resets(b""), resets(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"), says(b"SSH-2.0\r\n"), then_hangs()],
)
async def test_what_breaks_off_after_the_request_may_have_arrived(respond: Respond) -> None:
    deadlines = Deadlines(call_s=0.5)
    async with site(respond) as here, Egress(allow=frozenset({here.place}), deadlines=deadlines) as out:
        with pytest.raises(TargetUnreachable, match="far: ") as caught:
            await out.call("POST", here.url, field="far", body=b"order")

    assert caught.value.may_have_arrived


async def test_who_answers_when_its_work_is_done_can_be_given_longer() -> None:
    async def respond(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        done = asyncio.Event()
        asyncio.get_running_loop().call_later(0.5, done.set)
        await done.wait()
        writer.write(ok(b"clip"))

    async with site(respond) as here, Egress(allow=frozenset({here.place}), deadlines=Deadlines(call_s=0.1)) as out:
        assert (await out.call("PUT", here.url, field="far", within_s=8)).body == b"clip"


async def test_what_found_no_connection_has_not_arrived() -> None:
    nobody = HostPort(host="127.0.0.1", port=free_port())
    async with Egress(allow=frozenset({nobody})) as out:
        with pytest.raises(TargetUnreachable, match="far: the connection was refused") as caught:
            await out.call("POST", f"http://{nobody}/", field="far", body=b"order")

    assert not caught.value.may_have_arrived


async def test_a_place_that_nobody_named_is_forbidden() -> None:
    async with site(says(ok(b""))) as here, Egress(allow=frozenset()) as out:
        with pytest.raises(TargetForbidden, match="far: "):
            await out.call("GET", here.url.replace(f":{here.place.port}", ""), field="far")

    assert here.heads == []


async def test_a_key_that_the_answer_repeats_is_taken_out() -> None:
    words = b'{"error": "secret is no key of ours"}'
    async with site(says(ok(words))) as here, Egress(allow=frozenset({here.place})) as out:
        reply = await out.call("GET", here.url, field="far", headers=BEARER)

    assert reply.body == b'{"error": "[key] is no key of ours"}'


async def test_a_redirect_elsewhere_does_not_learn_the_key(tmp_path: Path) -> None:
    async with (
        site(says(ok(b"clip"))) as elsewhere,
        site(says(redirect(elsewhere.url))) as here,
        Egress(allow=frozenset({here.place, elsewhere.place})) as out,
    ):
        await out.fetch(here.url, tmp_path / "clip", field="far", bytes_max=10, headers=BEARER)

    assert b"Bearer secret" in here.heads[0]
    assert b"Authorization" not in elsewhere.heads[0]
    assert (tmp_path / "clip").read_bytes() == b"clip"

"""The way out, over real sockets on loopback, against hosts that mean no good."""

import asyncio
import gzip
import shutil
import ssl
import subprocess
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import httpcore2
import pytest

from hosts import LONG_S, Respond, Site, for_ever, listener, ok, redirect, resets, says, site, then_hangs
from photoplay import __version__
from photoplay.domain.errors import InvalidInput, TargetForbidden, TargetRefused, TargetUnreachable
from photoplay.egress.backend import GuardedBackend, SystemResolver
from photoplay.egress.client import Egress
from photoplay.egress.limits import CAPS, DEADLINES, Caps, Deadlines
from photoplay.egress.target import HostPort

BYTES_MAX = 10 * 1024 * 1024
SHORT = Deadlines(fetch_s=0.2, post_s=0.2)


async def unresolved(host: str, _port: int) -> Sequence[str]:
    raise AssertionError(f"{host} must not be looked up")


def answers(*rounds: Sequence[str]) -> Callable[[str, int], Awaitable[Sequence[str]]]:
    left = list(rounds)

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return left.pop(0)

    return resolve


def egress(*sites: Site, deadlines: Deadlines = DEADLINES, caps: Caps = CAPS) -> Egress:
    return Egress(allow=frozenset(site.place for site in sites), resolve=unresolved, deadlines=deadlines, caps=caps)


async def fetch(here: Site, target: Path, *, path: str = "", deadlines: Deadlines = DEADLINES) -> int:
    async with egress(here, deadlines=deadlines) as out:
        fetched = await out.fetch(here.url + path, target, field="image_url", bytes_max=BYTES_MAX)
    assert fetched.path == target
    return fetched.size_bytes


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "still"


def files_beside(target: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in target.parent.iterdir()}


@pytest.mark.parametrize("size", [0, 1, 300_000, BYTES_MAX])
async def test_file_up_to_the_limit_arrives_whole(target: Path, size: int) -> None:
    body = bytes(range(256)) * (size // 256 + 1)
    async with site(says(ok(body[:size]))) as here:
        assert await fetch(here, target) == size

    assert files_beside(target) == {"still": body[:size]}


async def test_request_carries_our_name_and_nothing_else(target: Path) -> None:
    async with site(says(ok(b"x", b"Set-Cookie: a=b"))) as here, egress(here) as out:
        for _ in range(2):
            await out.fetch(here.url + "a?b", target, field="image_url", bytes_max=1)

    expected = [
        "GET /a?b HTTP/1.1",
        f"Host: {here.place}",
        f"User-Agent: Photoplay/{__version__}",
        "Accept: */*",
        "Accept-Encoding: identity",
        "Connection: close",
    ]
    assert here.heads == ["\r\n".join([*expected, "", ""]).encode()] * 2


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (b"HTTP/1.1 404 Whatever <b>\r\n\r\n", TargetRefused, "the host answered 404 Not Found"),
        (b"HTTP/1.1 403 x\r\n\r\n", TargetRefused, "the host answered 403 Forbidden"),
        (b"HTTP/1.1 204 x\r\n\r\n", TargetRefused, "the host answered 204 No Content"),
        (b"HTTP/1.1 302 x\r\n\r\n", TargetRefused, "the host answered 302 Found"),
        (b"HTTP/1.1 500 x\r\n\r\n", TargetUnreachable, "the host answered 500 Internal Server Error"),
        (b"HTTP/1.1 520 x\r\n\r\n", TargetUnreachable, "the host answered 520"),
        (b"HTTP/1.1 408 x\r\n\r\n", TargetUnreachable, "the host answered 408 Request Timeout"),
        (b"HTTP/1.1 425 x\r\n\r\n", TargetUnreachable, "the host answered 425 Too Early"),
        (b"HTTP/1.1 429 x\r\n\r\n", TargetUnreachable, "the host answered 429 Too Many Requests"),
        (b"", TargetUnreachable, "the answer is not complete and correct HTTP"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", TargetUnreachable, "the answer is not complete and correct HTTP"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nshort",
            TargetUnreachable,
            "the answer is not complete and correct HTTP",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
            TargetUnreachable,
            "the answer is not complete and correct HTTP",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 10485761\r\n\r\n",
            TargetRefused,
            "larger than 10485760 bytes (10 MB)",
        ),
        (
            ok(gzip.compress(bytes(10**6)), b"Content-Encoding: gzip"),
            TargetRefused,
            "the host sent a content encoding although none was asked for",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 5000 + b"0\r\n\r\n",
            TargetRefused,
            "the host sends the body in too small pieces",
        ),
    ],
)
async def test_bad_answer_is_named_and_leaves_nothing(
    target: Path, answer: bytes, error: type[Exception], words: str
) -> None:
    async with site(says(answer)) as here:
        with pytest.raises(error) as caught:
            await fetch(here, target)

    assert type(caught.value) is error
    assert str(caught.value) == f"image_url: {words}"
    assert files_beside(target) == {}


@pytest.mark.parametrize(
    "start",
    [
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
    ],
)
async def test_endless_body_is_cut_at_the_limit(target: Path, start: bytes) -> None:
    piece = b"10000\r\n" + bytes(65536) + b"\r\n" if b"chunked" in start else bytes(65536)
    async with site(for_ever(start, piece)) as here:
        with pytest.raises(TargetRefused, match="larger than 10485760 bytes"):
            await fetch(here, target)

    assert files_beside(target) == {}


async def test_body_ends_where_its_length_says(target: Path) -> None:
    async with site(for_ever(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", bytes(65536))) as here:
        assert await fetch(here, target) == 5

    assert files_beside(target) == {"still": b"hello"}


async def test_header_flood_is_refused(target: Path) -> None:
    async with site(for_ever(b"HTTP/1.1 200 OK\r\n", b"X-Flood: " + b"x" * 1000 + b"\r\n")) as here:
        with pytest.raises(TargetUnreachable, match="not complete and correct HTTP"):
            await fetch(here, target)


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"])
async def test_host_that_hangs_is_left_at_the_deadline(target: Path, start: bytes) -> None:
    async with site(then_hangs(start)) as here:
        with pytest.raises(TargetUnreachable, match=r"^image_url: no complete answer within 0\.2 s$"):
            await fetch(here, target, deadlines=SHORT)

    assert files_beside(target) == {}


async def test_reset_leaves_nothing(target: Path) -> None:
    async with site(resets(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")) as here:
        with pytest.raises(TargetUnreachable, match=r"^image_url: the connection broke off$"):
            await fetch(here, target)

    assert files_beside(target) == {}


async def test_closed_port_is_unreachable(target: Path) -> None:
    async with site(says()) as here:
        pass

    with pytest.raises(TargetUnreachable, match=r"^image_url: the connection was refused$"):
        await fetch(here, target)


async def test_cancelled_fetch_leaves_nothing(target: Path) -> None:
    arrived = asyncio.Event()

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + bytes(10**6))
        await writer.drain()
        arrived.set()
        await then_hangs()(reader, writer)

    async with site(respond) as here, asyncio.TaskGroup() as group:
        fetching = group.create_task(fetch(here, target))
        await arrived.wait()
        fetching.cancel()

    assert files_beside(target) == {}


async def test_three_redirects_are_followed_and_four_are_not(target: Path) -> None:
    async def respond(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        left = int(here.heads[-1].split(b" ")[1].rpartition(b"/")[2])
        writer.write(redirect(f"./{left - 1}", status=300 + {4: 1, 3: 3, 2: 7, 1: 8}[left]) if left else ok(b"end"))

    async with site(respond) as here:
        assert await fetch(here, target, path="3") == 3
        assert len(here.heads) == 4
        with pytest.raises(TargetRefused, match=r"^image_url: more than 3 redirects$"):
            await fetch(here, target, path="4")

    assert len(here.heads) == 8


@pytest.mark.parametrize(
    ("location", "error"),
    [
        ("http://169.254.169.254/latest/meta-data/", TargetForbidden),
        ("//10.0.0.1/", TargetForbidden),
        ("http://[::1]/", TargetForbidden),
        ("http://2130706433/", TargetRefused),
        ("file:///etc/passwd", TargetRefused),
        ("http://user:secret@8.8.8.8/", TargetRefused),
        ("http://8.8.8.8:22/", TargetRefused),
        ("http://[::1/", TargetRefused),
    ],
)
async def test_redirect_is_checked_like_the_first_url(target: Path, location: str, error: type[Exception]) -> None:
    async with site(says(redirect(location))) as here:
        with pytest.raises(error, match=r"^image_url: the redirect") as caught:
            await fetch(here, target)

    assert type(caught.value) is error


async def test_redirect_to_another_loopback_port_never_arrives(target: Path) -> None:
    async with site(says(ok(b"canary"))) as canary, site(says(redirect(canary.url))) as here:
        with pytest.raises(TargetForbidden):
            await fetch(here, target)

    assert canary.heads == []


@pytest.mark.parametrize(
    "records",
    [
        ["127.0.0.1"],
        ["93.184.215.14", "127.0.0.1"],
        ["2606:4700:4700::1111", "93.184.215.14", "::ffff:10.0.0.1"],
        ["93.184.215.14", "8.8.8.8", "1.1.1.1", "fe80::1%eth0"],
    ],
)
async def test_one_bad_record_refuses_the_name(target: Path, records: list[str]) -> None:
    async with Egress(allow=frozenset(), resolve=answers(records)) as out:
        with pytest.raises(TargetForbidden, match=r"^image_url: the address is not public$"):
            await out.fetch("http://a.example/", target, field="image_url", bytes_max=1)


async def test_name_without_address_is_unreachable(target: Path) -> None:
    async def gone(_host: str, _port: int) -> Sequence[str]:
        raise OSError("the resolver's own words")

    for resolve in (answers([]), gone):
        async with Egress(allow=frozenset(), resolve=resolve) as out:
            with pytest.raises(TargetUnreachable, match=r"^image_url: the name of the host ") as caught:
                await out.fetch("http://a.example/", target, field="image_url", bytes_max=1)
        assert "own words" not in str(caught.value)


async def test_look_up_that_hangs_is_left_at_the_connect_deadline(target: Path) -> None:
    async def hangs(_host: str, _port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    async with Egress(allow=frozenset(), resolve=hangs, deadlines=Deadlines(connect_s=0.1)) as out:
        with pytest.raises(TargetUnreachable, match=r"^image_url: no connection within 0\.1 s$"):
            await out.fetch("http://a.example/", target, field="image_url", bytes_max=1)


class Sockets(httpcore2.AsyncNetworkBackend):
    """Notes where a connection would go; only loopback is real."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.real = cast("httpcore2.AsyncNetworkBackend", httpcore2.AnyIOBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        self.asked.append(host)
        if host != "127.0.0.1":
            raise httpcore2.ConnectError("not in a test")
        return await self.real.connect_tcp(host, port, timeout, local_address, socket_options)


async def test_answer_that_changes_after_the_check_is_never_connected_to() -> None:
    sockets = Sockets()
    async with site(says(ok(b"canary"))) as canary:
        backend = GuardedBackend(allow=frozenset(), resolve=answers(["93.184.215.14"], ["127.0.0.1"]), sockets=sockets)
        with pytest.raises(TargetUnreachable):
            await backend.connect_tcp("rebind.example", canary.place.port, timeout=LONG_S)
        with pytest.raises(TargetForbidden):
            await backend.connect_tcp("rebind.example", canary.place.port, timeout=LONG_S)

    assert sockets.asked == ["93.184.215.14"]
    assert canary.heads == []


async def test_backend_refuses_a_literal_on_its_own() -> None:
    sockets = Sockets()
    backend = GuardedBackend(allow=frozenset(), resolve=unresolved, sockets=sockets)

    for host in ("127.0.0.1", "::1", "::ffff:127.0.0.1"):
        with pytest.raises(TargetForbidden):
            await backend.connect_tcp(host, 80, timeout=LONG_S)
    assert sockets.asked == []


async def test_next_address_is_tried_when_one_does_not_answer() -> None:
    sockets = Sockets()
    async with site(says()) as here:
        place = HostPort(host="many.example", port=here.place.port)
        backend = GuardedBackend(allow=frozenset({place}), resolve=answers(["192.0.2.1", "127.0.0.1"]), sockets=sockets)
        stream = await backend.connect_tcp(place.host, place.port, timeout=LONG_S)
        await stream.aclose()

    assert sockets.asked == ["192.0.2.1", "127.0.0.1"]


async def test_no_unix_socket_is_ever_opened(tmp_path: Path) -> None:
    backend = GuardedBackend(allow=frozenset(), resolve=unresolved)

    with pytest.raises(NotImplementedError):
        await backend.connect_unix_socket(str(tmp_path / "socket"))


async def test_system_resolver_knows_loopback() -> None:
    resolver = SystemResolver()
    try:
        assert "127.0.0.1" in await resolver("127.0.0.1", 80)
    finally:
        resolver.close()


async def test_environment_proxies_are_ignored(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with site(says(ok(b"proxied"))) as proxy, site(says(ok(b"direct"))) as here:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        assert await fetch(here, target) == len(b"direct")

    assert proxy.heads == []


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for right.example in one file, made now: no key lives in the repository."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("the openssl program is not installed, so there is no certificate to test with")
    pem = tmp_path_factory.mktemp("tls") / "both.pem"
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=right.example", "-addext", "subjectAltName=DNS:right.example"]
    subprocess.run([*command, *names, "-keyout", pem, "-out", pem.with_suffix(".crt")], check=True, capture_output=True)
    pem.write_bytes(pem.read_bytes() + pem.with_suffix(".crt").read_bytes())
    return pem


@asynccontextmanager
async def tls_site(certificate: Path, respond: Respond) -> AsyncGenerator[tuple[Site, Egress]]:
    """A TLS host and a client that trusts it, by whatever name ends in .example."""
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(certificate)
    ours = ssl.create_default_context(cafile=certificate.with_suffix(".crt"))

    async def loopback(_host: str, _port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    async with site(respond, tls=theirs) as here:
        names = ("right.example", "wrong.example")
        allow = frozenset(HostPort(host=name, port=here.place.port) for name in names)
        async with Egress(allow=allow, resolve=loopback, tls=ours) as out:
            yield here, out


async def test_tls_is_checked_against_the_name_in_the_url(target: Path, certificate: Path) -> None:
    async with tls_site(certificate, says(ok(b"secret"))) as (here, out):
        url = f"https://right.example:{here.place.port}/"
        fetched = await out.fetch(url, target, field="image_url", bytes_max=9)
        with pytest.raises(TargetUnreachable, match=r"^image_url: the TLS certificate is not valid for this host$"):
            await out.fetch(url.replace("right", "wrong"), target, field="image_url", bytes_max=9)

    assert fetched.size_bytes == len(b"secret")
    assert len(here.heads) == 1


async def test_redirect_from_https_to_http_is_refused(target: Path, certificate: Path) -> None:
    async with tls_site(certificate, says(redirect("http://8.8.8.8/"))) as (here, out):
        url = f"https://right.example:{here.place.port}/"
        with pytest.raises(TargetRefused, match=r"^image_url: the redirect leads from https to http$"):
            await out.fetch(url, target, field="image_url", bytes_max=9)


@pytest.mark.parametrize("deadlines", [Deadlines(connect_s=0.1), Deadlines(fetch_s=0.1)])
async def test_tls_handshake_that_hangs_is_closed_at_the_deadline(target: Path, deadlines: Deadlines) -> None:
    async with listener(then_hangs()) as place, Egress(allow=frozenset({place}), deadlines=deadlines) as out:
        with pytest.raises(TargetUnreachable, match=r"no TLS connection|within 0\.1 s"):
            await out.fetch(f"https://{place}/", target, field="image_url", bytes_max=1)


async def test_plain_host_behind_https_is_unreachable(target: Path) -> None:
    plain = says(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    async with listener(plain) as place, Egress(allow=frozenset({place})) as out:
        with pytest.raises(TargetUnreachable, match=r"^image_url: no TLS connection was made$"):
            await out.fetch(f"https://{place}/", target, field="image_url", bytes_max=1)


async def test_malformed_url_is_the_callers_fault(target: Path) -> None:
    async with egress() as out:
        with pytest.raises(InvalidInput, match=r"^image_url is not a URL that can be fetched: "):
            await out.fetch("http://user@a.example/", target, field="image_url", bytes_max=1)


async def test_post_sends_the_body_and_returns_what_was_answered() -> None:
    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        bodies.append(await reader.readexactly(13))
        writer.write(b"HTTP/1.1 503 x\r\nRetry-After: 120\r\nContent-Length: 5\r\n\r\nlater")

    bodies: list[bytes] = []
    async with site(respond) as here, egress(here) as out:
        answer = await out.post(here.url, body=b'{"code": 200}', headers={"Content-Type": "application/json"})

    assert bodies == [b'{"code": 200}']
    assert b"POST / HTTP/1.1\r\n" in here.heads[0]
    assert b"Content-Type: application/json\r\n" in here.heads[0]
    assert b"Content-Length: 13\r\n" in here.heads[0]
    assert (answer.status, answer.retry_after, answer.head) == (503, "120", b"later")
    assert 0 <= answer.duration_ms < LONG_S * 1000


async def test_post_does_not_follow_redirects() -> None:
    async with (
        site(says(ok(b"canary"))) as canary,
        site(says(redirect(canary.url, 307))) as here,
        egress(here, canary) as out,
    ):
        answer = await out.post(here.url, body=b"{}", headers={})

    assert (answer.status, answer.retry_after) == (307, None)
    assert canary.heads == []


async def test_post_reads_64_kib_of_a_megabyte_and_hangs_up() -> None:
    # The host never sends the rest: only a client that stops at 64 KiB gets an answer before the deadline.
    start = b"HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n" + b"x" * 64 * 1024
    async with site(then_hangs(start)) as here, egress(here) as out:
        answer = await out.post(here.url, body=b"{}", headers={})

    assert answer.status == 200
    assert answer.head == b"x" * 1024
    assert answer.duration_ms < LONG_S * 1000


@pytest.mark.parametrize("respond", [then_hangs(ok(b"")[:-1] + b"\nab"), resets(b"HTTP/1.1 200 OK\r\n\r\nab")])
async def test_post_counts_as_answered_once_the_status_is_here(respond: Respond) -> None:
    async with site(respond) as here, egress(here, deadlines=Deadlines(post_s=5)) as out:
        answer = await out.post(here.url, body=b"{}", headers={})

    assert answer.status == 200


@pytest.mark.parametrize(
    ("respond", "deadlines", "words"),
    [
        (then_hangs(), SHORT, r"^the callback URL: no complete answer within 0\.2 s$"),
        (says(b"nonsense\r\n\r\n"), DEADLINES, r"^the callback URL: the answer is not complete and correct HTTP$"),
    ],
)
async def test_post_without_a_status_is_unreachable(respond: Respond, deadlines: Deadlines, words: str) -> None:
    async with site(respond) as here, egress(here, deadlines=deadlines) as out:
        with pytest.raises(TargetUnreachable, match=words):
            await out.post(here.url, body=b"{}", headers={})


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "http://a.example:22/", "file:///etc/passwd"])
async def test_post_to_a_forbidden_place_is_forbidden(url: str) -> None:
    async with egress() as out:
        with pytest.raises(TargetForbidden, match=r"^the callback URL"):
            await out.post(url, body=b"{}", headers={})

"""A server on loopback that nobody may name, however its address is spelt; and who waits for whom."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import pytest

from hosts import Site, ok, redirect, says, site, then_hangs
from photoplay.clock import new_uuid
from photoplay.domain.errors import DeliveryError, InvalidInput, TargetForbidden, TargetUnreachable
from photoplay.egress import Caps, Deadlines, Egress, HostPort

# Every spelling of this machine that some parser or resolver reads as it. {port} is the canary's.
SPELLINGS = [
    *("127.0.0.1", "127.0.0.1.", "127.1", "127.0.1", "127.000.000.001", "0177.0.0.1", "0x7f.0.0.1", "0x7f000001"),
    *("2130706433", "017700000001", "0", "0.0.0.0", "127.0.0.2", "127.255.255.254", "localhost", "LOCALHOST."),
    *("[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[::7f00:1]"),
    *(
        "[64:ff9b::127.0.0.1]",
        "[2002:7f00:1::]",
        "[::1%25lo]",
        "[::1%lo]",
        "①②⑦.⓪.⓪.①",
        "\uff11\uff12\uff17.0.0.1",
        "127。0。0。1",
    ),
    *("user@127.0.0.1", "example.com@127.0.0.1", "127.0.0.1\\@example.com", "example.com\\@127.0.0.1", "127.0.0.1%00"),
    *("%31%32%37.0.0.1", "127.0.0.1%2eexample.com", " 127.0.0.1", "127.0.0.1\t", "127.0.0.1\r\nHost: x"),
]
SHAPES = [
    "http://{host}:{port}/",
    "https://{host}:{port}/x",
    "http:{host}:{port}/",
    "//{host}:{port}/",
    "ftp://{host}:{port}/",
]
URLS = [shape.replace("{host}", host) for host in SPELLINGS for shape in SHAPES]


@pytest.fixture
async def canary() -> AsyncGenerator[Site]:
    async with site(says(ok(b"the canary"))) as here:
        yield here


async def resolve_to_loopback(_host: str, _port: int) -> Sequence[str]:
    return ["127.0.0.1", "::1"]


def files(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def open_port(here: Site) -> Egress:
    """The canary's port is one that strangers may name, so only its address protects it."""
    ports = frozenset({here.place.port})
    return Egress(allow=frozenset(), ports=ports, resolve=resolve_to_loopback, deadlines=Deadlines(connect_s=1))


@pytest.mark.parametrize("url", URLS)
async def test_no_spelling_of_loopback_reaches_the_canary(url: str, canary: Site, tmp_path: Path) -> None:
    text = url.replace("{port}", str(canary.place.port))
    async with open_port(canary) as out:
        with pytest.raises((InvalidInput, DeliveryError)) as fetched:
            await out.fetch(text, tmp_path / "still", field="image_url", bytes_max=100)
        with pytest.raises(TargetForbidden):
            await out.post(text, body=b"{}", headers={})

    assert str(fetched.value).startswith("image_url")
    assert canary.heads == []
    assert files(tmp_path) == []


@pytest.mark.parametrize("host", SPELLINGS)
async def test_no_redirect_to_loopback_reaches_the_canary(host: str, canary: Site, tmp_path: Path) -> None:
    location = f"http://{host}:{canary.place.port}/".replace("\r\n", "")
    async with site(says(redirect(location.encode("utf-8").decode("latin-1")))) as here:
        out = Egress(allow=frozenset({here.place}), ports=frozenset({canary.place.port}), resolve=resolve_to_loopback)
        async with out:
            with pytest.raises(DeliveryError):
                await out.fetch(here.url, tmp_path / "still", field="image_url", bytes_max=100)

    assert canary.heads == []


async def test_a_port_is_closed_unless_it_is_configured(tmp_path: Path) -> None:
    async with Egress(allow=frozenset(), resolve=resolve_to_loopback) as closed:
        with pytest.raises(InvalidInput, match=r"port 8080 is not 80 or 443$"):
            closed.check("http://example.com:8080/", field="image_url")
    async with Egress(allow=frozenset(), ports=frozenset({8080}), resolve=resolve_to_loopback) as opened:
        opened.check("http://example.com:8080/", field="image_url")
        with pytest.raises(InvalidInput, match=r"port 8081 is not 80 or 443 or 8080$"):
            opened.check("http://example.com:8081/", field="image_url")
        with pytest.raises(TargetForbidden, match="the address is not public"):
            await opened.fetch("http://example.com:8080/", tmp_path / "a", field="image_url", bytes_max=1)


class Hanging:
    """Answers nobody, and says when so many have asked."""

    def __init__(self, asked_max: int) -> None:
        self.is_full = asyncio.Event()
        self._left = asked_max

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._left -= 1
        if not self._left:
            self.is_full.set()
        await then_hangs()(reader, writer)


def capped(*places: HostPort, caps: Caps, wait_s: float = 1.0) -> Egress:
    """Who finds no turn within `wait_s` is refused."""
    deadlines = Deadlines(connect_s=wait_s)
    return Egress(allow=frozenset(places), resolve=resolve_to_loopback, deadlines=deadlines, caps=caps)


async def test_a_host_that_hangs_holds_no_more_than_its_share(tmp_path: Path) -> None:
    hangs = Hanging(2)
    async with site(hangs) as slow, site(says(ok(b"x"))) as quick:
        # One machine here, so two names for it.
        named = HostPort(host="quick.example", port=quick.place.port)
        async with capped(slow.place, named, caps=Caps(per_host=2)) as out, asyncio.TaskGroup() as group:
            hanging = [
                group.create_task(out.fetch(slow.url, tmp_path / name, field="image_url", bytes_max=1))
                for name in ("c", "d")
            ]
            await hangs.is_full.wait()
            with pytest.raises(TargetUnreachable, match="2 requests to this host are under way at once"):
                await out.fetch(slow.url, tmp_path / "a", field="image_url", bytes_max=1)
            fetched = await out.fetch(f"http://{named}/", tmp_path / "b", field="image_url", bytes_max=1)
            for task in hanging:
                task.cancel()

    assert len(slow.heads) == 2
    assert fetched.size_bytes == 1


async def test_an_account_holds_no_more_than_its_share(tmp_path: Path) -> None:
    mine, theirs, hangs = new_uuid(), new_uuid(), Hanging(2)
    async with (
        site(hangs) as slow,
        site(says(ok(b"x"))) as quick,
        capped(slow.place, quick.place, caps=Caps(per_account=2)) as out,
        asyncio.TaskGroup() as group,
    ):
        hanging = [
            group.create_task(out.fetch(slow.url, tmp_path / name, field="image_url", bytes_max=1, account=mine))
            for name in ("c", "d")
        ]
        await hangs.is_full.wait()
        with pytest.raises(TargetUnreachable, match="2 requests of this account are under way at once"):
            await out.fetch(quick.url, tmp_path / "a", field="image_url", bytes_max=1, account=mine)
        fetched = await out.fetch(quick.url, tmp_path / "b", field="image_url", bytes_max=1, account=theirs)
        for task in hanging:
            task.cancel()

    assert fetched.size_bytes == 1


async def test_a_turn_that_comes_free_is_taken(tmp_path: Path) -> None:
    async with (
        site(says(ok(b"x"))) as here,
        capped(here.place, caps=Caps(per_host=1, in_all=1), wait_s=20) as out,
        asyncio.TaskGroup() as group,
    ):
        for number in range(20):
            group.create_task(out.fetch(here.url, tmp_path / str(number), field="image_url", bytes_max=1))

    assert len(here.heads) == 20

"""The only way out: fetch a file that a stranger names, post to a URL that a stranger names.

Built on httpcore2 and not on a full client, which would bring what must not be here: environment proxies, cookies,
redirects of its own, content decoders and a second URL parser.
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final, Self
from uuid import UUID

import httpcore2
import httpx2

from photoplay import __version__
from photoplay.domain.errors import DeliveryError, InvalidInput, TargetForbidden, TargetRefused, TargetUnreachable
from photoplay.egress.answers import Answer, Reply, read_head, read_whole, without_key
from photoplay.egress.backend import GuardedBackend, Resolver, SystemResolver
from photoplay.egress.download import header, save
from photoplay.egress.limits import CAPS, DEADLINES, Caps, Deadlines
from photoplay.egress.target import OPEN_PORTS, HostPort, Target, parse_target
from photoplay.egress.turns import Turns
from photoplay.egress.websocket import Upgrade, texts

__all__ = ["Egress", "Fetched"]

# A short link, its target and one step to a mirror; browsers allow 20, which serves nobody here.
_REDIRECTS_MAX: Final = 3
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_CALLBACK: Final = "the callback URL"
_RETRY_AFTER_CHARS_MAX: Final = 128
_LOCATION_CHARS_MAX: Final = 200
# Answers of other servers are JSON of a few kilobytes; a list of their jobs is the largest.
_REPLY_BYTES_MAX: Final = 4 * 1024 * 1024
NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
# What ends an answer early once its status is known.
_BROKEN_OFF: Final = (TimeoutError, httpcore2.NetworkError, httpcore2.RemoteProtocolError, ssl.SSLError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A file that is complete on disk."""

    path: Path
    size_bytes: int


class Egress:
    """The guarded HTTP client: one per process, closed by whoever made it."""

    def __init__(
        self,
        *,
        allow: frozenset[HostPort],
        ports: frozenset[int] = frozenset(),
        resolve: Resolver | None = None,
        tls: ssl.SSLContext | None = None,
        deadlines: Deadlines = DEADLINES,
        caps: Caps = CAPS,
    ) -> None:
        self._allow = allow
        self._ports = OPEN_PORTS | ports
        self._deadlines = deadlines
        wait_s = deadlines.connect_s
        self._hosts = Turns(caps.per_host, wait_s=wait_s, whose="to this host")
        self._accounts = Turns(caps.per_account, wait_s=wait_s, whose="of this account")
        self._names = SystemResolver()
        # No connection outlives its request: the next one checks its address anew, and strangers hold no idle sockets.
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=tls or httpx2.create_ssl_context(trust_env=False),
            max_connections=caps.in_all,
            max_keepalive_connections=0,
            network_backend=GuardedBackend(allow=allow, resolve=resolve or self._names),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._pool.aclose()
        self._names.close()

    def check(self, url: str, *, field: str) -> None:
        """Refuse at once what could never be fetched or posted to; names are looked up only when used.

        Raises: InvalidInput if the URL is malformed; TargetForbidden if it names an address that is not public.
        """
        self._parse(url, field=field)

    async def fetch(
        self,
        url: str,
        target: Path,
        *,
        field: str,
        bytes_max: int,
        account: UUID | None = None,
        headers: Mapping[str, str] = NOTHING,
    ) -> Fetched:
        """GET a file to disk. It appears at `target` complete, by rename from `<target>.part`, or not at all.

        The headers go to the first place alone: a redirect elsewhere does not learn a key.

        Raises: InvalidInput if the URL is malformed; TargetForbidden if an address on the way is not public;
        TargetRefused if another attempt cannot help; TargetUnreachable if it may. The texts begin with the field.
        """
        start = self._parse(url, field=field)
        within_s = self._deadlines.fetch_s
        with _in_words(field, within_s=within_s):
            async with (
                asyncio.timeout(within_s),
                self._turn_of(account),
                self._follow(start, headers) as response,
            ):
                size_bytes = await save(response, target, bytes_max=bytes_max)
        return Fetched(path=target, size_bytes=size_bytes)

    async def post(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> Answer:
        """POST once and read little of the answer. Once a status has arrived, what happens to the body is no failure.

        How many go to one host, and for one account, is for the deliveries to bound: they outlive this process.

        Raises: TargetForbidden if the URL may not be posted to; TargetUnreachable if no status arrived in time.
        """
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        target = self._callback(url)
        head, size_bytes = bytearray(), 0
        with _in_words(_CALLBACK, within_s=self._deadlines.post_s):
            async with (
                asyncio.timeout(self._deadlines.post_s) as deadline,
                self._exchange("POST", target, headers=headers, body=body) as response,
            ):
                ends_at_s = deadline.when()
                deadline.reschedule(None)
                with suppress(*_BROKEN_OFF):
                    async with asyncio.timeout_at(ends_at_s):
                        async for piece_bytes in read_head(response, head):
                            size_bytes += piece_bytes
        location = header(response, b"location") if response.status in _REDIRECTS else None
        return Answer(
            status=response.status,
            retry_after=(header(response, b"retry-after") or "")[:_RETRY_AFTER_CHARS_MAX] or None,
            location=None if location is None else location[:_LOCATION_CHARS_MAX],
            head=bytes(head),
            size_bytes=size_bytes,
            duration_ms=round((loop.time() - started_s) * 1000),
        )

    async def call(
        self,
        method: str,
        url: str,
        *,
        field: str,
        headers: Mapping[str, str] = NOTHING,
        body: bytes | None = None,
        bytes_max: int = _REPLY_BYTES_MAX,
        within_s: float | None = None,
    ) -> Reply:
        """Ask a server that the operator named, and read its whole answer, whatever the status. Nothing is followed.

        Where the answer repeats the key that it was asked with, that is taken out: callers are shown what servers say.

        `within_s` is for a server that answers when its work is done; None for what an answer usually takes.

        Raises: TargetForbidden; TargetRefused if the answer is larger than the limit; TargetUnreachable, which says
        whether the other side may have seen the request. The texts begin with the field.
        """
        target = self._parse(url, field=field)
        within_s = within_s or self._deadlines.call_s
        with _in_words(field, within_s=within_s):
            async with (
                asyncio.timeout(within_s),
                self._exchange(method, target, headers=headers, body=body) as response,
            ):
                reply = await read_whole(response, bytes_max=bytes_max)
        return without_key(reply, headers)

    async def listen(self, url: str, *, field: str) -> AsyncGenerator[str]:
        """Open a WebSocket at a server that the operator named, and yield its text messages until it closes it.

        The URL is one of http or https. Whoever listens closes the generator.

        Raises: TargetForbidden; TargetRefused if the server does not speak it there or says too much at once;
        TargetUnreachable. The texts begin with the field.
        """
        target, upgrade = self._parse(url, field=field), Upgrade()
        within_s = self._deadlines.call_s
        with _in_words(field, within_s=within_s):
            async with (
                asyncio.timeout(within_s) as deadline,
                self._exchange("GET", target, headers=upgrade.headers, body=None) as response,
            ):
                upgrade.check(response)
                deadline.reschedule(None)
                async with aclosing(texts(response, quiet_s=self._deadlines.quiet_s)) as messages:
                    async for text in messages:
                        yield text

    def _callback(self, url: str) -> Target:
        # It was well-formed when the task was accepted; what has changed since is what the operator allows.
        try:
            return self._parse(url, field=_CALLBACK)
        except InvalidInput as exc:
            raise TargetForbidden(str(exc)) from exc

    def _parse(self, url: str, *, field: str) -> Target:
        return parse_target(url, allow=self._allow, field=field, ports=self._ports)

    def _turn_of(self, account: UUID | None) -> AbstractAsyncContextManager[None]:
        return nullcontext() if account is None else self._accounts.turn(account)

    @asynccontextmanager
    async def _exchange(
        self, method: str, target: Target, *, headers: Mapping[str, str], body: bytes | None
    ) -> AsyncGenerator[httpcore2.Response]:
        ours = {
            "Host": target.authority,
            "User-Agent": f"Photoplay/{__version__}",
            "Accept": "*/*",
            "Accept-Encoding": "identity",
            "Connection": "close",
        }
        where = httpcore2.URL(scheme=target.scheme, host=target.place.host, port=target.place.port, target=target.path)
        extensions = {"timeout": {"connect": self._deadlines.connect_s}}
        async with self._pool.stream(
            method, where, headers={**ours, **headers}, content=body, extensions=extensions
        ) as response:
            yield response

    @asynccontextmanager
    async def _follow(self, target: Target, headers: Mapping[str, str]) -> AsyncGenerator[httpcore2.Response]:
        first = target.place
        for _ in range(_REDIRECTS_MAX + 1):
            async with (
                self._hosts.turn(target.place.host),
                self._exchange(
                    "GET", target, headers=headers if target.place == first else NOTHING, body=None
                ) as response,
            ):
                location = header(response, b"location") if response.status in _REDIRECTS else None
                if location is None:
                    yield response
                    return
            target = self._redirected(target, location)
        raise TargetRefused(f"more than {_REDIRECTS_MAX} redirects")

    def _redirected(self, target: Target, location: str) -> Target:
        try:
            following = self._parse(target.join(location), field="the redirect")
        except (InvalidInput, ValueError) as exc:
            raise TargetRefused("the redirect does not lead to a URL that can be fetched") from exc
        # What was asked for under TLS must not arrive readable and changeable by others.
        if target.scheme == "https" and following.scheme == "http":
            raise TargetRefused("the redirect leads from https to http")
        return following


@contextmanager
def _in_words(what: str, *, within_s: float) -> Generator[None]:
    """Translate at the border: texts begin with what was asked for and hold nothing of the inside."""
    try:
        yield
    except DeliveryError as exc:
        raise type(exc)(f"{what}: {exc}") from exc
    except TimeoutError as exc:
        raise TargetUnreachable(f"{what}: no complete answer within {within_s:g} s", may_have_arrived=True) from exc
    except (httpcore2.NetworkError, ssl.SSLError) as exc:
        raise TargetUnreachable(f"{what}: the connection broke off", may_have_arrived=True) from exc
    except httpcore2.RemoteProtocolError as exc:
        text = f"{what}: the answer is not complete and correct HTTP"
        raise TargetUnreachable(text, may_have_arrived=True) from exc

"""The only way out: fetch a file that a stranger names, post to a URL that a stranger names.

Built on httpcore2 and not on a full client, which would bring what must not be here: environment proxies, cookies,
redirects of its own, content decoders and a second URL parser.
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import httpcore2
import httpx2

from photoplay import __version__
from photoplay.domain.errors import DeliveryError, InvalidInput, TargetForbidden, TargetRefused, TargetUnreachable
from photoplay.egress.backend import GuardedBackend, Resolver, SystemResolver
from photoplay.egress.download import header, save
from photoplay.egress.target import HostPort, Target, parse_target

__all__ = ["DEADLINES", "Answer", "Deadlines", "Egress", "Fetched"]

# A bound on descriptors: an eighth of the 1024 that a process usually gets. Who waits, waits within its own deadline.
_CONNECTIONS_MAX: Final = 128
# A short link, its target and one step to a mirror; browsers allow 20, which serves nobody here.
_REDIRECTS_MAX: Final = 3
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_CALLBACK: Final = "the callback URL"
# The contract's limit on a callback's answer.
_ANSWER_BYTES_MAX: Final = 64 * 1024
_ANSWER_HEAD_BYTES: Final = 1024
_RETRY_AFTER_CHARS_MAX: Final = 128
# What ends an answer early once its status is known.
_BROKEN_OFF: Final = (TimeoutError, httpcore2.NetworkError, httpcore2.RemoteProtocolError, ssl.SSLError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """How long a stranger may take; the totals include connecting and every redirect."""

    connect_s: float = 5.0
    """Look-up and TCP together, and TLS once more."""
    fetch_s: float = 25.0
    post_s: float = 15.0
    """CONTRACT: 15 s in all for a callback."""


DEADLINES: Final = Deadlines()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A file that is complete on disk."""

    path: Path
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the other side said to a POST."""

    status: int
    """Any status, redirects too: nothing was followed."""
    retry_after: str | None
    """The header as it stands, cut to 128 characters. None when it was not sent."""
    head: bytes
    """The body's first 1024 bytes, or fewer when it ended or broke off earlier."""
    duration_ms: int
    """From the look-up to the last byte read."""


class Egress:
    """The guarded HTTP client: one per process, closed by whoever made it."""

    def __init__(
        self,
        *,
        allow: frozenset[HostPort],
        resolve: Resolver | None = None,
        tls: ssl.SSLContext | None = None,
        deadlines: Deadlines = DEADLINES,
    ) -> None:
        self._allow = allow
        self._deadlines = deadlines
        self._names = SystemResolver()
        # No connection outlives its request: the next one checks its address anew, and strangers hold no idle sockets.
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=tls or httpx2.create_ssl_context(trust_env=False),
            max_connections=_CONNECTIONS_MAX,
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
        parse_target(url, allow=self._allow, field=field)

    async def fetch(self, url: str, target: Path, *, field: str, bytes_max: int) -> Fetched:
        """GET a file to disk. It appears at `target` complete, by rename from `<target>.part`, or not at all.

        Raises: InvalidInput if the URL is malformed; TargetForbidden if an address on the way is not public;
        TargetRefused if another attempt cannot help; TargetUnreachable if it may. The texts begin with the field.
        """
        start = parse_target(url, allow=self._allow, field=field)
        within_s = self._deadlines.fetch_s
        with _in_words(field, within_s=within_s):
            async with asyncio.timeout(within_s), self._follow(start) as response:
                size_bytes = await save(response, target, bytes_max=bytes_max)
        return Fetched(path=target, size_bytes=size_bytes)

    async def post(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> Answer:
        """POST once and read little of the answer. Once a status has arrived, what happens to the body is no failure.

        Raises: TargetForbidden if the URL may not be posted to; TargetUnreachable if no status arrived in time.
        """
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        target = self._callback(url)
        head = bytearray()
        with _in_words(_CALLBACK, within_s=self._deadlines.post_s):
            async with (
                asyncio.timeout(self._deadlines.post_s) as deadline,
                self._exchange("POST", target, headers=headers, body=body) as response,
            ):
                ends_at_s = deadline.when()
                deadline.reschedule(None)
                with suppress(*_BROKEN_OFF):
                    async with asyncio.timeout_at(ends_at_s):
                        await _read_head(response, head)
        return Answer(
            status=response.status,
            retry_after=(header(response, b"retry-after") or "")[:_RETRY_AFTER_CHARS_MAX] or None,
            head=bytes(head),
            duration_ms=round((loop.time() - started_s) * 1000),
        )

    def _callback(self, url: str) -> Target:
        # It was well-formed when the task was accepted; what has changed since is what the operator allows.
        try:
            return parse_target(url, allow=self._allow, field=_CALLBACK)
        except InvalidInput as exc:
            raise TargetForbidden(str(exc)) from exc

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
    async def _follow(self, target: Target) -> AsyncGenerator[httpcore2.Response]:
        for _ in range(_REDIRECTS_MAX + 1):
            async with self._exchange("GET", target, headers={}, body=None) as response:
                location = header(response, b"location") if response.status in _REDIRECTS else None
                if location is None:
                    yield response
                    return
            target = self._redirected(target, location)
        raise TargetRefused(f"more than {_REDIRECTS_MAX} redirects")

    def _redirected(self, target: Target, location: str) -> Target:
        try:
            following = parse_target(target.join(location), allow=self._allow, field="the redirect")
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
        raise TargetUnreachable(f"{what}: no complete answer within {within_s:g} s") from exc
    except (httpcore2.NetworkError, ssl.SSLError) as exc:
        raise TargetUnreachable(f"{what}: the connection broke off") from exc
    except httpcore2.RemoteProtocolError as exc:
        raise TargetUnreachable(f"{what}: the answer is not complete and correct HTTP") from exc


async def _read_head(response: httpcore2.Response, head: bytearray) -> None:
    read_bytes = 0
    async with aclosing(response.aiter_stream()) as stream:
        async for piece in stream:
            read_bytes += len(piece)
            head += piece[: _ANSWER_HEAD_BYTES - len(head)]
            if read_bytes >= _ANSWER_BYTES_MAX:
                return

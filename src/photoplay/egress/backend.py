"""Connections that end at checked addresses only. It owns look-up, check and connect, and never trusts a name twice."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from ipaddress import ip_address
from typing import Final, TypeAlias, cast

import httpcore2

from photoplay.domain.errors import TargetForbidden, TargetUnreachable
from photoplay.egress.addresses import is_public
from photoplay.egress.target import HostPort, parse_address

__all__ = ["GuardedBackend", "Resolver", "SystemResolver"]

Resolver: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""Looks a name up: every address it has now, best first. Raises OSError when there is none."""

# A name server that hangs holds a thread for tens of seconds. These belong to strangers' names alone: the loop's own
# look-ups share as few as four threads with the rest of the program.
_LOOKUPS_AT_ONCE_MAX: Final = 32
# Two families and one spare; each gets an even share of the connect deadline, never under the second that
# TCP waits before it repeats a lost SYN (RFC 6298).
_CONNECT_ATTEMPTS_MAX: Final = 3


class SystemResolver:
    """The operating system's resolver on threads of its own. Whoever makes it closes it."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_LOOKUPS_AT_ONCE_MAX, thread_name_prefix="egress-lookup")

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        look_up = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        records = await asyncio.get_running_loop().run_in_executor(self._threads, look_up)
        return list(dict.fromkeys(str(record[4][0]) for record in records))

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


class GuardedBackend(httpcore2.AsyncNetworkBackend):
    """Sockets for httpcore2, to public addresses and to the allow list.

    The address that was checked is the one connected to, so a DNS answer that changes in between cannot matter; TLS
    still names the host, because httpcore2 takes the server name from the URL. Unix sockets stay unimplemented.
    """

    def __init__(
        self,
        *,
        allow: frozenset[HostPort],
        resolve: Resolver,
        sockets: httpcore2.AsyncNetworkBackend | None = None,
    ) -> None:
        self._allow = allow
        self._resolve = resolve
        # The cast: httpcore2 declares a stand-in of the same name for systems without anyio, which httpx2 brings.
        self._sockets = sockets or cast("httpcore2.AsyncNetworkBackend", httpcore2.AnyIOBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Look up, check and connect, all within the timeout.

        Raises: TargetForbidden if one of the host's addresses is not public; TargetUnreachable otherwise.
        """
        try:
            async with asyncio.timeout(timeout):
                addresses = (await self._checked(HostPort(host=host, port=port)))[:_CONNECT_ATTEMPTS_MAX]
                share_s = None if timeout is None else timeout / len(addresses)
                connect = partial(
                    self._sockets.connect_tcp,
                    port=port,
                    timeout=share_s,
                    local_address=local_address,
                    socket_options=None if socket_options is None else list(socket_options),
                )
                return _OwnedStream(await _first(connect, addresses))
        except TimeoutError as exc:
            raise TargetUnreachable(f"no connection within {timeout:g} s") from exc

    async def _checked(self, place: HostPort) -> Sequence[str]:
        """Return the addresses to connect to. One bad record refuses the name: it may be the one tried next."""
        if parse_address(place.host) is not None:
            addresses: Sequence[str] = [place.host]
        else:
            try:
                addresses = await self._resolve(place.host, place.port)
            except OSError as exc:
                raise TargetUnreachable("the name of the host cannot be resolved") from exc
        if not addresses:
            raise TargetUnreachable("the name of the host has no address")
        if place not in self._allow and not all(is_public(ip_address(address)) for address in addresses):
            raise TargetForbidden("the address is not public")
        return addresses


async def _first(
    connect: Callable[[str], Awaitable[httpcore2.AsyncNetworkStream]], addresses: Sequence[str]
) -> httpcore2.AsyncNetworkStream:
    *others, last = addresses
    for address in others:
        try:
            return await connect(address)
        except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
            continue
    try:
        return await connect(last)
    except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as exc:
        refused = any(isinstance(cause, ConnectionRefusedError) for cause in _causes(exc))
        raise TargetUnreachable("the connection was refused" if refused else "no connection was made") from exc


def _causes(exc: BaseException) -> Iterable[BaseException]:
    """Yield an error and what it was raised from; of a group, its first."""
    cause: BaseException | None = exc
    while cause is not None:
        yield cause
        if isinstance(cause, BaseExceptionGroup):
            cause = cast("BaseExceptionGroup[BaseException]", cause).exceptions[0]
        else:
            cause = cause.__cause__ or cause.__context__


class _OwnedStream(httpcore2.AsyncNetworkStream):
    """A stream that is closed when its TLS handshake is cancelled; httpcore2 forgets it open."""

    def __init__(self, stream: httpcore2.AsyncNetworkStream) -> None:
        self._stream = stream

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return await self._stream.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.AsyncNetworkStream:
        try:
            return await self._stream.start_tls(ssl_context, server_hostname, timeout)
        except asyncio.CancelledError:
            await self._stream.aclose()
            raise
        except (httpcore2.ConnectTimeout, httpcore2.ConnectError) as exc:
            certificate = isinstance(exc.__cause__, ssl.SSLCertVerificationError)
            reason = "the TLS certificate is not valid for this host" if certificate else "no TLS connection was made"
            raise TargetUnreachable(reason) from exc

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)

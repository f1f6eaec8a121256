"""A load generator that costs little: clients on keep-alive connections, one request at a time each."""

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from urllib.parse import urlsplit

__all__ = ["Load", "percentile", "run_clients"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What the clients of one round saw."""

    seconds: float
    latencies_ms: Sequence[float]
    """Of each request, from its first byte to the last byte of its answer."""

    @property
    def rate_hz(self) -> float:
        return len(self.latencies_ms) / self.seconds


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least this share of all values does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


async def run_clients(
    url: str, requests: Sequence[Callable[[], bytes]], *, seconds: float = math.inf, requests_max: float = math.inf
) -> Load:
    """Let one client for each maker of requests ask for so long, or so often.

    Raises: AssertionError for an answer other than 200.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with asyncio.TaskGroup() as group:
        clients = [
            group.create_task(_client(url, make, until=began + seconds, requests_max=requests_max)) for make in requests
        ]
    return Load(
        seconds=loop.time() - began, latencies_ms=[latency for client in clients for latency in client.result()]
    )


async def _client(url: str, make: Callable[[], bytes], *, until: float, requests_max: float) -> list[float]:
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    latencies: list[float] = []
    try:
        while asyncio.get_running_loop().time() < until and len(latencies) < requests_max:
            # Finer than the loop's own clock, which counts whole milliseconds.
            began = perf_counter()
            writer.write(make())
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            body = await reader.readexactly(length)
            assert head.startswith(b"HTTP/1.1 200"), head + body
            latencies.append((perf_counter() - began) * 1000)
    finally:
        writer.close()
    return latencies

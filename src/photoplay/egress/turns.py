"""How many requests may be under way at once for one host, or for one account. It counts and never connects."""

import asyncio
from collections.abc import AsyncGenerator, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from photoplay.domain.errors import TargetUnreachable

__all__ = ["Turns"]


@dataclass(slots=True)
class _Gate:
    turns: asyncio.Semaphore
    users: int = field(default=0)
    """Who holds a turn or waits for one. A gate without users is forgotten."""


class Turns:
    """So many at once for each key. Who finds no turn waits in order, and not for long."""

    def __init__(self, at_once_max: int, *, wait_s: float, whose: str) -> None:
        self._at_once_max = at_once_max
        self._wait_s = wait_s
        self._refusal = f"{at_once_max} requests {whose} are under way at once, which is the limit"
        self._gates: dict[Hashable, _Gate] = {}

    @asynccontextmanager
    async def turn(self, key: Hashable) -> AsyncGenerator[None]:
        """Hold one turn. Raises: TargetUnreachable when none came free in time."""
        gate = self._gates.setdefault(key, _Gate(asyncio.Semaphore(self._at_once_max)))
        gate.users += 1
        try:
            await self._wait(gate)
            try:
                yield
            finally:
                gate.turns.release()
        finally:
            gate.users -= 1
            if not gate.users:
                del self._gates[key]

    async def _wait(self, gate: _Gate) -> None:
        try:
            async with asyncio.timeout(self._wait_s):
                await gate.turns.acquire()
        except TimeoutError as exc:
            raise TargetUnreachable(self._refusal) from exc

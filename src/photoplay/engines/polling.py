"""Waiting for a job at another server by asking it again and again, patiently."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from photoplay.domain.errors import DeliveryError, EngineUnavailable
from photoplay.engines.engine import Report
from photoplay.engines.remote import Ended, Failed, Finished

__all__ = ["poll"]

# Quick clips are seen soon, and long ones do not cost a thousand questions.
_FIRST_S: Final = 1.0
_LAST_S: Final = 5.0
_GROWTH: Final = 1.3
# A server that restarts is back by then; a job that nobody can see is another attempt's to find again.
OUT_OF_SIGHT_S: Final = 120.0


async def poll(
    look: Callable[[], Awaitable[Ended | float | None]],
    report: Report,
    *,
    first_s: float = _FIRST_S,
    out_of_sight_s: float = OUT_OF_SIGHT_S,
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Ended:
    """Ask until the job has ended. `look` answers with the end, with a share from 0 to 1, or None for none known.

    `pause` waits for so many seconds between two looks, or less where it knows better.

    Raises: EngineUnavailable if `look` raised for so long that the job is out of sight.
    """
    time = asyncio.get_running_loop().time
    seen_at, wait_s = time(), first_s
    while True:
        try:
            found = await look()
        except (DeliveryError, EngineUnavailable) as exc:
            if time() - seen_at >= out_of_sight_s:
                raise EngineUnavailable(f"{exc}; the job is out of sight") from exc
        else:
            seen_at = time()
            if isinstance(found, Finished | Failed):
                return found
            if found is not None:
                report(found)
        await pause(wait_s)
        wait_s = min(wait_s * _GROWTH, _LAST_S)

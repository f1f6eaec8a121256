"""A child with limits for reading what a stranger made: one request as its argument, one line as its answer."""

import asyncio
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from photoplay.process import child_command, child_environment

__all__ = ["Said", "ask_limited"]

# A child that hangs in the kernel cannot be waited for; it is left to die alone.
_REAP_S: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    line: bytes
    """Ends with a line feed when the child got that far."""
    status: int | None
    """Exit status; below 0, the signal that ended it."""


async def ask_limited(module: str, request: str, *, wall: timedelta) -> Said:
    """Run a module of ours in a process of its own. Nothing of it is left when this returns or raises.

    Raises: TimeoutError; ValueError if its line is longer than a line may be.
    """
    process = await asyncio.create_subprocess_exec(
        *child_command(module, [request]),
        stdin=DEVNULL,
        stdout=PIPE,
        env=child_environment(),
        start_new_session=True,  # a terminal's or supervisor's signals to our group are ours to act on
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(wall.total_seconds()):
            line = await process.stdout.readline()
            await process.wait()
    finally:
        await _end(process)
    return Said(line=line, status=process.returncode)


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.kill()
        with suppress(TimeoutError):
            async with asyncio.timeout(_REAP_S):
                await process.communicate()

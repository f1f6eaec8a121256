"""Keeps child programs running: one that dies is started again, all of them stop on request."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

import structlog

from photoplay.domain.errors import ConfigError
from photoplay.process import end_with_parent

__all__ = ["API_STOP_S", "BACKLOG", "DRAIN_SIGNAL", "Program"]

log = structlog.get_logger()

# Tells the API to take no new task and to answer everything else.
DRAIN_SIGNAL: Final = signal.SIGUSR1
# How long requests under way may take once the API is told to stop.
API_STOP_S: Final = 5
# Connections wait here while the API is started again, instead of being refused.
BACKLOG: Final = 1024

# At once for a single crash, slower for a program that cannot start.
RESTART_DELAYS_S: Final = (0.0, 0.5, 1.0, 2.0, 5.0)
# A program that ran this long was well; its next crash counts as its first.
HEALTHY_AFTER_S: Final = 10.0
# What a program may take beyond its own grace period before it is killed.
KILL_AFTER_S: Final = 10.0


class Program:
    """One `photoplay` command, kept alive until it is stopped."""

    def __init__(
        self, name: str, arguments: Sequence[str], *, environment: Mapping[str, str], pass_fds: Sequence[int] = ()
    ) -> None:
        self.name = name
        self._arguments = (sys.executable, "-m", "photoplay", *arguments)
        self._environment = environment
        self._pass_fds = pass_fds
        self._process: asyncio.subprocess.Process | None = None
        self._is_stopping = False

    async def keep_running(self) -> None:
        """Start the program, and again whenever it dies, until `stop` is called.

        Raises: ConfigError if it refused its settings before it had ever been well.
        """
        time = asyncio.get_running_loop().time
        crashes, was_well = 0, False
        while not self._is_stopping:
            began = time()
            self._process = await asyncio.create_subprocess_exec(
                *self._arguments,
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=self._pass_fds,
                # Signals from the terminal are for the supervisor, which stops the parts in their order.
                start_new_session=True,
                preexec_fn=end_with_parent(),
            )
            status = await self._process.wait()
            if self._is_stopping:
                return
            # On a busy machine, reading the settings alone may take longer than that.
            is_well = status != os.EX_CONFIG and time() - began > HEALTHY_AFTER_S
            was_well = was_well or is_well
            if status == os.EX_CONFIG and not was_well:
                raise ConfigError(f"the {self.name} refused its settings, as it says above")
            crashes = 0 if is_well else crashes + 1
            log.warning("program.died", program=self.name, status=status)
            await asyncio.sleep(RESTART_DELAYS_S[min(crashes, len(RESTART_DELAYS_S) - 1)])

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the program, if it runs now."""
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def stop(self, *, grace_s: float) -> None:
        """Ask the program to stop, and kill it if it does not. Idempotent and bounded."""
        self._is_stopping = True
        if self._process is None:
            return
        self.signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(grace_s + KILL_AFTER_S):
                await self._process.wait()
        except TimeoutError:
            log.warning("program.killed", program=self.name, grace_s=grace_s)
            self.signal(signal.SIGKILL)
            await self._process.wait()

"""One child process of an engine and the two pipes to it: start it, talk to it, make it go."""

import asyncio
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Final

from photoplay.engines.lines import LINE_BYTES_MAX, Answer, MalformedLine, Request, parse_answer, request_line
from photoplay.process import child_command, child_environment

__all__ = ["Link"]

# One pipe's worth: what a dying child may have left unread.
_READ_BYTES: Final = 64 * 1024


class Link:
    """One living child process and the two pipes to it. One caller at a time may `hear` or `end`."""

    def __init__(self, process: Process, patience: timedelta) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._stdin = process.stdin
        self._stdout = process.stdout
        self._patience_s = patience.total_seconds()
        self.runs = 0

    @classmethod
    async def open(cls, engine: str, *, options: Mapping[str, str], memory_bytes: int, patience: timedelta) -> "Link":
        arguments = [engine, "--parent-pid", str(os.getpid()), "--memory-bytes", str(memory_bytes)]
        arguments += [f"--option={name}={value}" for name, value in options.items()]
        process = await asyncio.create_subprocess_exec(
            *child_command("photoplay.engines.child", arguments),
            stdin=PIPE,
            stdout=PIPE,
            limit=LINE_BYTES_MAX,
            env=child_environment(),
            start_new_session=True,  # a terminal's or supervisor's signals to our group are ours to act on
        )
        return cls(process, patience)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.returncode is None and not self._stdout.at_eof()

    @property
    def fate(self) -> str:
        """How the process ended, in words."""
        match self._process.returncode:
            case None:
                return "it would not end"
            case status if status < 0:
                return f"signal {-status}"
            case status:
                return f"exit status {status}"

    def say(self, request: Request) -> None:
        """Send one line, without waiting. A dead child shows on the other pipe, where it is handled."""
        if not self._stdin.is_closing():
            self._stdin.write(request_line(request))

    async def hear(self) -> Answer:
        """Raises: MalformedLine for anything but an answer; EOFError when the process is gone."""
        try:
            line = await self._stdout.readline()
        except ValueError as exc:
            raise MalformedLine(f"over the limit of {LINE_BYTES_MAX} bytes a line") from exc
        if not line.endswith(b"\n"):
            raise EOFError
        return parse_answer(line)

    async def end(self) -> None:
        """Make the process go: SIGTERM, patience, SIGKILL. A second cancellation goes straight to SIGKILL."""
        self._stdin.close()
        try:
            self._signal(signal.SIGTERM)
            await self._gone()
        finally:
            self.kill()
        await self._gone()

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    async def _gone(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience_s):
                # asyncio reports the exit only once the pipe has been read to its end.
                while await self._stdout.read(_READ_BYTES):
                    pass
                await self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        """Signal the child and whatever it has started."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

"""The child's side of an engine: take orders on stdin, answer on stdout, obey the parent and die with it.

`python -m photoplay.engines.child camera --parent-pid 123 --memory-bytes 0`. Nothing else in the process may write to
the pipe of the answers, so file descriptor 1 leads to stderr.
"""

import argparse
import importlib
import os
import queue
import resource
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Final, cast

from photoplay.domain.errors import EngineError, EngineUnavailable
from photoplay.engines.engine import Engine, Order
from photoplay.engines.lines import (
    Answer,
    Cancel,
    Cancelled,
    Done,
    Failed,
    Progress,
    Ready,
    Run,
    answer_line,
    parse_request,
)
from photoplay.process import die_with_parent, limit

__all__ = ["ENGINES", "main", "make_engine"]

# Import paths, not classes: a child loads its own engine and none of the others.
ENGINES: Final[Mapping[str, str]] = {
    "camera": "photoplay.engines.camera:CameraEngine",
    "diffusers": "photoplay.engines.diffusers:DiffusersEngine",
    "sandbox": "photoplay.engines.sandbox:SandboxEngine",
}

# Below the server's own processes, so that a full machine still answers.
_NICENESS: Final = 5

# Four a second look alive on a progress bar; more would only cost writes.
_PROGRESS_INTERVAL_S: Final = 0.25

_Say = Callable[[bytes], None]


class _Stopped(BaseException):
    """The parent asked to stop. Not an Exception: an engine that catches everything must not swallow it."""


class _Inbox:
    """What the parent said, sorted by a thread of its own: orders wait in line, a cancel meets the last order."""

    def __init__(self, pipe_fd: int) -> None:
        self._pipe_fd = pipe_fd
        self._orders: queue.SimpleQueue[tuple[Order, threading.Event]] = queue.SimpleQueue()
        self._last = threading.Event()
        threading.Thread(target=self._listen, name="inbox", daemon=True).start()

    def take(self) -> tuple[Order, threading.Event]:
        """Wait for the next order; the event is set once the parent wants it stopped."""
        return self._orders.get()

    def _listen(self) -> None:
        try:
            with os.fdopen(self._pipe_fd, "rb") as pipe:
                for line in pipe:
                    self._sort(line)
        finally:
            # The parent has closed the pipe or is gone, perhaps in the middle of a run: nobody waits for a clip.
            os._exit(0)

    def _sort(self, line: bytes) -> None:
        match parse_request(line):
            case Run(order=order):
                self._last = threading.Event()
                self._orders.put((order, self._last))
            case Cancel():
                self._last.set()


class _Throttle:
    """The engine's `report`: passes on the first share, the last one and a few between; raises when told to stop."""

    def __init__(self, say: _Say, stop: threading.Event) -> None:
        self._say = say
        self._stop = stop
        self._share = 0.0
        self._unsent = False
        self._next_s = 0.0

    def __call__(self, share: float) -> None:
        if self._stop.is_set():
            raise _Stopped
        self._share = max(self._share, min(share, 1.0))
        self._unsent = True
        if time.monotonic() >= self._next_s:
            self.flush()

    def flush(self) -> None:
        if self._unsent:
            self._say(answer_line(Progress(share=self._share)))
            self._unsent = False
            self._next_s = time.monotonic() + _PROGRESS_INTERVAL_S


def make_engine(name: str, options: Mapping[str, str]) -> Engine:
    """Import one engine, by its name or by `module:Class`, and make it; nothing is warmed.

    Raises: EngineUnavailable if there is none of that name.
    """
    path = ENGINES.get(name, name)
    module, separator, attribute = path.partition(":")
    if not separator:
        raise EngineUnavailable(f"engine: {name!r} is not one of {', '.join(ENGINES)}")
    make = cast("Callable[..., Engine]", getattr(importlib.import_module(module), attribute))
    return make(**options)


def _failure(exc: BaseException, *, memory_bytes: int) -> Answer:
    """Put what went wrong into words for the parent. The traceback of a surprise stays on this side."""
    match exc:
        case _Stopped():
            return Cancelled()
        case EngineError():
            return Failed(error=exc)
        case MemoryError():
            ceiling = f" under the limit of {memory_bytes // 2**20} MiB" if memory_bytes else ""
            return Failed(error=EngineUnavailable(f"out of memory{ceiling}"))
        case _:
            traceback.print_exception(exc)
            return Failed(error=EngineUnavailable(f"the engine failed: {type(exc).__name__}"))


def _serve(name: str, options: Mapping[str, str], inbox: _Inbox, *, say: _Say, memory_bytes: int) -> None:
    try:
        engine = make_engine(name, options)
        engine.warm()
    except Exception as exc:  # noqa: BLE001 - the process's outermost layer; an engine may raise anything
        say(answer_line(_failure(exc, memory_bytes=memory_bytes)))
        return
    say(answer_line(Ready(name=engine.name, version=engine.version)))
    while True:
        order, stop = inbox.take()
        report = _Throttle(say, stop)
        try:
            line = answer_line(Done(clip=engine.run(order, report)))
            report.flush()
        except (Exception, _Stopped) as exc:  # noqa: BLE001 - the same, and the private way to stop
            line = answer_line(_failure(exc, memory_bytes=memory_bytes))
        say(line)


def _claim_pipes() -> tuple[int, int]:
    """Take stdin and stdout away from the libraries; return copies that only this module knows."""
    orders_fd, answers_fd = os.dup(0), os.dup(1)
    nothing_fd = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing_fd, 0)
    os.close(nothing_fd)
    os.dup2(2, 1)
    return orders_fd, answers_fd


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="photoplay.engines.child")
    parser.add_argument("engine")
    parser.add_argument("--parent-pid", type=int, required=True)
    parser.add_argument("--memory-bytes", type=int, default=0)
    parser.add_argument("--option", action="append", default=[], help="NAME=VALUE, for the engine")
    return parser.parse_args()


def main() -> int:
    arguments = _arguments()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent(arguments.parent_pid)
    os.nice(_NICENESS)
    memory_bytes: int = arguments.memory_bytes
    options = dict(str(option).split("=", 1) for option in arguments.option)
    if memory_bytes:
        limit(resource.RLIMIT_DATA, memory_bytes)
    # SVT-AV1 tells its whole configuration otherwise, clip by clip. 1: errors alone.
    os.environ.setdefault("SVT_LOG", "1")  # noqa: TID251 - for a library in this process, not a setting of ours
    orders_fd, answers_fd = _claim_pipes()
    inbox = _Inbox(orders_fd)
    with os.fdopen(answers_fd, "wb") as pipe:

        def say(line: bytes) -> None:
            pipe.write(line)
            pipe.flush()

        _serve(arguments.engine, options, inbox, say=say, memory_bytes=memory_bytes)
    return 1


if __name__ == "__main__":
    sys.exit(main())

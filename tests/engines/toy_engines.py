"""Engines that behave as the prompt says. They run in child processes; the tests name them by import path."""

import ctypes
import os
import signal
import stat
import subprocess
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Final, NoReturn

from photoplay.domain.errors import EngineRejected, EngineUnavailable, StillRejected
from photoplay.domain.json import JsonValue
from photoplay.engines.engine import Clip, Order, Report


class Toy:
    name = "toy"
    version = "1"

    def warm(self) -> None:
        pass

    def run(self, order: Order, report: Report) -> Clip:
        part = order.output.with_name(f"{order.output.name}.part")
        part.write_bytes(b"half a clip")
        facts = BEHAVIOURS[order.prompt](report)
        part.replace(order.output)
        return Clip(path=order.output, width_px=16, height_px=16, fps=24, frames=2, facts=facts)


class Placed(Toy):
    def __init__(self, *, models: str, gpu: str) -> None:
        self._made_with = f"{models} {gpu}"

    def run(self, order: Order, report: Report) -> Clip:
        return replace(super().run(order, report), facts={"made_with": self._made_with})


class Broken(Toy):
    def warm(self) -> None:
        raise ImportError("/secret/place")


class Sluggish(Toy):
    def warm(self) -> None:
        signal.pause()


def steady(report: Report) -> Mapping[str, JsonValue]:
    for frame in range(101):
        report(frame / 100)
    return {"frames": 101}


def falling(report: Report) -> Mapping[str, JsonValue]:
    report(0.6)
    report(0.2)
    return {}


def noisy(report: Report) -> Mapping[str, JsonValue]:
    print('{"type":"done"}', flush=True)  # noqa: T201 - the noise under test
    os.write(1, b"noise from a C library\n")
    subprocess.run(["/bin/echo", "noise from a process"], check=True)
    return steady(report)


def introspective(report: Report) -> Mapping[str, JsonValue]:
    report(1.0)
    seen = sorted(os.environ)  # noqa: TID251 - what the child was given is under test
    return {"environment": seen, "niceness": os.nice(0), "stdin": os.read(0, 1).decode()}


def endless(report: Report) -> NoReturn:
    tick = threading.Event()
    while True:
        report(0.1)
        tick.wait(0.005)


def stubborn(report: Report) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        with suppress(BaseException):
            endless(report)


def frozen(report: Report) -> NoReturn:
    """Keep the interpreter lock for ever: no thread of the child can see a cancel or the end of a pipe."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    report(0.1)
    while True:
        ctypes.PyDLL(None).sleep(60)


def silent(report: Report) -> Mapping[str, JsonValue]:
    report(0.1)
    signal.pause()
    return {}


def crashing(report: Report) -> Mapping[str, JsonValue]:
    report(0.1)
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


def greedy(report: Report) -> Mapping[str, JsonValue]:
    report(0.1)
    return {"bytes": len(bytearray(2**31))}


def babbling(report: Report) -> NoReturn:
    report(0.1)
    on_every_pipe(b'{"type":"done","path":7}\n')
    endless(report)


def flooding(report: Report) -> NoReturn:
    report(0.1)
    while True:
        on_every_pipe(bytes(2**20))


def on_every_pipe(noise: bytes) -> None:
    """Write where an engine has no business to write: asyncio gives a child pipes, uvloop gives it sockets."""
    for fd in range(3, 32):
        with suppress(OSError):
            mode = os.fstat(fd).st_mode
            if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
                os.write(fd, noise)


def not_json(report: Report) -> Mapping[str, JsonValue]:
    report(1.0)
    return {"ratio": float("nan")}


def raising(error: Exception) -> Callable[[Report], NoReturn]:
    def behave(report: Report) -> NoReturn:
        report(0.1)
        raise error

    return behave


BEHAVIOURS: Final[Mapping[str, Callable[[Report], Mapping[str, JsonValue]]]] = {
    "steady": steady,
    "falling": falling,
    "noisy": noisy,
    "introspective": introspective,
    "endless": endless,
    "stubborn": stubborn,
    "frozen": frozen,
    "silent": silent,
    "crashing": crashing,
    "greedy": greedy,
    "babbling": babbling,
    "flooding": flooding,
    "not json": not_json,
    "still rejected": raising(StillRejected("image_url: no picture")),
    "engine rejected": raising(EngineRejected("prompt: not this one")),
    "engine unavailable": raising(EngineUnavailable("the service is away")),
    "surprise": raising(RuntimeError("/secret/place")),
}

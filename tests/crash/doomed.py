"""Runs one part of Photoplay with every effect named, and ends it by kill -9 at one of them.

`python -m crash.doomed --list FILE worker` appends the names of the effects to a file, one a line, as they come.
`python -m crash.doomed --at NAME worker` kills the process just before the first effect of that name.
`python -m crash.doomed --strike FILE --engine worker` lives on: it kills its engine just before each effect, the first
time that one comes, and notes its name in the file. `--postgres PID` kills a process of that PostgreSQL instead, which
takes all of it down.

An effect is what somebody else can see: a statement of the database by the name of its file, a commit, a job, a file,
a POST, an answer. Those of a task's way count; what sweeps and heartbeats do by the clock does not. The product knows
nothing of this.
"""

import argparse
import functools
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import asyncpg.transaction
import psutil
from pgqueuer import Queries

from photoplay.domain.tasks import Claim
from photoplay.egress import Egress
from photoplay.files.store import FileStore
from photoplay.store import database
from photoplay.web import wire

Effect = Callable[[str], None]

COMMIT = "commit"
THE_WAY = {f"photoplay.flows.{name}" for name in ("accept", "execute", "settle", "deliver")} | {"photoplay.web.routes"}
BY_THE_CLOCK = {f"photoplay.flows.{name}" for name in ("lease", "sweep", "retain", "audit", "operate")}


def main() -> None:
    parser = argparse.ArgumentParser(prog="crash.doomed")
    parser.add_argument("--list", type=Path)
    parser.add_argument("--at")
    parser.add_argument("--strike", type=Path)
    victim = parser.add_mutually_exclusive_group()
    victim.add_argument("--engine", action="store_true")
    victim.add_argument("--postgres", type=int)
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    if arguments.strike:
        kill = kill_engine if arguments.engine else functools.partial(kill_postgres, arguments.postgres)
        name_effects(striker(kill, noting=lister(arguments.strike)))
    else:
        name_effects(lister(arguments.list) if arguments.list else killer(arguments.at))
    sys.argv = ["photoplay", *arguments.command]
    from photoplay.__main__ import main as photoplay  # noqa: PLC0415 - after the effects have their names

    photoplay()


def lister(path: Path) -> Effect:
    def note(name: str) -> None:
        with path.open("a") as file:
            file.write(f"{name}\n")

    return note


def killer(fatal: str) -> Effect:
    def kill(name: str) -> None:
        if name == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    return kill


def striker(kill: Callable[[], bool], *, noting: Effect) -> Effect:
    struck: set[str] = set()

    def strike(name: str) -> None:
        # Later attempts are spared, so that every task can succeed in the end.
        if name not in struck and attempt_at_work() in {None, 1} and kill():
            struck.add(name)
            noting(name)

    return strike


def kill_engine() -> bool:
    """Kill the engine's process; False where there is none, and in a delivery, which needs none."""
    if any(module_of(frame) == "photoplay.flows.deliver" for frame in stack()):
        return False
    children = [child for child in psutil.Process().children() if "photoplay.engines.child" in child.cmdline()]
    for child in children:
        child.kill()
    return bool(children)


def kill_postgres(pid: int) -> bool:
    """Kill one process of a server: the others go too, and it recovers from its log."""
    victims = psutil.Process(pid).children()[:1]
    for victim in victims:
        victim.kill()
    psutil.wait_procs(victims, timeout=5)
    return bool(victims)


def attempt_at_work() -> int | None:
    """Return the number of the attempt that is at work; None outside of one."""
    claims = (frame.f_locals.get("claim") for frame in stack())
    return next((claim.attempt for claim in claims if isinstance(claim, Claim)), None)


def name_effects(effect: Effect) -> None:
    """Let `effect` be called with the name of each effect before it happens."""

    def about_to(name: str) -> None:
        step = step_of_the_way()
        if step is not None:
            effect(f"commit of {step}" if name == COMMIT else name)

    look_up = database._statement  # pyright: ignore[reportPrivateUsage] - the one place that knows the names

    def named_statement(name: str) -> Any:
        about_to(name)
        return look_up(name)

    database._statement = named_statement  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue] - likewise
    announce(asyncpg.transaction.Transaction, "__aexit__", lambda: about_to(COMMIT))
    announce(Queries, "enqueue", lambda: about_to("enqueue"))
    announce(FileStore, "put", lambda: about_to("put a file"))
    announce(Egress, "post", lambda: about_to("post a callback"))
    created = wire.created

    def named_answer(*arguments: Any) -> Any:
        about_to("answer")
        return created(*arguments)

    wire.created = named_answer


def step_of_the_way() -> str | None:
    """Return the function of a task's flow that is at work, the innermost; None where none is, or a clock's is."""
    innermost = None
    for frame in stack():
        module = module_of(frame)
        if module in BY_THE_CLOCK:
            return None
        if innermost is None and module in THE_WAY:
            innermost = frame.f_code.co_name
    return innermost


def stack() -> Iterator[FrameType]:
    """Yield the frames that are at work, the innermost first."""
    frame: FrameType | None = sys._getframe(1)  # pyright: ignore[reportPrivateUsage] - the stack is what is asked for
    while frame is not None:
        yield frame
        frame = frame.f_back


def module_of(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))


def announce(owner: type, method: str, about_to: Callable[[], None]) -> None:
    """Let a method say that it is about to be called."""
    original: Callable[..., Awaitable[object]] = getattr(owner, method)

    @functools.wraps(original)
    async def announced(*arguments: Any, **options: Any) -> object:
        about_to()
        return await original(*arguments, **options)

    setattr(owner, method, announced)


if __name__ == "__main__":
    main()

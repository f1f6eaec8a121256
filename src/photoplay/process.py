"""What every child process of the server gets and gives up: its environment, its limits, its tie to the parent."""

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

__all__ = [
    "allow_descriptors",
    "child_command",
    "child_environment",
    "die_with_parent",
    "end_with_parent",
    "limit",
    "no_realtime",
]

# What the interpreter and the C libraries need to start, what they may see of the machine, where weights lie. No
# setting and no key of the server is among them.
_PASSED_ON: Final = (
    "CUDA_VISIBLE_DEVICES",
    "HF_HOME",
    "HF_HUB_CACHE",
    "HOME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "LD_LIBRARY_PATH",
    "OMP_NUM_THREADS",
    "PATH",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONHOME",
    "PYTHONPATH",
    "TMPDIR",
    "VIRTUAL_ENV",
)

_PR_SET_PDEATHSIG: Final = 1
"""Source: prctl(2)."""


def child_environment() -> dict[str, str]:
    """Return the few variables that a child may see, so that no secret of the server reaches one."""
    environment = os.environ  # noqa: TID251 - not a setting: it is cut down and handed on
    return {name: environment[name] for name in _PASSED_ON if name in environment}


def child_command(module: str, arguments: Sequence[str]) -> tuple[str, ...]:
    """Return the command line that runs a module of ours, whatever files lie in the working directory."""
    return (sys.executable, "-P", "-m", module, *arguments)


def end_with_parent(number: signal.Signals = signal.SIGKILL) -> Callable[[], None]:
    """Return what ties a new child to this process, for use as `preexec_fn` with programs that are not ours.

    Only for a parent without busy threads: Python code runs between fork and exec.
    """
    parent_pid = os.getpid()
    return lambda: die_with_parent(parent_pid, number)


def die_with_parent(parent_pid: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Ask Linux to signal this process when its parent dies; leave at once if that has happened already.

    The kernel means the parent's *thread*: an event loop that starts children must outlive them.
    Source: PR_SET_PDEATHSIG(2const)
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
    if os.getppid() != parent_pid:
        sys.exit("the parent is gone")


def allow_descriptors(wanted: int) -> int:
    """Let this process have so many files and sockets open, as far as it goes; return how many of them it may."""
    soft, ceiling = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = max(soft, wanted if ceiling == resource.RLIM_INFINITY else min(wanted, ceiling))
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, ceiling))
    except (ValueError, OSError):
        # macOS says that there is no limit and has one.
        allowed = soft
    return min(allowed, wanted)


def limit(kind: int, value: int) -> None:
    """Lower one limit of this process, for good. A tighter limit that is already there stays.

    The hard limit lies one above the soft one: out of processor time, a process then dies of SIGXCPU, which says why.

    macOS knows the limits on memory but refuses some values; there the parent's clock is the only guard.
    """
    _, ceiling = resource.getrlimit(kind)
    soft, hard = value, value + 1
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = min(soft, ceiling), min(hard, ceiling)
    try:
        resource.setrlimit(kind, (soft, hard))
    except (ValueError, OSError):
        if sys.platform == "linux":
            raise


@contextmanager
def no_realtime() -> Generator[None]:
    """Take back the real-time priority that a library gives this process in the block, where it runs as root.

    Every thread has it then, and every child: above all that the machine does, for good.
    """
    if sys.platform != "linux":
        yield
        return
    policy, priority = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        for thread in Path("/proc/self/task").iterdir():
            # It may have ended meanwhile.
            with suppress(ProcessLookupError):
                os.sched_setscheduler(int(thread.name), policy, priority)

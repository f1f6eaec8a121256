"""What every child process of ours is given: an end with its parent, and nothing secret in its environment."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from typing import Final

__all__ = ["bare_environment", "end_with_parent"]

_PR_SET_PDEATHSIG: Final = 1
# What an interpreter and its libraries need to start. Everything else, keys above all, stays with the parent.
_PASSED_ON: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "SYSTEMROOT")


def end_with_parent(signal_number: signal.Signals = signal.SIGKILL) -> Callable[[], None]:
    """Return a function to run in a new child: it dies by this signal when its parent does, even by kill -9.

    Linux only; elsewhere the function does nothing and a child notices its parent's end by its closed pipe.
    Source: prctl(2), PR_SET_PDEATHSIG.
    """
    if sys.platform != "linux":
        return lambda: None
    # Loaded here, before the fork: between fork and exec as little as possible should happen.
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def arm() -> None:
        prctl(_PR_SET_PDEATHSIG, int(signal_number))
        # The parent may have died between the fork and the line above.
        if os.getppid() != parent:
            os._exit(1)

    return arm


def bare_environment() -> dict[str, str]:
    """Return the environment of a child that decodes or generates: no `PHOTOPLAY_` variable, no key."""
    environment = os.environ  # noqa: TID251 - reads nothing but the names above
    return {name: environment[name] for name in _PASSED_ON if name in environment}

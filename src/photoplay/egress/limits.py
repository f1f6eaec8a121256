"""How long a stranger may take, and how many of them at once."""

from dataclasses import dataclass
from typing import Final

__all__ = ["CAPS", "DEADLINES", "Caps", "Deadlines"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """How long a stranger may take; the totals include connecting and every redirect."""

    connect_s: float = 5.0
    """Look-up and TCP together, and TLS once more."""
    fetch_s: float = 25.0
    post_s: float = 15.0
    """CONTRACT: 15 s in all for a callback."""
    call_s: float = 60.0
    """Another server takes a picture and an order, or answers how far it is."""
    quiet_s: float = 30.0
    """A WebSocket that says nothing for as long is pinged, and after as long again given up."""


DEADLINES: Final = Deadlines()


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """How many requests may be under way at once. Who waits, waits within its own deadline."""

    in_all: int = 128
    """A bound on descriptors: an eighth of the 1024 that a process usually gets."""
    per_account: int = 64
    """Half of all, so that nobody alone can keep everybody else waiting."""
    per_host: int = 32
    """A host that hangs holds a quarter of all, and we flood nobody."""


CAPS: Final = Caps()

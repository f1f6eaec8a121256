"""What the operator lets the whole service do."""

from enum import StrEnum

__all__ = ["Mode"]


class Mode(StrEnum):
    """One for all processes, kept in the database."""

    RUNNING = "running"
    PAUSED = "paused"
    """Tasks are accepted and wait; none is claimed. What runs goes on to its end."""
    DRAINING = "draining"
    """Creates are refused; what was accepted goes on to its end."""

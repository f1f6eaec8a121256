"""What is kept of ended tasks, and for how long. The ledger's postings are not among it: they stay."""

from datetime import timedelta
from typing import TYPE_CHECKING

from photoplay.store.database import fetch

if TYPE_CHECKING:
    from photoplay.store.database import Connection

__all__ = ["forget_ended_tasks", "forget_unused_receivers"]


async def forget_ended_tasks(connection: "Connection", *, lifetime: timedelta) -> int:
    """Remove up to 1000 tasks that ended longer ago, with their callbacks and deliveries; return how many.

    A task whose callback is still to be delivered stays.
    """
    return len(await fetch(connection, "tasks_forget_ended", lifetime=lifetime))


async def forget_unused_receivers(connection: "Connection") -> int:
    """Remove the receivers whose callbacks are all gone; return how many."""
    return len(await fetch(connection, "receivers_forget_unused"))

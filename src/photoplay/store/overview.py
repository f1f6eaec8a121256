"""Counts of what is under way, for operators."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from photoplay.domain.tasks import State
from photoplay.store.database import fetch, fetch_row

if TYPE_CHECKING:
    from photoplay.store.database import Connection

__all__ = ["Overview", "count"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    unfinished_tasks: Mapping[str, int]
    """Every unfinished state, 0 included."""
    pending_callbacks: int
    oldest_waiting_s: float
    """0 when nothing waits."""


async def count(connection: "Connection") -> Overview:
    by_state = {state.value: 0 for state in State if not state.is_terminal}
    for row in await fetch(connection, "overview_tasks"):
        by_state[str(row["state"])] = int(row["tasks"])
    row = await fetch_row(connection, "overview_waits")
    assert row is not None
    return Overview(
        unfinished_tasks=by_state,
        pending_callbacks=int(row["pending_callbacks"]),
        oldest_waiting_s=float(row["oldest_waiting_s"]),
    )

"""Counts of what is under way, for operators."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

from photoplay.domain.tasks import State
from photoplay.store.database import Row, fetch, fetch_row

if TYPE_CHECKING:
    from photoplay.store.database import Connection

__all__ = ["Deliveries", "Failures", "Overview", "Queue", "Running", "Work", "count", "survey"]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """What waits for one engine."""

    engine: str
    waiting: int
    oldest_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What one worker makes with one engine now."""

    worker: str
    """What the queue calls the worker's connection; new at every start."""
    engine: str
    jobs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """Tasks that ended without a clip, and for the same cause."""

    engine: str
    code: str
    message: str
    tasks: int
    last_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliveries:
    pending: int
    due: int
    """Of the pending ones, those whose time has come."""
    failing: int
    """Of the pending ones, those that were tried in vain."""
    exhausted: int
    """Given up lately, after the whole schedule or because the receiver said so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    queues: tuple[Queue, ...]
    running: tuple[Running, ...]
    failures: tuple[Failures, ...]
    """The most frequent first, 20 at most."""
    deliveries: Deliveries
    files: int
    files_bytes: int


async def survey(connection: "Connection", *, failures_since: timedelta) -> Work:
    """Return what waits and runs now, and what went wrong lately."""
    totals = await fetch_row(connection, "overview_totals", since=failures_since)
    assert totals is not None, "an aggregate is one row"
    return Work(
        queues=tuple(
            Queue(engine=str(row["engine"]), waiting=int(row["waiting"]), oldest_s=float(row["oldest_s"]))
            for row in await fetch(connection, "overview_queues")
        ),
        running=tuple(
            Running(worker=str(row["worker"]), engine=str(row["engine"]), jobs=int(row["jobs"]))
            for row in await fetch(connection, "overview_running")
        ),
        failures=tuple([_failures(row) for row in await fetch(connection, "overview_failures", since=failures_since)]),
        deliveries=Deliveries(
            **{name: int(totals[name]) for name in ("pending", "due", "failing", "exhausted")},
        ),
        files=int(totals["files"]),
        files_bytes=int(totals["files_bytes"]),
    )


def _failures(row: Row) -> Failures:
    return Failures(
        engine=str(row["engine"]),
        code=str(row["fail_code"]),
        message=str(row["message"]),
        tasks=int(row["tasks"]),
        last_at=cast("datetime", row["last_at"]),
    )

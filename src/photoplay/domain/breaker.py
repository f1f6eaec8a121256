"""A circuit breaker: an engine that several tasks in a row found unavailable is left alone for a while.

closed -> open: after TASKS_MAX tasks. open -> half-open: after PAUSE, when one attempt finds out. Then closed again, or
open for another PAUSE.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from photoplay.domain.errors import AppError, EngineRejected, EngineUnavailable
from photoplay.domain.outcomes import Produced, Stopped
from photoplay.domain.tasks import TaskId

__all__ = ["CLOSED", "PAUSE", "TASKS_MAX", "Breaker", "BreakerState", "after", "enter", "leave", "wait"]

# Different tasks: one whose picture kills the engine must not take it from the others by its own three attempts.
TASKS_MAX: Final = 3
# As for receivers of callbacks: long enough to spare a dead server, short enough to be forgotten once it is back.
PAUSE: Final = timedelta(seconds=30)


class BreakerState(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """What a worker holds against one engine."""

    failed: frozenset[TaskId] = frozenset()
    """Tasks that found it unavailable since it last answered."""
    retry_at: datetime | None = None
    """None while closed. Otherwise when the next attempt may find out; later while one does."""
    is_probing: bool = False
    """Whether one attempt is finding out now."""

    def state(self, now: datetime) -> BreakerState:
        if self.retry_at is None:
            return BreakerState.CLOSED
        return BreakerState.HALF_OPEN if self.is_probing or now >= self.retry_at else BreakerState.OPEN


CLOSED: Final = Breaker()


def wait(breaker: Breaker, *, now: datetime, pause: timedelta = PAUSE) -> timedelta:
    """Return how long the engine is left alone; 0 if an attempt may begin. Never longer than the pause: clocks jump."""
    return timedelta() if breaker.retry_at is None else min(pause, max(timedelta(), breaker.retry_at - now))


def enter(breaker: Breaker, *, now: datetime, pause: timedelta = PAUSE) -> Breaker:
    """Return the breaker once an attempt has begun: of a half-open one, nobody else begins meanwhile."""
    return breaker if breaker.retry_at is None else replace(breaker, retry_at=now + pause, is_probing=True)


def leave(breaker: Breaker, *, now: datetime) -> Breaker:
    """Return the breaker after an attempt that says nothing of the engine: the next one may find out."""
    return replace(breaker, retry_at=now, is_probing=False) if breaker.is_probing else breaker


def after(
    breaker: Breaker,
    result: Produced | Stopped | AppError,
    *,
    task_id: TaskId,
    now: datetime,
    pause: timedelta = PAUSE,
) -> Breaker:
    """Return the breaker after an attempt: an answer of the engine, of any kind, closes it."""
    if isinstance(result, Produced | EngineRejected):
        return CLOSED
    if not isinstance(result, EngineUnavailable):
        return leave(breaker, now=now)
    failed = breaker.failed | {task_id}
    is_open = breaker.retry_at is not None or len(failed) >= TASKS_MAX
    return Breaker(failed=failed, retry_at=now + pause if is_open else None)

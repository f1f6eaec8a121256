"""How long a task will take: an estimate from how long others took. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from photoplay.domain.tasks import State, Task

__all__ = ["QUEUE_POSITION_MAX", "Outlook", "estimate", "next_poll"]

# Counting further costs more than the number is worth to anybody.
QUEUE_POSITION_MAX: Final = 1000
# Asked this often, an estimate is never off by more than a fraction of itself.
POLLS_AN_ESTIMATE: Final = 5
POLL_MIN: Final = timedelta(milliseconds=500)
POLL_MAX: Final = timedelta(seconds=5)
# Where nothing was measured yet.
POLL_UNKNOWN: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What lies before the end of a task. Work is in the time that such work took on average."""

    run: timedelta | None
    """One run of this engine, model and size; None before any was measured."""
    queue_position: int | None = None
    """1 for the next to be claimed, at most QUEUE_POSITION_MAX; None once claimed."""
    work_ahead: timedelta = timedelta()
    """Of the tasks that go first, and what is left of those that run."""
    running: int = 0
    """How many tasks of the engine run now: as many places are at work."""


def estimate(task: Task, outlook: Outlook, *, now: datetime) -> timedelta | None:
    """Return how long it will be until the task has ended, never below zero; None where nobody can know.

    It takes for granted that nobody comes in between and that as many places go on working as do now.
    """
    if outlook.run is None or task.state.is_terminal or outlook.queue_position == QUEUE_POSITION_MAX:
        return None
    if task.state is State.WAITING:
        return outlook.work_ahead / max(1, outlook.running) + outlook.run
    if task.generating_at is None or task.state is not State.GENERATING:
        return outlook.run
    left = outlook.run * (100 - task.progress) / 100
    if task.attempt > 1:
        # Progress never falls, so it may be that of an attempt that failed: believe the clock where it says more.
        left = max(left, outlook.run - (now - task.generating_at))
    return left


def next_poll(task: Task, eta: timedelta | None) -> timedelta | None:
    """Return when it is worth asking again; None once the task has ended."""
    if task.state.is_terminal:
        return None
    return POLL_UNKNOWN if eta is None else min(max(eta / POLLS_AN_ESTIMATE, POLL_MIN), POLL_MAX)

"""When an engine is left alone, and when it is asked again."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from photoplay.domain.breaker import CLOSED, PAUSE, TASKS_MAX, Breaker, BreakerState, after, enter, leave, wait
from photoplay.domain.errors import (
    AppError,
    EngineRejected,
    EngineTimeout,
    EngineUnavailable,
    StillRejected,
    TargetUnreachable,
)
from photoplay.domain.outcomes import Produced, Stopped
from photoplay.domain.tasks import TaskId

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + PAUSE
SECOND = timedelta(seconds=1)
CLIP = Produced(result="a/b.mp4", size_bytes=1, engine="ark")


def task(number: int) -> TaskId:
    return TaskId(UUID(int=number))


def failed(count: int, breaker: Breaker = CLOSED, *, now: datetime = NOW) -> Breaker:
    for number in range(count):
        breaker = after(breaker, EngineUnavailable(), task_id=task(number), now=now)
    return breaker


def test_it_opens_at_the_third_task_in_a_row() -> None:
    assert failed(TASKS_MAX - 1).state(NOW) is BreakerState.CLOSED
    assert failed(TASKS_MAX).state(NOW) is BreakerState.OPEN
    assert wait(failed(TASKS_MAX), now=NOW) == PAUSE
    assert wait(failed(TASKS_MAX - 1), now=NOW) == timedelta()


def test_one_task_alone_never_opens_it() -> None:
    breaker = CLOSED
    for _ in range(10):
        breaker = after(breaker, EngineUnavailable(), task_id=task(1), now=NOW)

    assert breaker.state(NOW) is BreakerState.CLOSED


@pytest.mark.parametrize("answer", [CLIP, EngineRejected("no")])
def test_any_answer_begins_the_count_anew(answer: Produced | AppError) -> None:
    assert after(failed(TASKS_MAX - 1), answer, task_id=task(9), now=NOW) == CLOSED
    assert after(failed(TASKS_MAX), answer, task_id=task(9), now=NOW) == CLOSED


@pytest.mark.parametrize("nothing", [Stopped(), EngineTimeout(), TargetUnreachable("a picture"), StillRejected("no")])
def test_what_says_nothing_of_the_engine_changes_nothing(nothing: Stopped | AppError) -> None:
    assert after(failed(2), nothing, task_id=task(9), now=NOW) == failed(2)


def test_a_clock_that_is_set_back_lengthens_no_pause() -> None:
    hour = timedelta(hours=1)

    assert wait(failed(TASKS_MAX), now=NOW - hour) == PAUSE
    assert wait(failed(TASKS_MAX), now=NOW - hour, pause=SECOND) == SECOND


def test_after_the_pause_one_attempt_finds_out_alone() -> None:
    breaker = failed(TASKS_MAX)
    probing = enter(breaker, now=LATER)

    assert breaker.state(LATER) is BreakerState.HALF_OPEN
    assert (wait(breaker, now=LATER), wait(probing, now=LATER)) == (timedelta(), PAUSE)
    assert probing.state(LATER) is BreakerState.HALF_OPEN
    assert after(probing, CLIP, task_id=task(9), now=LATER) == CLOSED


def test_one_failure_opens_a_half_open_one_again() -> None:
    again = after(enter(failed(TASKS_MAX), now=LATER), EngineUnavailable(), task_id=task(9), now=LATER)

    assert again.state(LATER) is BreakerState.OPEN
    assert wait(again, now=LATER) == PAUSE


def test_an_attempt_that_found_nothing_out_lets_the_next_one_try_at_once() -> None:
    left = leave(enter(failed(TASKS_MAX), now=LATER), now=LATER + SECOND)

    assert wait(left, now=LATER + SECOND) == timedelta()
    assert left.state(LATER + SECOND) is BreakerState.HALF_OPEN


def test_entering_a_closed_one_keeps_nobody_out() -> None:
    assert enter(CLOSED, now=NOW) == CLOSED
    assert enter(failed(1), now=NOW) == failed(1)

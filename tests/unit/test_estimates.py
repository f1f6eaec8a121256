"""How long a task will take: an estimate, never below zero, and null where nobody can know."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photoplay.domain.tasks import State, Task
from photoplay.domain.waiting import POLL_MAX, POLL_MIN, QUEUE_POSITION_MAX, Outlook, estimate, next_poll
from photoplay.files.cards import load_cards
from photoplay.web import samples

ENDED = samples.task(load_cards()["bytedance/v1-pro-fast-image-to-video"], engine="camera", state=samples.SUCCEEDED)
WAITING = replace(ENDED, state=State.WAITING, finished_at=None, generating_at=None, progress=0, attempt=0)
CLAIMED = replace(WAITING, state=State.CLAIMED, attempt=1)
START = ENDED.created_at
GENERATING = replace(CLAIMED, state=State.GENERATING, generating_at=START)

times = st.timedeltas(min_value=timedelta(), max_value=timedelta(days=1))


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def eta_s(task: Task, outlook: Outlook, *, after_s: float = 0) -> float | None:
    eta = estimate(task, outlook, now=START + seconds(after_s))
    return None if eta is None else eta.total_seconds()


def test_nothing_is_known_before_a_run_was_measured() -> None:
    unknown = Outlook(run=None, queue_position=1)

    assert [eta_s(task, unknown) for task in (WAITING, CLAIMED, GENERATING)] == [None] * 3


def test_an_ended_task_has_no_estimate() -> None:
    assert eta_s(ENDED, Outlook(run=seconds(8))) is None


@pytest.mark.parametrize(
    ("work_ahead_s", "running", "expected_s"), [(0, 0, 8), (0, 1, 8), (24, 0, 32), (24, 1, 32), (24, 3, 16)]
)
def test_a_waiting_task_waits_for_the_work_ahead_shared_by_the_places_at_work(
    work_ahead_s: float, running: int, expected_s: float
) -> None:
    outlook = Outlook(run=seconds(8), queue_position=2, work_ahead=seconds(work_ahead_s), running=running)

    assert eta_s(WAITING, outlook) == expected_s


def test_a_place_that_was_not_counted_exactly_has_no_estimate() -> None:
    assert eta_s(WAITING, Outlook(run=seconds(8), queue_position=QUEUE_POSITION_MAX)) is None


def test_a_claimed_task_has_its_whole_run_before_it() -> None:
    # Progress may be that of an earlier attempt.
    assert eta_s(replace(CLAIMED, progress=60, attempt=2), Outlook(run=seconds(8))) == 8


@pytest.mark.parametrize(("progress", "after_s", "expected_s"), [(0, 0, 8), (25, 1, 6), (25, 20, 6), (99, 30, 0.08)])
def test_a_generating_task_has_left_what_its_progress_leaves_of_the_average(
    progress: int, after_s: float, expected_s: float
) -> None:
    assert eta_s(replace(GENERATING, progress=progress), Outlook(run=seconds(8)), after_s=after_s) == expected_s


@pytest.mark.parametrize(("after_s", "expected_s"), [(0, 8), (1, 7), (6, 4), (100, 4)])
def test_progress_of_a_failed_attempt_is_not_believed(after_s: float, expected_s: float) -> None:
    again = replace(GENERATING, attempt=2, progress=50)

    assert eta_s(again, Outlook(run=seconds(8)), after_s=after_s) == expected_s


@given(
    st.sampled_from([WAITING, CLAIMED, GENERATING]),
    st.integers(0, 99),
    st.integers(1, 3),
    st.builds(Outlook, run=times, work_ahead=times, running=st.integers(0, 100)),
    times,
)
def test_an_estimate_is_never_below_zero(
    task: Task, progress: int, attempt: int, outlook: Outlook, after: timedelta
) -> None:
    eta = estimate(replace(task, progress=progress, attempt=attempt), outlook, now=START + after)

    assert eta is not None
    assert eta >= timedelta()


@pytest.mark.parametrize(
    ("eta", "expected"),
    [(None, seconds(1)), (seconds(0), POLL_MIN), (seconds(8), seconds(1.6)), (seconds(3600), POLL_MAX)],
)
def test_the_nearer_the_end_the_sooner_the_next_question(eta: timedelta | None, expected: timedelta) -> None:
    assert next_poll(GENERATING, eta) == expected


def test_an_ended_task_need_not_be_asked_again() -> None:
    assert next_poll(ENDED, None) is None

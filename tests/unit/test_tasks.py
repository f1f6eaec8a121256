"""The life of a task: every move that is allowed, and no other."""

import pytest

from photoplay.domain.tasks import Event, State, advance

# Written out by hand, state by state: "" where the event must not happen.
EXPECTED = {
    "waiting": {
        "claim": "claimed",
        "start": "",
        "succeed": "",
        "fail": "failed",
        "retry": "",
        "cancel": "cancelled",
        "expire": "expired",
    },
    "claimed": {
        "claim": "",
        "start": "generating",
        "succeed": "",
        "fail": "failed",
        "retry": "waiting",
        "cancel": "cancelled",
        "expire": "expired",
    },
    "generating": {
        "claim": "",
        "start": "",
        "succeed": "succeeded",
        "fail": "failed",
        "retry": "waiting",
        "cancel": "cancelled",
        "expire": "expired",
    },
    "succeeded": {
        "claim": "",
        "start": "",
        "succeed": "",
        "fail": "",
        "retry": "",
        "cancel": "",
        "expire": "",
    },
    "failed": {
        "claim": "",
        "start": "",
        "succeed": "",
        "fail": "",
        "retry": "",
        "cancel": "",
        "expire": "",
    },
    "cancelled": {
        "claim": "",
        "start": "",
        "succeed": "",
        "fail": "",
        "retry": "",
        "cancel": "",
        "expire": "",
    },
    "expired": {
        "claim": "",
        "start": "",
        "succeed": "",
        "fail": "",
        "retry": "",
        "cancel": "",
        "expire": "",
    },
}

MOVES = [(state, event, after) for state, events in EXPECTED.items() for event, after in events.items()]


def test_the_expectations_cover_every_state_and_event() -> None:
    covered = {(state, event) for state, event, _ in MOVES}

    assert covered == {(state.value, event.value) for state in State for event in Event}


@pytest.mark.parametrize(
    ("state", "event", "after"), [pytest.param(*move, id=f"{move[0]}-{move[1]}") for move in MOVES if move[2]]
)
def test_an_allowed_event_moves_the_task(state: str, event: str, after: str) -> None:
    moved = advance(State(state), Event(event))

    assert moved == after


@pytest.mark.parametrize(
    ("state", "event"), [pytest.param(*move[:2], id=f"{move[0]}-{move[1]}") for move in MOVES if not move[2]]
)
def test_any_other_event_is_a_bug(state: str, event: str) -> None:
    with pytest.raises(AssertionError, match=f"no move from {state} by {event}"):
        advance(State(state), Event(event))


@pytest.mark.parametrize(
    ("state", "is_terminal"),
    [
        ("waiting", False),
        ("claimed", False),
        ("generating", False),
        ("succeeded", True),
        ("failed", True),
        ("cancelled", True),
        ("expired", True),
    ],
)
def test_only_the_four_ends_are_terminal(state: str, is_terminal: bool) -> None:
    assert State(state).is_terminal is is_terminal

"""A task and its life: the states, the events, and the only table of moves between them.

Nothing here acts; the store writes what these functions work out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NewType
from uuid import UUID

from photoplay.domain.json import JsonObject

__all__ = [
    "TRANSITIONS",
    "AccountId",
    "Claim",
    "Event",
    "Failure",
    "KeyId",
    "NewTask",
    "State",
    "Task",
    "TaskId",
    "advance",
]

TaskId = NewType("TaskId", UUID)
AccountId = NewType("AccountId", UUID)
KeyId = NewType("KeyId", UUID)


class State(StrEnum):
    """Where a task is. The wire knows fewer names: see `web/wire.py`."""

    WAITING = "waiting"
    CLAIMED = "claimed"
    GENERATING = "generating"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def is_terminal(self) -> bool:
        return not TRANSITIONS[self]


class Event(StrEnum):
    """What can happen to a task."""

    CLAIM = "claim"
    """A worker takes it: attempt + 1, a new claim, a lease."""
    START = "start"
    """The still is fetched and checked; the engine begins."""
    SUCCEED = "succeed"
    FAIL = "fail"
    """Another attempt cannot help, or none is left."""
    RETRY = "retry"
    """The attempt failed or its lease ran out, and another one may help."""
    CANCEL = "cancel"
    """The owner does not want it any more."""
    EXPIRE = "expire"
    """It waited or ran longer than its deadline."""


_UNFINISHED_ENDS: Final = {
    Event.FAIL: State.FAILED,
    Event.CANCEL: State.CANCELLED,
    Event.EXPIRE: State.EXPIRED,
}

TRANSITIONS: Final[Mapping[State, Mapping[Event, State]]] = MappingProxyType(
    {
        State.WAITING: {Event.CLAIM: State.CLAIMED, **_UNFINISHED_ENDS},
        State.CLAIMED: {Event.START: State.GENERATING, Event.RETRY: State.WAITING, **_UNFINISHED_ENDS},
        State.GENERATING: {Event.SUCCEED: State.SUCCEEDED, Event.RETRY: State.WAITING, **_UNFINISHED_ENDS},
        State.SUCCEEDED: {},
        State.FAILED: {},
        State.CANCELLED: {},
        State.EXPIRED: {},
    }
)


def advance(state: State, event: Event) -> State:
    """Return the state after the event.

    Raises: AssertionError if the table has no such move; that is a bug, not an AppError.
    """
    after = TRANSITIONS[state].get(event)
    assert after is not None, f"no move from {state} by {event}"
    return after


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a task ended without a clip, as the caller reads it."""

    code: str
    """`422` where the input is at fault, `500` where the server is."""
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A worker's right to end one attempt. Every ending write names it."""

    task_id: TaskId
    token: UUID
    """New with every claim; a write that names an older one changes nothing."""
    attempt: int
    """1 for the first claim of a task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTask:
    """A task at the moment of its acceptance: what the caller asked for and what was decided then."""

    id: TaskId
    account_id: AccountId
    key_id: KeyId
    model: str
    request: str
    input: JsonObject
    callback_url: str | None
    attempts_max: int
    price_credits: int
    balance_credits: int
    """After the hold."""
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What the caller sees of one request, and what the server needs to end it."""

    id: TaskId
    account_id: AccountId
    model: str
    request: str
    """The complete create request as JSON, values as the caller sent them."""
    input: JsonObject
    """The validated input: defaults filled in, `5` made `"5"`, unknown keys gone."""
    callback_url: str | None
    state: State
    attempt: int
    """Times claimed so far. 0 before the first claim; never decreases."""
    attempts_max: int
    progress: int
    """0 to 100. Never falls, not even when another attempt begins."""
    price_credits: int
    charged_credits: int
    """0 until success, then the price; a failed task is never charged."""
    balance_credits: int
    """The account's balance after this task's last credit movement."""
    seed: int
    """Chosen at create, so that another attempt makes the same clip."""
    engine: str | None
    """Which engine made the clip. None before success."""
    results: tuple[str, ...]
    """Paths of the finished files below `/files/`, empty before success."""
    failure: Failure | None
    created_at: datetime
    updated_at: datetime
    generating_at: datetime | None
    """When the engine of the last attempt began; the start of `costTime`."""
    finished_at: datetime | None
    """Set exactly when the state is terminal."""

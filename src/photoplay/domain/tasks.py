"""A task and its life: the states, the events, and the only table of moves between them.

Nothing here acts; the store writes what these functions work out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Final, NewType
from uuid import UUID

from photoplay.domain.json import JsonObject, JsonValue

__all__ = [
    "TRANSITIONS",
    "AccountId",
    "CallbackEvent",
    "Claim",
    "Event",
    "Failure",
    "KeyId",
    "NewTask",
    "Priority",
    "Stage",
    "State",
    "Submission",
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


class Stage(StrEnum):
    """What is being done for a task right now. An engine may name finer ones some day."""

    WAITING = "waiting"
    FETCHING = "fetching"
    """A worker has it, and gets and checks its pictures."""
    GENERATING = "generating"
    STORING = "storing"
    """The clip is made; it is read back and kept."""
    STOPPING = "stopping"
    """Its owner does not want it any more, and its engine is being stopped."""
    DONE = "done"


class CallbackEvent(StrEnum):
    """What a caller can be told of."""

    GENERATING = "generating"
    SUCCESS = "success"
    FAIL = "fail"

    @classmethod
    def of(cls, state: State) -> "CallbackEvent":
        """Return what entering this state is to the caller: an end without a clip is a fail, whatever the reason."""
        assert state is State.GENERATING or state.is_terminal, f"nobody is told of {state}"
        return _TOLD.get(state, cls.FAIL)


_TOLD: Final = {State.GENERATING: CallbackEvent.GENERATING, State.SUCCEEDED: CallbackEvent.SUCCESS}


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


class Priority(IntEnum):
    """Which of two tasks is claimed first, whoever owns them. The number is the order."""

    NORMAL = 0
    LOW = 1


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


_STAGES: Final = {
    State.WAITING: Stage.WAITING,
    State.CLAIMED: Stage.FETCHING,
    State.GENERATING: Stage.GENERATING,
}


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
class Submission:
    """What a task asked another server to do, so that whoever takes the task over goes on with it."""

    engine: str
    job_id: str
    """Ours, new for every job that is asked for."""
    handle: JsonObject | None
    """What the other server calls the job. None: it was about to be asked, and may or may not know of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTask:
    """A task at the moment of its acceptance: what the caller asked for and what was decided then."""

    id: TaskId
    account_id: AccountId
    key_id: KeyId
    model: str
    engine: str
    priority: Priority
    reference: str | None
    request: str
    input: JsonObject
    size: str
    """What sets how long the work takes: see `cards.work_size`."""
    callback_url: str | None
    callback_events: frozenset[CallbackEvent]
    """What the caller wants to be told of, at `callback_url` or by listening."""
    attempts_max: int
    price_credits: int
    balance_credits: int
    """After the hold."""
    seed: int
    script: JsonObject = field(default_factory=dict[str, JsonValue])


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What the caller sees of one request, and what the server needs to end it."""

    id: TaskId
    account_id: AccountId
    key_id: KeyId
    model: str
    engine: str
    """What makes the clip: chosen at create, the first of the card's engines that was configured then.

    Another one takes over where the operator lets it: see `routes.py`.
    """
    priority: Priority
    reference: str | None
    """The caller's own name for the task; not unique."""
    request: str
    """The complete create request as JSON, values as the caller sent them."""
    input: JsonObject
    """The validated input: defaults filled in, `5` made `"5"`, unknown keys gone."""
    size: str
    """What sets how long the work takes, such as `720p 5 s`."""
    callback_url: str | None
    callback_events: frozenset[CallbackEvent]
    state: State
    attempt: int
    """Times claimed so far. 0 before the first claim; never decreases."""
    attempts_max: int
    progress: int
    """0 to 100. Never falls, not even when another attempt begins."""
    reported_stage: Stage | None
    """What the worker says it is at; None while the state says it all, and when another attempt begins."""
    submission: Submission | None
    """The job at another server that makes the clip. None where the engine is on this machine, and before."""
    cancel_asked: bool
    """The owner wants a running task to end. Once set, it stays."""
    price_credits: int
    charged_credits: int
    """0 until success, then the price; a failed task is never charged."""
    balance_credits: int
    """The account's balance after this task's last credit movement."""
    seed: int
    """Chosen at create, so that another attempt makes the same clip; after success the one that was used."""
    results: tuple[str, ...]
    """Paths of the finished files below `/files/`, empty before success."""
    artifacts: Mapping[str, str]
    """Paths of what comes with them, by kind: `poster`, `last_frame`. Empty where the engine makes none."""
    facts: JsonObject
    """What the engine said that it understood and used. Empty before success."""
    script: JsonObject = field(default_factory=dict[str, JsonValue])
    """How the task of a test key ends, and how its callbacks come: see `script.py`. Empty for a live key's."""
    failure: Failure | None
    created_at: datetime
    updated_at: datetime
    generating_at: datetime | None
    """When the engine of the last attempt began; the start of `costTime`."""
    finished_at: datetime | None
    """Set exactly when the state is terminal."""

    @property
    def stage(self) -> Stage:
        if self.state.is_terminal:
            return Stage.DONE
        return Stage.STOPPING if self.cancel_asked else self.reported_stage or _STAGES[self.state]

"""One attempt's result, turned into what happens to the task. Pure: the flow acts on the answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, TypeAlias

from photoplay.domain.errors import (
    AppError,
    EngineRejected,
    EngineTimeout,
    EngineUnavailable,
    StillRejected,
    TargetForbidden,
    TargetRefused,
    TargetUnreachable,
)
from photoplay.domain.json import JsonObject, JsonValue
from photoplay.domain.tasks import Failure

__all__ = [
    "CANCELLED",
    "EXPIRED",
    "TIMINGS",
    "Fail",
    "Kept",
    "Outcome",
    "Produced",
    "Retry",
    "Stop",
    "Stopped",
    "Succeed",
    "decide",
]

# The fact that says what each part of an attempt took, in seconds: `wait_s`, `fetch_s`, `engine_s`, `store_s`.
TIMINGS: Final = "timings"

# Short first: most passing faults (a reset connection, a crashed child) are gone within a second.
RETRY_DELAYS: Final = (timedelta(seconds=1), timedelta(seconds=5))

# The first class that fits wins; what is not listed is the server's own fault and is tried again.
_CODES: Final = (
    (StillRejected, "422"),
    (TargetForbidden, "422"),
    (TargetRefused, "422"),
    (TargetUnreachable, "422"),
    (EngineTimeout, "500"),
    (EngineUnavailable, "500"),
)
CANCELLED: Final = Failure(code="499", message="The task was cancelled by its owner")
EXPIRED: Final = Failure(code="504", message="The task waited longer than this server lets tasks wait")
_PERMANENT: Final = (StillRejected, EngineRejected, TargetForbidden, TargetRefused)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One more file in the store."""

    path: str
    """Below `/files/`."""
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Produced:
    """A finished clip in the store, and who made it."""

    result: str
    """Path below `/files/`."""
    size_bytes: int
    engine: str
    artifacts: Mapping[str, Kept] = field(default_factory=dict[str, Kept])
    """What comes with the clip, by kind."""
    facts: JsonObject = field(default_factory=dict[str, JsonValue])
    """What the engine understood and used."""
    seed: int | None = None
    """The seed that was used. None: the task's own."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """The engine was stopped because the owner asked for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Succeed:
    produced: Produced


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    delay: timedelta
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fail:
    failure: Failure


@dataclass(frozen=True, slots=True)
class Stop:
    """The owner's wish is done."""


Outcome: TypeAlias = Succeed | Retry | Fail | Stop


def decide(result: Produced | Stopped | AppError, *, attempt: int, attempts_max: int) -> Outcome:
    """Say what one attempt's result means for its task."""
    if isinstance(result, Produced):
        return Succeed(produced=result)
    if isinstance(result, Stopped):
        return Stop()
    if not isinstance(result, _PERMANENT) and attempt < attempts_max:
        return Retry(delay=RETRY_DELAYS[min(attempt, len(RETRY_DELAYS)) - 1], reason=str(result))
    return Fail(failure=Failure(code=_code(result), message=_message(result, attempt=attempt)))


def _code(error: AppError) -> str:
    if isinstance(error, EngineRejected):
        return error.code
    return next((code for kind, code in _CODES if isinstance(error, kind)), "500")


def _message(error: AppError, *, attempt: int) -> str:
    if attempt == 1 or isinstance(error, _PERMANENT):
        return str(error)
    return f"{error} (gave up after {attempt} attempts)"

"""One attempt's result, turned into what happens to the task. Pure: the flow acts on the answer."""

from dataclasses import dataclass
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
from photoplay.domain.tasks import Failure

__all__ = ["CANCELLED", "Fail", "Outcome", "Produced", "Retry", "Stop", "Stopped", "Succeed", "decide"]

# Short first: most passing faults (a reset connection, a crashed child) are gone within a second.
RETRY_DELAYS: Final = (timedelta(seconds=1), timedelta(seconds=5))

# The first class that fits wins; what is not listed is the server's own fault and is tried again.
_CODES: Final = (
    (StillRejected, "422"),
    (EngineRejected, "422"),
    (TargetForbidden, "422"),
    (TargetRefused, "422"),
    (TargetUnreachable, "422"),
    (EngineTimeout, "500"),
    (EngineUnavailable, "500"),
)
CANCELLED: Final = Failure(code="499", message="The task was cancelled by its owner")
_PERMANENT: Final = (StillRejected, EngineRejected, TargetForbidden, TargetRefused)


@dataclass(frozen=True, slots=True, kw_only=True)
class Produced:
    """A finished clip in the store, and who made it."""

    result: str
    """Path below `/files/`."""
    size_bytes: int
    engine: str


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
    return next((code for kind, code in _CODES if isinstance(error, kind)), "500")


def _message(error: AppError, *, attempt: int) -> str:
    if attempt == 1 or isinstance(error, _PERMANENT):
        return str(error)
    return f"{error} (gave up after {attempt} attempts)"

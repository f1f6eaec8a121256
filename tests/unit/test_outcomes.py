"""What one attempt's result means for its task, for every error there is."""

import inspect
from datetime import timedelta

import pytest

from photoplay.domain import errors
from photoplay.domain.errors import AppError, InsufficientCredits, InvalidInput, RateLimited
from photoplay.domain.outcomes import Fail, Produced, Retry, Succeed, decide

ATTEMPTS_MAX = 3
DELAYS_S = {1: 1, 2: 5}

ENDS_AT_ONCE = {
    "StillRejected": "422",
    "EngineRejected": "422",
    "TargetForbidden": "422",
    "TargetRefused": "422",
}
TRIED_AGAIN = {
    "EngineUnavailable": "500",
    "EngineTimeout": "500",
    "TargetUnreachable": "422",
    "StaleClaim": "500",
    "StoreUnavailable": "500",
    "ConfigError": "500",
    "ServerDraining": "500",
    "DiskFull": "500",
    "MalformedBody": "500",
    "InvalidInput": "500",
    "BodyTooLarge": "500",
    "BodyTooSlow": "500",
    "UnsupportedMediaType": "500",
    "Unauthorized": "500",
    "InsufficientCredits": "500",
    "KeyCapReached": "500",
    "RateLimited": "500",
    "IdempotencyConflict": "500",
    "NotFound": "500",
    "MethodNotAllowed": "500",
    "ModelSwitchedOff": "500",
}
TEXT = "what went wrong"


def make(name: str) -> AppError:
    kind: type[AppError] = getattr(errors, name)
    if kind is InvalidInput:
        return InvalidInput(TEXT, field="model")
    if kind is InsufficientCredits:
        return InsufficientCredits(price_credits=2, balance_credits=1)
    if kind is errors.MethodNotAllowed:
        return errors.MethodNotAllowed(allowed="GET")
    if kind is RateLimited:
        return RateLimited(TEXT, limit=1)
    return kind(TEXT)


def test_the_expectations_cover_every_leaf_of_the_error_tree() -> None:
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, AppError)]
    leaves = {kind.__name__ for kind in kinds if not kind.__subclasses__()}

    assert ENDS_AT_ONCE.keys() | TRIED_AGAIN.keys() == leaves


@pytest.mark.parametrize("attempt", [1, 2, 3])
def test_a_clip_is_success_on_any_attempt(attempt: int) -> None:
    produced = Produced(result="token/clip.mp4", size_bytes=1, engine="camera")

    assert decide(produced, attempt=attempt, attempts_max=ATTEMPTS_MAX) == Succeed(produced=produced)


@pytest.mark.parametrize("attempt", [1, 2, 3])
@pytest.mark.parametrize(("name", "code"), ENDS_AT_ONCE.items())
def test_an_error_that_no_attempt_can_help_ends_the_task_at_once(name: str, code: str, attempt: int) -> None:
    error = make(name)

    outcome = decide(error, attempt=attempt, attempts_max=ATTEMPTS_MAX)

    assert isinstance(outcome, Fail)
    assert (outcome.failure.code, outcome.failure.message) == (code, str(error))


@pytest.mark.parametrize("attempt", [1, 2])
@pytest.mark.parametrize("name", TRIED_AGAIN)
def test_a_passing_error_is_tried_again_while_attempts_are_left(name: str, attempt: int) -> None:
    error = make(name)

    outcome = decide(error, attempt=attempt, attempts_max=ATTEMPTS_MAX)

    assert outcome == Retry(delay=timedelta(seconds=DELAYS_S[attempt]), reason=str(error))


@pytest.mark.parametrize(("name", "code"), TRIED_AGAIN.items())
def test_a_passing_error_ends_the_task_on_the_last_attempt(name: str, code: str) -> None:
    error = make(name)

    outcome = decide(error, attempt=3, attempts_max=ATTEMPTS_MAX)

    assert isinstance(outcome, Fail)
    assert outcome.failure.code == code
    assert outcome.failure.message == f"{error} (gave up after 3 attempts)"


def test_a_single_attempt_does_not_count_itself_in_the_text() -> None:
    outcome = decide(make("EngineTimeout"), attempt=1, attempts_max=1)

    assert isinstance(outcome, Fail)
    assert outcome.failure.message == TEXT


def test_later_attempts_wait_as_long_as_the_longest_step() -> None:
    outcome = decide(make("EngineTimeout"), attempt=7, attempts_max=9)

    assert isinstance(outcome, Retry)
    assert outcome.delay == timedelta(seconds=5)

"""One tree of errors, drawn as it is, and one table of what the wire says of each."""

import inspect
from datetime import timedelta
from http import HTTPStatus

import pytest

from photoplay.domain import errors
from photoplay.domain.errors import AppError, InsufficientCredits, InvalidInput, MethodNotAllowed, RateLimited
from photoplay.web.errors import CODES

KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, AppError)]
LEAVES = [kind for kind in KINDS if not kind.__subclasses__()]
NEED_FACTS = {MethodNotAllowed, InvalidInput, InsufficientCredits, RateLimited}
# Contract, section 1: codes that are no HTTP status, and the status that stands in for them.
NEAREST_STATUS = {433: 403, 455: 503, 501: 500, 505: 500}


def drawn_tree() -> dict[str, str]:
    """Class -> its parent, as the docstring of the module draws them."""
    parents: list[str] = []
    tree: dict[str, str] = {}
    for line in (errors.__doc__ or "").splitlines():
        name = line.strip().split(" ")[0]
        if not hasattr(errors, name):
            continue
        depth = (len(line) - len(line.lstrip())) // 2
        parents[depth:] = [name]
        tree[name] = parents[depth - 1] if depth else "Exception"
    return tree


def test_the_drawn_tree_is_the_real_one() -> None:
    real = {kind.__name__: kind.__base__.__name__ for kind in KINDS if kind.__base__}

    assert drawn_tree() == real


@pytest.mark.parametrize("kind", LEAVES)
def test_every_leaf_has_its_own_line_in_the_table(kind: type[AppError]) -> None:
    assert kind in CODES


def test_the_table_holds_leaves_alone() -> None:
    assert set(CODES) == set(LEAVES)


@pytest.mark.parametrize("kind", LEAVES)
def test_the_status_is_the_code_or_the_nearest_one(kind: type[AppError]) -> None:
    status, code = CODES[kind]

    assert status == NEAREST_STATUS.get(code, code)
    assert HTTPStatus(status) >= HTTPStatus.BAD_REQUEST


@pytest.mark.parametrize("kind", KINDS)
def test_every_class_says_what_it_means(kind: type[AppError]) -> None:
    assert kind.__doc__
    if kind not in NEED_FACTS:
        assert str(kind()) == kind.__doc__
        assert str(kind("which and why")) == "which and why"


def test_a_wrong_field_is_named() -> None:
    error = InvalidInput("input.duration: 12 is not one of 5, 10", field="input.duration")

    assert str(error) == "input.duration: 12 is not one of 5, 10"
    assert error.field == "input.duration"


def test_missing_credits_are_counted() -> None:
    error = InsufficientCredits(price_credits=72, balance_credits=3)

    assert str(error) == "Credits insufficient: this task costs 72, the balance is 3"
    assert (error.price_credits, error.balance_credits) == (72, 3)


def test_a_limit_says_which_and_how_long() -> None:
    error = RateLimited("20 tasks in 10 s", limit=20, window=timedelta(seconds=10), retry_after=timedelta(seconds=3))

    assert str(error) == "Your call frequency is too high: 20 tasks in 10 s"
    assert (error.limit, error.window, error.retry_after) == (20, timedelta(seconds=10), timedelta(seconds=3))


@pytest.mark.parametrize("kind", KINDS)
def test_no_error_of_ours_passes_for_a_bug(kind: type[AppError]) -> None:
    assert not issubclass(kind, (AssertionError, TypeError, ValueError, OSError))

"""How long to look for trouble."""

from collections.abc import Callable
from time import monotonic
from typing import TypeVar

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

T = TypeVar("T")
SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)


def look(strategy: st.SearchStrategy[T], check: Callable[[T], None], *, seconds: float, examples: int = 100) -> None:
    """Check values of the strategy, in rounds that begin anew, until the time is over; at least one round."""
    ends_at = monotonic() + seconds
    while True:

        @settings(max_examples=examples, database=None, suppress_health_check=SLOW)
        @given(strategy)
        def round(value: T) -> None:
            check(value)

        round()
        if monotonic() >= ends_at:
            return

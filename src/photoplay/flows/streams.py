"""What streams cost at most: how many of one subject a process of the API keeps open, and how often each looks."""

from typing import TYPE_CHECKING, Final

from photoplay.domain.errors import RateLimited

if TYPE_CHECKING:
    from photoplay.store.signals import Signals

__all__ = ["ACCOUNT_PAUSE_S", "STREAMS_MAX", "require_free_stream"]

# A few people of a team, and what they forgot to end.
STREAMS_MAX: Final = 20
# An account at full work changes many times a second; its owner need not be told of each.
ACCOUNT_PAUSE_S: Final = 0.2


def require_free_stream(subject: str, signals: "Signals") -> None:
    """Raises: RateLimited if as many watch this subject as may."""
    open_now = signals.count_watches(subject)
    if open_now >= STREAMS_MAX:
        raise RateLimited(f"{open_now} streams are open, the limit is {STREAMS_MAX}", limit=STREAMS_MAX)

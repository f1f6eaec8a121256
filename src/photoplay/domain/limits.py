"""What an account and its key may still do: creates per window, unfinished tasks, spending caps, balance.

Pure: the flow reads the rows under their locks, asks here, and writes what comes back.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from photoplay.domain.errors import InsufficientCredits, KeyCapReached, RateLimited

__all__ = [
    "NO_CAPS",
    "AccountStanding",
    "Caps",
    "CreateRate",
    "KeyStanding",
    "Limits",
    "admit_to_account",
    "admit_to_key",
]


@dataclass(frozen=True, slots=True)
class CreateRate:
    """So many creates within so long, per account."""

    creates_max: int
    window: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the operator allows each account."""

    creates: CreateRate | None
    """None where the rate is not limited."""
    unfinished_max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountStanding:
    """An account at the moment of a create. Each accepted task makes the next one."""

    balance_credits: int
    unfinished: int
    created: int = 0
    """Creates within the rate's window."""
    free_in: timedelta = timedelta()
    """When the oldest of them leaves the window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """What a key may spend at most, in credits; None where nothing caps it."""

    hour: int | None = None
    day: int | None = None
    total: int | None = None


NO_CAPS: Final = Caps()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyStanding:
    """What a key's tasks hold or have cost, in credits: in this UTC hour, this UTC day, and ever."""

    caps: Caps
    hour: int
    day: int
    total: int


def admit_to_account(standing: AccountStanding, limits: Limits, *, price: int) -> AccountStanding:
    """Return the account after one more task.

    Raises: RateLimited, InsufficientCredits.
    """
    rate = limits.creates
    if rate is not None and standing.created >= rate.creates_max:
        raise RateLimited(
            f"{standing.created} tasks were created within {rate.window.total_seconds():.0f} s,"
            f" the limit is {rate.creates_max}",
            limit=rate.creates_max,
            window=rate.window,
            retry_after=standing.free_in,
        )
    if standing.unfinished >= limits.unfinished_max:
        raise RateLimited(
            f"{standing.unfinished} tasks are unfinished, the limit is {limits.unfinished_max}",
            limit=limits.unfinished_max,
        )
    if price > standing.balance_credits:
        raise InsufficientCredits(price_credits=price, balance_credits=standing.balance_credits)
    return replace(
        standing,
        balance_credits=standing.balance_credits - price,
        unfinished=standing.unfinished + 1,
        created=standing.created + 1,
        # The first create of a window leaves it last.
        free_in=standing.free_in if standing.created or rate is None else rate.window,
    )


def admit_to_key(standing: KeyStanding, *, price: int) -> KeyStanding:
    """Return the key after one more task. Raises: KeyCapReached."""
    caps = standing.caps
    for words, spent, cap in (
        ("this hour", standing.hour, caps.hour),
        ("this day", standing.day, caps.day),
        ("in total", standing.total, caps.total),
    ):
        if cap is not None and spent + price > cap:
            raise KeyCapReached(
                f"The key's spending cap is reached: {words} it has spent {spent} of {cap} credits,"
                f" and this task costs {price}"
            )
    return replace(standing, hour=standing.hour + price, day=standing.day + price, total=standing.total + price)

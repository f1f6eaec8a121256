"""Options that limit a key, as texts of a command line: `none` takes a limit away, what is not given stays."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Final

import typer

from photoplay import clock
from photoplay.domain.keys import Terms, parse_network
from photoplay.domain.limits import Caps

__all__ = [
    "DayCredits",
    "ExpiresIn",
    "HourCredits",
    "Models",
    "Networks",
    "TotalCredits",
    "change_terms",
    "parse_span",
]

NONE: Final = "none"
CREDITS_MAX: Final = 10**15
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

HourCredits = Annotated[
    str | None, typer.Option(metavar="CREDITS", help="Most that it may spend in a UTC hour; none: no cap.")
]
DayCredits = Annotated[
    str | None, typer.Option(metavar="CREDITS", help="Most that it may spend on a UTC day; none: no cap.")
]
TotalCredits = Annotated[
    str | None, typer.Option(metavar="CREDITS", help="Most that it may spend in all; none: no cap.")
]
Models = Annotated[
    list[str] | None, typer.Option("--model", help="The only model it may use; repeat for more; none: every model.")
]
Networks = Annotated[
    list[str] | None,
    typer.Option("--network", help="Where it may come from, such as 203.0.113.0/24; repeat; none: everywhere."),
]
ExpiresIn = Annotated[
    str | None, typer.Option(metavar="SPAN", help="When it ends, from now: 90d, 12h, 30m, 45s; none: never.")
]


def change_terms(
    *,
    hour_credits: str | None,
    day_credits: str | None,
    total_credits: str | None,
    models: Sequence[str] | None,
    networks: Sequence[str] | None,
    expires_in: str | None,
) -> Callable[[Terms], Terms]:
    """Return what makes the new terms of the old ones. Raises: typer.BadParameter, InvalidInput."""
    changes: dict[str, object] = {}
    if models:
        changes["models"] = None if models == [NONE] else frozenset(models)
    if networks:
        changes["networks"] = None if networks == [NONE] else tuple(parse_network(text) for text in networks)
    if expires_in is not None:
        changes["expires_at"] = _moment(expires_in)
    texts = {"hour": hour_credits, "day": day_credits, "total": total_credits}
    caps = {name: _cap(text, name) for name, text in texts.items() if text is not None}

    def change(terms: Terms) -> Terms:
        return replace(terms, **changes, caps=_capped(terms.caps, caps))

    return change


def parse_span(text: str) -> timedelta:
    """Read a span such as 90d. Raises: typer.BadParameter."""
    found = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if found is None:
        raise typer.BadParameter(f"{text[:30]!r} is not a span such as 90d, 12h, 30m or 45s")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def _capped(caps: Caps, changes: dict[str, int | None]) -> Caps:
    return replace(caps, **changes)


def _cap(text: str, name: str) -> int | None:
    if text == NONE:
        return None
    if not re.fullmatch(r"\d{1,16}", text) or int(text) > CREDITS_MAX:
        raise typer.BadParameter(
            f"{text[:30]!r} is not a number of credits, 0 to {CREDITS_MAX}, or none", param_hint=f"--{name}-credits"
        )
    return int(text)


def _moment(text: str) -> datetime | None:
    return None if text == NONE else clock.now() + parse_span(text)

"""What a task of a test key does: what its caller wrote down for it, whatever model it names.

A test key never costs real credits: the model's card checks and prices the request, and the sandbox answers it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from photoplay.domain.cards import PLAY_ENGINE, Card, EngineMapping
from photoplay.domain.checks import Wrong, check_all
from photoplay.domain.errors import InvalidInput
from photoplay.domain.json import JsonObject, JsonValue

__all__ = [
    "PLAY_CARD",
    "SCRIPT_FIELD",
    "Telling",
    "act",
    "attempts",
    "own_script",
    "play_mapping",
    "read_script",
    "telling",
]

# Its fields are what can be written in a script.
PLAY_CARD: Final = "sandbox/image-to-video"
SCRIPT_FIELD: Final = "sandbox"

# Of an order, what the sandbox looks at: it needs no picture, and knows no other engine's controls.
_UNDERSTOOD: Final = frozenset({"prompt", "resolution", "duration_s", "seed"})
_ACTED: Final = ("outcome", "seconds", "text", "code")
# A script that says nothing of a deadline should not meet one.
_PATIENCE_S: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """How a callback comes, beyond its schedule."""

    times: int = 1
    """How often a receiver has to take it."""
    delay: timedelta = timedelta()


def read_script(given: JsonObject, play_card: Card) -> JsonObject:
    """Check what a request says of its own end, and fill in the rest.

    Raises: InvalidInput for the first wrong or unknown field.
    """
    names = [field.name for field in play_card.fields]
    if unknown := sorted(given.keys() - set(names)):
        raise InvalidInput(
            f"{SCRIPT_FIELD}.{unknown[0][:60]} is not a field of a script; there are {', '.join(names)}",
            field=f"{SCRIPT_FIELD}.{unknown[0][:60]}",
        )
    checked = check_all(play_card.fields, given, path=SCRIPT_FIELD)
    if isinstance(checked, Wrong):
        raise InvalidInput("; ".join(problem.message for problem in checked.problems), field=checked.problems[0].field)
    return checked


def own_script(values: JsonObject, card: Card) -> JsonObject:
    """Return what the validated input of a card of the sandbox's own says of its end."""
    orders = [mapping.order for mapping in card.engines if mapping.name == PLAY_ENGINE]
    return {key: values[name] for order in orders for key, name in order.items() if name in values}


def play_mapping(card: Card, script: JsonObject) -> EngineMapping:
    """Return how the sandbox serves a card, any card."""
    order = {key: name for key, name in card.engines[0].order.items() if key in _UNDERSTOOD}
    deadline_s = _number(script, "deadline_seconds", _number(script, "seconds", 0) + _PATIENCE_S)
    return EngineMapping(name=PLAY_ENGINE, order=order, deadline_s=int(deadline_s), deadline_a_clip_second_s=0)


def act(script: JsonObject, *, attempt: int) -> Mapping[str, JsonValue]:
    """Return what one attempt does, as the sandbox's controls. Nothing where there is no script."""
    if attempt <= _number(script, "lost_workers", 0):
        return {"outcome": "crash", "seconds": _number(script, "seconds", 0) / 2}
    return {key: script[key] for key in _ACTED if key in script}


def attempts(script: JsonObject, *, otherwise: int) -> int:
    return int(_number(script, "attempts", otherwise))


def telling(script: JsonObject) -> Telling:
    return Telling(
        times=int(_number(script, "callback_times", 1)),
        delay=timedelta(seconds=_number(script, "callback_delay_seconds", 0)),
    )


def _number(script: JsonObject, name: str, otherwise: float) -> float:
    value = script.get(name, otherwise)
    assert isinstance(value, int | float), "a script was checked when it was read"
    return value

"""What a card's own fields ask of the camera. They override what the prompt says. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from photoplay.domain.errors import EngineRejected
from photoplay.domain.json import JsonValue
from photoplay.engines.camera.direction import Direction, Motion, Source
from photoplay.engines.camera.terms import Move

__all__ = ["AUTO", "CONTROLS", "SPEEDS", "STRENGTH_MAX", "STRENGTH_MIN", "Controls", "read_controls", "steer"]

AUTO: Final = "auto"
"""The move that leaves the choice to the prompt."""

# The paces of "slow" and "fast" in a prompt.
SPEEDS: Final[Mapping[str, float]] = {"slow": 0.6, "normal": 1.0, "fast": 1.5}

# Below a quarter a move is hardly seen. Above double, a fast pan crops most of the picture away; the path keeps
# every window inside the still, whatever the strength.
STRENGTH_MIN: Final = 0.25
STRENGTH_MAX: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Controls:
    move: Move | None
    """The only move. None: as the prompt says."""
    pace: float | None
    """Of the fastest motion; the others keep their share of it. None: as the prompt says."""
    strength: float
    """A factor on how far the camera goes."""


CONTROLS: Final = ("move", "speed", "strength")


def read_controls(values: Mapping[str, JsonValue]) -> Controls:
    """Read an order's controls.

    Raises: EngineRejected for a control that the camera does not know, or a value that it cannot obey.
    """
    for name in values:
        if name not in CONTROLS:
            raise EngineRejected(f"controls: {name} is not one of {', '.join(CONTROLS)}")
    move = _word(values, "move", (AUTO, *Move))
    speed = _word(values, "speed", tuple(SPEEDS))
    return Controls(
        move=Move(move) if move not in (None, AUTO) else None,
        pace=SPEEDS[speed] if speed is not None else None,
        strength=_strength(values.get("strength", 1.0)),
    )


def steer(direction: Direction, controls: Controls) -> Direction:
    """Return the direction as the controls want it."""
    match controls.move:
        case None:
            chosen = direction
        case Move.STATIC:
            chosen = Direction(motions=(), source=Source.CONTROLS)
        case move:
            chosen = Direction(motions=(Motion(move=move, pace=1.0),), source=Source.CONTROLS)
    fastest = max((motion.pace for motion in chosen.motions), default=1.0)
    factor = controls.strength * (1.0 if controls.pace is None else controls.pace / fastest)
    return replace(
        chosen, motions=tuple(Motion(move=motion.move, pace=motion.pace * factor) for motion in chosen.motions)
    )


def _word(values: Mapping[str, JsonValue], name: str, words: tuple[str, ...]) -> str | None:
    value = values.get(name)
    if value is None or (isinstance(value, str) and value in words):
        return value
    raise EngineRejected(f"controls.{name}: {str(value)[:60]} is not one of {', '.join(words)}")


def _strength(value: JsonValue) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and STRENGTH_MIN <= value <= STRENGTH_MAX:
        return float(value)
    raise EngineRejected(f"controls.strength: {str(value)[:60]} is not between {STRENGTH_MIN} and {STRENGTH_MAX}")

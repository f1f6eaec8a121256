"""What a card's own fields ask of the camera. They override what the prompt says. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from photoplay.domain.errors import EngineRejected
from photoplay.domain.json import JsonValue
from photoplay.engines.camera.ambience import Effect
from photoplay.engines.camera.direction import Direction, Motion, Phase, Source
from photoplay.engines.camera.moves import Move
from photoplay.media.clip import FPS, Format

__all__ = [
    "AUTO",
    "CONTROLS",
    "NONE",
    "RATES",
    "SPEEDS",
    "STRENGTH_MAX",
    "STRENGTH_MIN",
    "Controls",
    "read_controls",
    "steer",
]

AUTO: Final = "auto"
"""Leaves the choice to the prompt."""
NONE: Final = "none"
"""No effects, whatever the prompt says."""

# The paces of "slow" and "fast" in a prompt.
SPEEDS: Final[Mapping[str, float]] = {"slow": 0.6, "normal": 1.0, "fast": 1.5}

RATES: Final = (24, 25, 30)

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
    effects: tuple[Effect, ...] | None
    """The only effects. None: as the prompt says."""
    fps: int
    format: Format
    end_still: Path | None
    """The picture that the clip ends with."""
    loop: bool


CONTROLS: Final = ("move", "speed", "strength", "effects", "fps", "format", "end_still", "loop")


def read_controls(values: Mapping[str, JsonValue]) -> Controls:
    """Read an order's controls.

    Raises: EngineRejected for a control that the camera does not know, or a value that it cannot obey.
    """
    for name in values:
        if name not in CONTROLS:
            raise EngineRejected(f"controls: {name} is not one of {', '.join(CONTROLS)}")
    move = _word(values, "move", (AUTO, *Move))
    speed = _word(values, "speed", tuple(SPEEDS))
    end_still = values.get("end_still")
    controls = Controls(
        move=Move(move) if move not in (None, AUTO) else None,
        pace=SPEEDS[speed] if speed is not None else None,
        strength=_strength(values.get("strength", 1.0)),
        effects=_effects(values.get("effects")),
        fps=_rate(values.get("fps", FPS)),
        format=Format(_word(values, "format", tuple(Format)) or Format.H264),
        end_still=None if end_still is None else Path(str(end_still)),
        loop=_flag(values, "loop"),
    )
    if controls.loop and controls.end_still is not None:
        raise EngineRejected("controls.loop: a clip that ends with another picture cannot begin again where it ends")
    return controls


def steer(direction: Direction, controls: Controls) -> Direction:
    """Return the direction as the controls want it."""
    chosen = direction
    if controls.move is not None:
        motions = () if controls.move is Move.STATIC else (Motion(move=controls.move, pace=1.0),)
        phases = (Phase(motions=motions, start=0.0, end=1.0),)
        chosen = replace(direction, phases=phases, source=Source.CONTROLS)
    fastest = max((motion.pace for motion in chosen.motions), default=1.0)
    factor = controls.strength * (1.0 if controls.pace is None else controls.pace / fastest)
    phases = tuple(
        replace(phase, motions=tuple(replace(motion, pace=motion.pace * factor) for motion in phase.motions))
        for phase in chosen.phases
    )
    effects = direction.effects if controls.effects is None else dict.fromkeys(controls.effects, 1.0)
    # A clip that ends with another picture does not come back to its first.
    is_loop = (direction.loop or controls.loop) and controls.end_still is None
    return replace(chosen, phases=phases, effects=effects, loop=is_loop)


def _word(values: Mapping[str, JsonValue], name: str, words: tuple[str, ...]) -> str | None:
    value = values.get(name)
    if value is None or (isinstance(value, str) and value in words):
        return value
    raise EngineRejected(f"controls.{name}: {str(value)[:60]} is not one of {', '.join(words)}")


def _strength(value: JsonValue) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and STRENGTH_MIN <= value <= STRENGTH_MAX:
        return float(value)
    raise EngineRejected(f"controls.strength: {str(value)[:60]} is not between {STRENGTH_MIN} and {STRENGTH_MAX}")


def _effects(value: JsonValue) -> tuple[Effect, ...] | None:
    """Read names by commas, in any order; `auto` and nothing leave the choice to the prompt."""
    if value is None:
        return None
    names = [name.strip().lower().replace(" ", "_") for name in str(value).split(",") if name.strip()]
    if names in ([], [AUTO]):
        return None
    if names == [NONE]:
        return ()
    for name in names:
        if name not in tuple(Effect):
            raise EngineRejected(f"controls.effects: {name[:60]} is not one of {', '.join(Effect)}, {AUTO}, {NONE}")
    return tuple(effect for effect in Effect if effect in names)


def _rate(value: JsonValue) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value in RATES:
        return value
    raise EngineRejected(f"controls.fps: {str(value)[:60]} is not one of {', '.join(map(str, RATES))}")


def _flag(values: Mapping[str, JsonValue], name: str) -> bool:
    value = values.get(name, False)
    if isinstance(value, bool):
        return value
    raise EngineRejected(f"controls.{name}: {str(value)[:60]} is not true or false")

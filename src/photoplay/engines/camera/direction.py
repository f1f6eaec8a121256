"""From a prompt to a direction for the camera. Pure; a prompt is never wrong, at worst it asks for nothing."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Final

from photoplay.domain.json import JsonObject
from photoplay.engines.camera.ambience import CALM, EFFECTS, FAINT, HEAVY, LOOPS, SCENES, Effect
from photoplay.engines.camera.moves import AXES, Axis, Move
from photoplay.engines.camera.reading import Clause, Mention, clauses, effect_mentions, mentions, tidy

__all__ = ["Direction", "Motion", "Phase", "Source", "direct"]


class Source(StrEnum):
    """Who chose the moves."""

    PROMPT = "prompt"
    SCENE = "scene"
    """The prompt names no move, but something that is filmed in a usual way."""
    DEFAULT = "default"
    CONTROLS = "controls"


@dataclass(frozen=True, slots=True, kw_only=True)
class Motion:
    move: Move
    pace: float
    """Times the ordinary speed of this move."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """Motions that run together for a part of the clip."""

    motions: tuple[Motion, ...]
    """At most one an axis. Empty: the camera stands still."""
    start: float
    """Share of the clip, 0.0 to 1.0."""
    end: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Direction:
    """What the camera does and what the air is full of."""

    phases: tuple[Phase, ...]
    """In order, without overlap; never empty. A gap between two is a rest."""
    source: Source
    effects: Mapping[Effect, float]
    """How strong each is; 1.0 is ordinary."""
    loop: bool = False

    @property
    def motions(self) -> tuple[Motion, ...]:
        return tuple(motion for phase in self.phases for motion in phase.motions)

    def to_json(self) -> JsonObject:
        return {
            "source": str(self.source),
            "phases": [
                {
                    "start": round(phase.start, 4),
                    "end": round(phase.end, 4),
                    "motions": [{"move": str(motion.move), "pace": round(motion.pace, 4)} for motion in phase.motions]
                    or [{"move": str(Move.STATIC), "pace": 0.0}],
                }
                for phase in self.phases
            ],
            "effects": {str(effect): round(strength, 4) for effect, strength in self.effects.items()},
            "loop": self.loop,
        }


_FIXED_FLAG: Final = re.compile(r"--(?:camerafixed|cf)[ =]+(?:true|1|yes)\b")

# Who wants no pan wants nothing that goes sideways.
_ALIKE: Final[Mapping[Axis, set[Axis]]] = {
    Axis.PAN: {Axis.TRUCK, Axis.ORBIT},
    Axis.TRUCK: {Axis.PAN, Axis.ORBIT},
    Axis.TILT: {Axis.CRANE},
    Axis.CRANE: {Axis.TILT},
}

_CALM_FACTOR: Final = 0.75


def direct(prompt: str, *, seed: int, duration_s: float = 5.0) -> Direction:
    """Read what a prompt asks for; where it names no move, choose one by the scene, and by the seed which way."""
    text = tidy(prompt)
    parts = clauses(text)
    found = [(clause, mention) for clause in parts for mention in mentions(clause)]
    effects = _effects(parts)
    phases, source = _phases(text, found, duration_s=duration_s), Source.PROMPT
    if not phases:
        denied: set[Axis] = set()
        for _, mention in found:
            if mention.denied and mention.move in AXES:
                denied |= _ALIKE.get(AXES[mention.move][0], set()) | {AXES[mention.move][0]}
        motions, source = _default(text, seed=seed, denied=denied)
        phases = (Phase(motions=motions, start=0.0, end=1.0),)
    return Direction(phases=phases, source=source, effects=effects, loop=LOOPS.search(text) is not None)


def _phases(text: str, found: list[tuple[Clause, Mention]], *, duration_s: float) -> tuple[Phase, ...]:
    """Turn the moves of each stretch of the prompt into a phase; stretches without a move take no time."""
    if _FIXED_FLAG.search(text):
        return (Phase(motions=(), start=0.0, end=1.0),)
    stretches: dict[int, list[tuple[Clause, Mention]]] = {}
    for clause, mention in found:
        if not mention.denied:
            stretches.setdefault(clause.phase, []).append((clause, mention))
    moving = [_first_per_axis(mention for _, mention in stretch) for stretch in stretches.values()]
    spans = [stretch[0][0].span for stretch in stretches.values()]
    if not any(moving):
        return (Phase(motions=(), start=0.0, end=1.0),) if moving else ()
    return tuple(
        Phase(motions=motions, start=start, end=end)
        for motions, (start, end) in zip(moving, _shares(spans, duration_s), strict=True)
    )


def _shares(spans: list[tuple[float, float] | None], duration_s: float) -> list[tuple[float, float]]:
    """Place phases in the clip: by the seconds that the prompt gives, otherwise in turn and equally long."""
    timed = [span for span in spans if span is not None]
    rising = all(before[1] <= after[0] + 1e-6 for before, after in pairwise(timed))
    if len(timed) == len(spans) and rising and all(end > start for start, end in timed):
        # A plan for ten seconds in a clip of five is a plan at twice the speed.
        whole = max(duration_s, timed[-1][1])
        return [(start / whole, end / whole) for start, end in timed]
    return [(index / len(spans), (index + 1) / len(spans)) for index in range(len(spans))]


def _first_per_axis(found: Iterator[Mention]) -> tuple[Motion, ...]:
    motions: dict[Axis, Motion] = {}
    for mention in found:
        if mention.move in AXES:
            motions.setdefault(AXES[mention.move][0], Motion(move=mention.move, pace=mention.pace))
    return tuple(motions.values())


def _default(text: str, *, seed: int, denied: set[Axis]) -> tuple[tuple[Motion, ...], Source]:
    calm = _CALM_FACTOR if CALM.search(text) else 1.0
    scene = next((scene for scene in SCENES if scene.pattern.search(text)), None)
    if scene is None:
        chosen, source = _drift(seed), Source.DEFAULT
    else:
        chosen, source = [(mirror if seed & 1 else move, pace) for move, mirror, pace in scene.moves], Source.SCENE
    motions = [Motion(move=move, pace=round(pace * calm, 4)) for move, pace in chosen if AXES[move][0] not in denied]
    return tuple(motions), source


def _drift(seed: int) -> list[tuple[Move, float]]:
    return [
        (Move.PUSH_IN, 0.6),
        (Move.TRUCK_LEFT if seed & 1 else Move.TRUCK_RIGHT, 0.25),
        (Move.TILT_DOWN if seed & 2 else Move.TILT_UP, 0.08),
    ]


def _effects(parts: list[Clause]) -> dict[Effect, float]:
    found: dict[Effect, float] = {}
    refused: set[Effect] = set()
    for clause in parts:
        for effect, match, denied in effect_mentions(clause, EFFECTS):
            if denied:
                refused.add(effect)
                continue
            near = clause.text[max(0, match.start() - 40) : match.end() + 25]
            strength = 0.6 if FAINT.search(near) else 1.5 if HEAVY.search(near) else 1.0
            found[effect] = max(found.get(effect, 0.0), strength)
    return {effect: found[effect] for effect in Effect if effect in found and effect not in refused}

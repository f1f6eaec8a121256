"""What the camera engine reads out of a prompt, and what it must not."""

import json
import time
from pathlib import Path
from typing import Final

import pytest

from photoplay.engines.camera.ambience import EFFECTS, SCENES, Effect
from photoplay.engines.camera.direction import Direction, Motion, Phase, Source, direct
from photoplay.engines.camera.moves import AXES, Axis, Move

LINES: Final = [
    line for line in (Path(__file__).parent / "directions.txt").read_text().splitlines() if not line.startswith("#")
]
TABLE: Final = list(zip(LINES[::2], (line.strip() for line in LINES[1::2]), strict=True))


def written(direction: Direction) -> str:
    """Write a direction as the table does."""
    phases = " > ".join(_phase(phase, at, len(direction.phases)) for at, phase in enumerate(direction.phases))
    source = "" if direction.source is Source.PROMPT else f"{direction.source}: "
    effects = ", ".join(_times(effect, strength) for effect, strength in direction.effects.items())
    return f"{source}{phases}" + (f" | {effects}" if effects else "") + (" | loop" if direction.loop else "")


def _phase(phase: Phase, at: int, count: int) -> str:
    text = " & ".join(_times(motion.move, motion.pace) for motion in phase.motions) or "static"
    is_usual = (phase.start, phase.end) == pytest.approx((at / count, (at + 1) / count))
    return text if is_usual else f"{text} @{phase.start:g}-{phase.end:g}"


def _times(name: str, factor: float) -> str:
    return str(name) if factor == 1 else f"{name}*{factor:g}"


@pytest.mark.parametrize(("prompt", "expected"), TABLE)
def test_a_prompt_is_read_as_the_table_says(prompt: str, expected: str) -> None:
    assert written(direct(prompt, seed=0)) == expected


def test_the_table_is_long_and_knows_every_move_and_effect() -> None:
    directions = [direct(prompt, seed=0) for prompt, _ in TABLE]
    named = [direction for direction in directions if direction.source is Source.PROMPT]

    assert len(TABLE) >= 200
    assert {motion.move for direction in named for motion in direction.motions} == set(AXES)
    assert {effect for direction in directions for effect in direction.effects} == set(Effect)


def test_phases_follow_each_other_within_the_clip() -> None:
    for prompt, _ in TABLE:
        phases = direct(prompt, seed=0).phases
        ends = [0.0, *(at for phase in phases for at in (phase.start, phase.end))]

        assert phases
        assert ends == sorted(ends)
        assert ends[-1] <= 1


def test_a_plan_in_seconds_is_kept_where_the_clip_is_long_enough() -> None:
    prompt = "0-2s: push in, 2-4s: pan left"

    assert [(phase.start, phase.end) for phase in direct(prompt, seed=0, duration_s=10).phases] == [
        (0, 0.2),
        (0.2, 0.4),
    ]
    assert [(phase.start, phase.end) for phase in direct(prompt, seed=0, duration_s=2).phases] == [(0, 0.5), (0.5, 1)]


def test_of_two_moves_on_one_axis_the_first_counts() -> None:
    (phase,) = direct("push in and pull out", seed=0).phases

    assert phase.motions == (Motion(move=Move.PUSH_IN, pace=1.0),)


@pytest.mark.parametrize(
    ("prompt", "gone"),
    [
        ("no zoom", {Axis.ZOOM}),
        ("a boat, without panning", {Axis.PAN, Axis.TRUCK, Axis.ORBIT}),
        ("don't tilt up", {Axis.TILT, Axis.CRANE}),
        ("a boat --no zoom --ar 16:9", {Axis.ZOOM}),
        ("不要推进", {Axis.ZOOM}),
    ],
)
def test_a_denied_move_is_not_made_even_by_default(prompt: str, gone: set[Axis]) -> None:
    usual = {AXES[motion.move][0] for motion in direct("a boat", seed=0).motions}

    assert {AXES[motion.move][0] for motion in direct(prompt, seed=0).motions} == usual - gone


@pytest.mark.parametrize("flags", ["--ar 16:9", "--rs 720p --dur 5 --cf false", "--", "--ar", "--x=--y", "--no", "---"])
def test_flags_are_never_an_error(flags: str) -> None:
    assert [motion.move for motion in direct(f"slow push in {flags}", seed=0).motions] == [Move.PUSH_IN]


def test_the_default_drifts_by_the_seed() -> None:
    drifts = {tuple(motion.move for motion in direct("a boat", seed=seed).motions) for seed in range(8)}

    assert len(drifts) == 4
    assert all(drift[0] is Move.PUSH_IN for drift in drifts)
    assert direct("a boat", seed=7) == direct("a boat", seed=7)


def test_a_scene_is_filmed_from_either_side_by_the_seed() -> None:
    assert direct("a mountain", seed=0).motions != direct("a mountain", seed=1).motions


def test_facts_are_plain_json() -> None:
    facts = direct("fast pan left, zoom in, heavy rain", seed=0).to_json()

    assert json.loads(json.dumps(facts)) == {
        "source": "prompt",
        "phases": [
            {
                "start": 0.0,
                "end": 1.0,
                "motions": [{"move": "pan_left", "pace": 1.5}, {"move": "push_in", "pace": 1.0}],
            }
        ],
        "effects": {"rain": 1.5},
        "loop": False,
    }


def test_every_effect_and_scene_has_words() -> None:
    assert set(EFFECTS) == set(Effect)
    assert all(scene.moves for scene in SCENES)


@pytest.mark.parametrize(
    "text", ["slow ", "camera ", "no ", "pan from left ", "a", "zoom in without ", "0-2s ", "[", "then ", "1-2", "雨"]
)
def test_a_prompt_of_ten_thousand_characters_is_read_in_time(text: str) -> None:
    started = time.process_time()

    direct((text * 10_000)[:10_000], seed=0)

    assert time.process_time() - started < 1.0

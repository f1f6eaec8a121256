"""What the camera engine reads out of a prompt, and what it must not."""

import json
import time

import pytest

from photoplay.engines.camera.direction import Direction, Source, direct
from photoplay.engines.camera.terms import AXES, Axis, Move

POURING = (
    "A cinematic close-up sequence of a single elegant ceramic coffee cup with saucer on a rustic wooden table near a "
    "sunlit window, hot rich espresso poured in a thin golden stream from above, gradually filling the cup in distinct "
    "stages: empty with faint steam, 1/4 filled with dark crema, half-filled with swirling coffee and rising steam, "
    "3/4 filled nearing the rim, perfectly full just below overflow with glossy surface and soft bokeh highlights; "
    "ultra-realistic, warm golden-hour light, shallow depth of field, photorealism, detailed textures, subtle steam "
    "wisps, serene inviting atmosphere --ar 16:9 --q 2 --style raw"
)


def moves(prompt: str, *, seed: int = 0) -> list[Move]:
    direction = direct(prompt, seed=seed)
    return [motion.move for motion in direction.motions] if direction.source is Source.PROMPT else []


def pace(prompt: str) -> float:
    return direct(prompt, seed=0).motions[0].pace


@pytest.mark.parametrize(
    ("prompt", "move"),
    [
        ("push in", Move.PUSH_IN),
        ("A cup on a table, slow push-in", Move.PUSH_IN),
        ("a cup on a table with a slow push in", Move.PUSH_IN),
        ("The camera slowly pushes in on the cup.", Move.PUSH_IN),
        ("crash zoom on her eyes", Move.PUSH_IN),
        ("slow zoom", Move.PUSH_IN),
        ("Camera glides forward through the hall", Move.PUSH_IN),
        ("dolly in", Move.PUSH_IN),
        ("镜头缓慢推进", Move.PUSH_IN),
        ("zoom out", Move.PULL_OUT),
        ("Pull back to reveal the valley", Move.PULL_OUT),
        ("the drone backs away from the cliff", Move.PULL_OUT),
        ("镜头拉远", Move.PULL_OUT),
        ("pan left", Move.PAN_LEFT),
        ("the camera pans slowly to the left", Move.PAN_LEFT),
        ("左摇", Move.PAN_LEFT),
        ("a slow pan right over the harbour", Move.PAN_RIGHT),
        ("pan from left to right", Move.PAN_RIGHT),
        ("slow pan across the table", Move.PAN_RIGHT),
        ("whip-pan to the right", Move.PAN_RIGHT),
        ("smooth tracking shot to the right, leaves falling", Move.PAN_RIGHT),
        ("a slider shot moving left to right", Move.PAN_RIGHT),
        ("镜头右摇", Move.PAN_RIGHT),
        ("tilt up to the tower", Move.TILT_UP),
        ("The camera rises above the trees", Move.TILT_UP),
        ("上摇", Move.TILT_UP),
        ("tilting slowly down", Move.TILT_DOWN),
        ("the drone descends", Move.TILT_DOWN),
        ("镜头下摇", Move.TILT_DOWN),
    ],
)
def test_a_named_move_is_read(prompt: str, move: Move) -> None:
    assert moves(prompt) == [move]


@pytest.mark.parametrize(
    "prompt",
    [
        POURING,
        "",
        "coffee poured from above, rising steam, thin golden stream",
        "a close-up shot of a cup with steam that rises and drifts up",
        "she pulls out a phone and pushes in the door",
        "he slowly pushes in the drawer",
        "a frying pan left on the stove",
        "a woman tilts her head up",
        "he tilts up his chin",
        "a train approaches, birds fly left",
        "the view of a man who moves closer",
        "tilt-shift photo of a town, zoom lens",
        "low angle shot looking up at a tower",
        "camera moves in a slow circle",
        "the camera is not static",
        "a static crackle on the radio",
        "一杯咖啡, 热气上升",
    ],
)
def test_what_happens_in_the_scene_is_not_a_move(prompt: str) -> None:
    assert direct(prompt, seed=0).source is Source.DEFAULT


@pytest.mark.parametrize(
    "prompt",
    [
        "static shot of a lighthouse",
        "locked-off, waves roll in",
        "The camera remains perfectly still",
        "a cup, fixed camera",
        "no camera movement",
        "Camera: static. Steam fades.",
        "固定镜头",
        "a slow push in --camerafixed true",
    ],
)
def test_a_static_camera_is_read(prompt: str) -> None:
    assert direct(prompt, seed=0) == Direction(motions=(), source=Source.PROMPT)


@pytest.mark.parametrize(
    ("prompt", "axes"),
    [
        ("no zoom", {Axis.ZOOM}),
        ("no zooming in please", {Axis.ZOOM}),
        ("a cup, without panning", {Axis.PAN}),
        ("without any zooming or panning", {Axis.ZOOM, Axis.PAN}),
        ("don't tilt up", {Axis.TILT}),
        ("a cup --no zoom --ar 16:9", {Axis.ZOOM}),
        ("不要推进", {Axis.ZOOM}),
    ],
)
def test_a_denied_move_is_not_made_even_by_default(prompt: str, axes: set[Axis]) -> None:
    direction = direct(prompt, seed=0)

    assert direction.source is Source.DEFAULT
    assert {AXES[motion.move][0] for motion in direction.motions} == set(Axis) - axes


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("no zoom, pan left", [Move.PAN_LEFT]),
        ("no shaking and push in", [Move.PUSH_IN]),
        ("not only zoom in", [Move.PUSH_IN]),
        ("zoom in without ever stopping for the people who walk by, then pan right", [Move.PUSH_IN, Move.PAN_RIGHT]),
        ("push in, then pull back", [Move.PUSH_IN]),
        ("The camera pushes in, pans right", [Move.PUSH_IN, Move.PAN_RIGHT]),
        ("[Push in, Pan left]", [Move.PUSH_IN, Move.PAN_LEFT]),
        ("static shot, then a slow tilt down", [Move.TILT_DOWN]),
    ],
)
def test_moves_combine_one_an_axis(prompt: str, expected: list[Move]) -> None:
    assert moves(prompt) == expected


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("push in", 1.0),
        ("very slow push in", 0.4),
        ("slow push in", 0.6),
        ("the camera gently pushes in", 0.6),
        ("fast push in", 1.5),
        ("crash zoom in", 1.7),
        ("缓慢推进", 0.6),
        ("镜头快速推进", 1.5),
        ("subtle steam, push in", 1.0),
        ("slow-motion zoom in", 1.0),
        ("slow zoom out over fast traffic", 0.6),
    ],
)
def test_pace_is_read_from_the_clause_of_the_move(prompt: str, expected: float) -> None:
    assert pace(prompt) == expected


@pytest.mark.parametrize("flags", ["--ar 16:9", "--rs 720p --dur 5 --cf false", "--", "--ar", "--x=--y", "--no", "---"])
def test_flags_are_never_an_error(flags: str) -> None:
    assert moves(f"slow push in {flags}") == [Move.PUSH_IN]


def test_the_default_drifts_by_the_seed() -> None:
    drifts = {tuple(motion.move for motion in direct("a cup", seed=seed).motions) for seed in range(8)}

    assert len(drifts) == 4
    assert all(drift[0] is Move.PUSH_IN for drift in drifts)
    assert direct("a cup", seed=7) == direct("a cup", seed=7)


def test_facts_are_plain_json() -> None:
    facts = direct("fast pan left, zoom in", seed=0).to_json()

    assert json.loads(json.dumps(facts)) == {
        "source": "prompt",
        "motions": [{"move": "pan_left", "pace": 1.5}, {"move": "push_in", "pace": 1.0}],
    }


@pytest.mark.parametrize("text", ["slow ", "camera ", "no ", "pan from left ", "a", "zoom in without "])
def test_a_prompt_of_ten_thousand_characters_is_read_in_time(text: str) -> None:
    started = time.process_time()

    direct((text * 10_000)[:10_000], seed=0)

    assert time.process_time() - started < 1.0

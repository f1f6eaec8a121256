"""The camera's own controls: what they override, what they refuse, and that no border ever shows."""

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from photoplay.domain.cards import validate
from photoplay.domain.errors import EngineRejected, StillRejected
from photoplay.domain.fields import Boolean, Choice, FileUrl, Number, NumberChoice, Text
from photoplay.domain.json import JsonValue
from photoplay.engines.camera import CameraEngine
from photoplay.engines.camera.ambience import Effect
from photoplay.engines.camera.controls import (
    AUTO,
    CONTROLS,
    RATES,
    SPEEDS,
    STRENGTH_MAX,
    STRENGTH_MIN,
    read_controls,
    steer,
)
from photoplay.engines.camera.direction import Direction, direct
from photoplay.engines.camera.moves import Move
from photoplay.engines.engine import Clip, Order
from photoplay.engines.lines import Run, parse_request, request_line
from photoplay.files.cards import load_cards
from photoplay.media.clip import Format

Film = Callable[..., Clip]
CARD = load_cards()["photoplay/camera-image-to-video"]


def steered(prompt: str, *, seed: int = 1, **controls: JsonValue) -> Direction:
    return steer(direct(prompt, seed=seed), read_controls(controls))


def paces(direction: Direction) -> dict[str, float]:
    return {str(motion.move): round(motion.pace, 6) for motion in direction.motions}


@pytest.fixture
def film(tmp_path: Path) -> Film:
    still = tmp_path / "still.png"
    with Image.open(str(files("photoplay") / "samples" / "coffee.jpg")) as image:
        image.convert("RGB").save(still)

    def run(prompt: str = "", *, name: str = "c", **controls: JsonValue) -> Clip:
        output = tmp_path / f"{name}.mp4"
        order = Order(
            still=still, prompt=prompt, resolution="720p", duration_s=1, seed=1, output=output, controls=controls
        )
        return CameraEngine().run(order, lambda _: None)

    return run


def test_without_controls_the_prompt_decides() -> None:
    for prompt in ("slow pan left, then fast push in, rain", "static shot", "a cup of coffee"):
        assert steered(prompt) == direct(prompt, seed=1)


@pytest.mark.parametrize("move", [move for move in Move if move is not Move.STATIC])
def test_a_chosen_move_is_the_only_one_whatever_the_prompt_says(move: Move) -> None:
    direction = steered("static shot, very fast zoom in, tilt up", move=str(move))

    assert paces(direction) == {str(move): 1.0}
    assert direction.to_json()["source"] == "controls"


def test_a_static_camera_stands_still_whatever_the_prompt_says() -> None:
    assert steered("fast push in", move="static", speed="fast", strength=2.0).motions == ()


def test_the_move_auto_leaves_the_choice_to_the_prompt() -> None:
    assert steered("pan left", move=AUTO) == direct("pan left", seed=1)


def test_a_speed_beats_the_words_of_the_prompt() -> None:
    assert paces(steered("very slow pan left", speed="fast")) == {"pan_left": SPEEDS["fast"]}


def test_a_speed_keeps_the_proportions_of_several_motions() -> None:
    calm = direct("", seed=1).motions

    fast = steered("", speed="fast").motions

    assert fast[0].pace == pytest.approx(SPEEDS["fast"])
    assert [m.pace / fast[0].pace for m in fast] == pytest.approx([m.pace / calm[0].pace for m in calm])


def test_a_strength_multiplies_how_far_the_camera_goes() -> None:
    assert paces(steered("slow push in", strength=2)) == {"push_in": 1.2}


@pytest.mark.parametrize(
    ("controls", "message"),
    [
        (
            {"camera_fixed": True},
            "controls: camera_fixed is not one of move, speed, strength, effects, fps, format, end_still, loop",
        ),
        ({"move": "orbit"}, "controls.move: orbit is not one of auto, push_in"),
        ({"effects": "steam, glitter"}, "controls.effects: glitter is not one of steam, smoke"),
        ({"effects": "auto, steam"}, "controls.effects: auto is not one of"),
        ({"fps": 60}, "controls.fps: 60 is not one of 24, 25, 30"),
        ({"fps": True}, "controls.fps: True is not one of"),
        ({"format": "gif"}, "controls.format: gif is not one of h264, av1"),
        ({"loop": "yes"}, "controls.loop: yes is not true or false"),
        ({"loop": True, "end_still": "/a.png"}, "controls.loop: a clip that ends with another picture"),
        ({"move": 5}, "controls.move: 5 is not one of"),
        ({"speed": "quick"}, "controls.speed: quick is not one of slow, normal, fast"),
        ({"strength": 2.01}, "controls.strength: 2.01 is not between 0.25 and 2.0"),
        ({"strength": True}, "controls.strength: True is not between"),
    ],
)
def test_what_the_camera_cannot_obey_is_refused_by_name(controls: dict[str, JsonValue], message: str) -> None:
    with pytest.raises(EngineRejected) as caught:
        read_controls(controls)

    assert str(caught.value).startswith(message)


def test_effects_by_name_are_the_only_ones() -> None:
    assert steered("rain, snow", effects="steam, rack focus").effects == {Effect.STEAM: 1.0, Effect.RACK_FOCUS: 1.0}
    assert steered("rain, snow", effects="none").effects == {}
    assert set(steered("rain, snow", effects="auto").effects) == {Effect.RAIN, Effect.SNOW}


def test_a_loop_can_be_asked_for_by_word_or_by_control() -> None:
    assert steered("push in, seamless loop").loop
    assert steered("push in", loop=True).loop
    assert not steered("push in, seamless loop", end_still="/end.png").loop


@given(
    prompt=st.sampled_from(["", "very fast push in, pan left, then tilt up, heavy snow", "whip pan to the right"]),
    move=st.sampled_from([AUTO, *map(str, Move)]),
    speed=st.sampled_from(sorted(SPEEDS)),
    strength=st.floats(STRENGTH_MIN, STRENGTH_MAX),
)
def test_every_combination_of_controls_is_a_direction(prompt: str, move: str, speed: str, strength: float) -> None:
    direction = steered(prompt, move=move, speed=speed, strength=strength)

    assert direction.phases
    fastest = max((motion.pace for motion in direction.motions), default=SPEEDS[speed] * strength)
    assert fastest == pytest.approx(SPEEDS[speed] * strength)


def test_a_clip_goes_where_the_control_says(film: Film) -> None:
    pulled = film("push in", name="pulled", move="pull_out").facts["travel"]
    pushed = film("push in", name="pushed").facts["travel"]

    assert isinstance(pulled, dict)
    assert isinstance(pushed, dict)
    assert pulled["zoom"] == pytest.approx(1 / float(str(pushed["zoom"])), rel=1e-3)


def test_an_unknown_control_leaves_no_clip(film: Film, tmp_path: Path) -> None:
    with pytest.raises(EngineRejected, match="camera_fixed is not one of"):
        film(camera_fixed=True)

    assert list(tmp_path.glob("*.mp4*")) == []


def test_an_order_without_a_still_is_refused(tmp_path: Path) -> None:
    order = Order(still=None, prompt="", resolution="720p", duration_s=1, seed=1, output=tmp_path / "c.mp4")

    with pytest.raises(StillRejected, match="there is none"):
        CameraEngine().run(order, lambda _: None)


@pytest.mark.parametrize("still", [None, Path("/stills/still.png")])
def test_an_order_arrives_in_the_child_as_it_was_sent(still: Path | None) -> None:
    controls: dict[str, JsonValue] = {"move": "pan_left", "strength": 1.5, "end_still": "/stills/picture-1.png"}
    order = Order(
        still=still, prompt="", resolution="", duration_s=0, seed=7, output=Path("/clips/c.mp4"), controls=controls
    )

    assert parse_request(request_line(Run(order=order))) == Run(order=order)


def test_the_card_offers_what_the_camera_obeys_and_nothing_else() -> None:
    fields = {field.name: field for field in CARD.fields}
    (mapping,) = CARD.engines
    by_control = {name: fields[mapping.order[name]] for name in CONTROLS}

    assert set(mapping.order) == {"still", "prompt", "resolution", "duration_s", "seed", *CONTROLS}
    assert set(mapping.order.values()) == set(fields)
    match by_control:
        case {
            "move": Choice() as move,
            "speed": Choice() as speed,
            "strength": Number() as strength,
            "effects": Text() as effects,
            "fps": NumberChoice() as fps,
            "format": Choice() as format,
            "end_still": FileUrl(),
            "loop": Boolean(),
        }:
            assert {option.value for option in move.options} == {AUTO, *Move}
            assert {option.value for option in speed.options} == set(SPEEDS)
            assert (strength.minimum, strength.maximum) == (STRENGTH_MIN, STRENGTH_MAX)
            assert all(effect in effects.help for effect in Effect)
            assert tuple(option.value for option in fps.options) == RATES
            assert {option.value for option in format.options} == set(Format)
        case _:
            pytest.fail(f"a control is asked for by another kind of field: {by_control}")


def test_the_card_needs_a_picture_alone() -> None:
    values = validate({"image_url": "https://example.com/a.jpg"}, CARD)

    assert values == {
        "image_url": "https://example.com/a.jpg",
        "move": AUTO,
        "strength": 1.0,
        "effects": "auto",
        "loop": False,
        "resolution": "720p",
        "duration": "5",
        "fps": 24,
        "format": "h264",
        "seed": -1,
    }


def test_the_card_refuses_a_loop_that_ends_with_another_picture() -> None:
    values: dict[str, JsonValue] = {
        "image_url": "https://example.com/a.jpg",
        "end_image_url": "https://example.com/b.jpg",
    }
    refused = validate({**values, "loop": True}, CARD)

    assert not isinstance(validate(values, CARD), tuple)
    assert isinstance(refused, tuple)
    assert [problem.field for problem in refused] == ["input.end_image_url"]

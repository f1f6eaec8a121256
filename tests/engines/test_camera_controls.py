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
from photoplay.domain.fields import Choice, Number
from photoplay.domain.json import JsonValue
from photoplay.engines.camera import CameraEngine
from photoplay.engines.camera.controls import AUTO, CONTROLS, SPEEDS, STRENGTH_MAX, STRENGTH_MIN, read_controls, steer
from photoplay.engines.camera.direction import Direction, direct
from photoplay.engines.camera.path import plan
from photoplay.engines.camera.terms import Move
from photoplay.engines.engine import Clip, Order
from photoplay.engines.lines import Run, parse_request, request_line
from photoplay.files.cards import load_cards
from photoplay.media.sizes import Size, output_size

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
    for prompt in ("slow pan left, fast push in", "static shot", "a cup of coffee"):
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
        ({"camera_fixed": True}, "controls: camera_fixed is not one of move, speed, strength"),
        ({"move": "orbit"}, "controls.move: orbit is not one of auto, push_in"),
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


@given(
    prompt=st.sampled_from(["", "very fast push in, pan left, tilt up", "crash zoom out, whip pan to the right"]),
    move=st.sampled_from([AUTO, *map(str, Move)]),
    speed=st.sampled_from(sorted(SPEEDS)),
    strength=st.floats(STRENGTH_MIN, STRENGTH_MAX),
    sides=st.tuples(st.integers(16, 4096), st.integers(16, 4096)),
    duration_s=st.integers(1, 60),
)
def test_no_control_shows_what_is_beside_the_picture(
    prompt: str, move: str, speed: str, strength: float, sides: tuple[int, int], duration_s: int
) -> None:
    still = Size(width_px=sides[0], height_px=sides[1])
    direction = steered(prompt, move=move, speed=speed, strength=strength)

    travel = plan(direction, still=still, output=output_size(still, resolution="720p"), duration_s=duration_s)

    for window in (travel.start, travel.end):
        assert window.width > 0
        assert min(window.left, window.top) >= -1e-6
        assert window.left + window.width <= still.width_px + 1e-6
        assert window.top + window.height <= still.height_px + 1e-6


def test_a_clip_goes_where_the_control_says(film: Film) -> None:
    pulled = film("push in", name="pulled", move="pull_out").facts["travel"]
    pushed = film("push in", name="pushed").facts["travel"]

    assert isinstance(pulled, dict)
    assert isinstance(pushed, dict)
    assert pulled["zoom"] == pytest.approx(1 / float(str(pushed["zoom"])), rel=1e-3)


def test_an_unknown_control_leaves_no_clip(film: Film, tmp_path: Path) -> None:
    with pytest.raises(EngineRejected, match="end_still is not one of"):
        film(end_still="/somewhere/end.png")

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
    move, speed, strength = (fields[mapping.order[name]] for name in CONTROLS)

    assert set(mapping.order) == {"still", "prompt", "resolution", "duration_s", "seed", *CONTROLS}
    assert set(mapping.order.values()) == set(fields)
    assert isinstance(move, Choice)
    assert isinstance(speed, Choice)
    assert isinstance(strength, Number)
    assert {option.value for option in move.options} == {AUTO, *Move}
    assert {option.value for option in speed.options} == set(SPEEDS)
    assert (strength.minimum, strength.maximum) == (STRENGTH_MIN, STRENGTH_MAX)


def test_the_card_needs_a_picture_alone() -> None:
    values = validate({"image_url": "https://example.com/a.jpg"}, CARD)

    assert values == {
        "image_url": "https://example.com/a.jpg",
        "move": AUTO,
        "strength": 1.0,
        "resolution": "720p",
        "duration": "5",
        "seed": -1,
    }

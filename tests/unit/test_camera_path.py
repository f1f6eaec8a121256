"""Where the camera looks, frame by frame."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from photoplay.engines.camera.arrays import Map
from photoplay.engines.camera.direction import Direction, Motion, Phase, Source
from photoplay.engines.camera.lens import aim, ease
from photoplay.engines.camera.moves import AXES, Axis, Move
from photoplay.engines.camera.path import Camera, flat, look, place
from photoplay.engines.camera.sight import relief_of
from photoplay.media.sizes import Size, output_size

FRAMES = 60
STILLS = [(600, 400), (1920, 1080), (1080, 1920), (1000, 1000), (4000, 200), (200, 4000), (16, 16)]


def towards(*phases: tuple[Move, ...], pace: float = 1.0, loop: bool = False) -> Direction:
    made = tuple(
        Phase(
            motions=tuple(Motion(move=move, pace=pace) for move in moves),
            start=at / len(phases),
            end=(at + 1) / len(phases),
        )
        for at, moves in enumerate(phases)
    )
    return Direction(phases=made, source=Source.PROMPT, effects={}, loop=loop)


def shoot(
    direction: Direction,
    width_px: int = 1920,
    height_px: int = 1080,
    *,
    duration_s: float = 5,
    depth: float = 0.0,
    focus: tuple[float, float] = (0.5, 0.5),
    seed: int = 1,
) -> Camera:
    still = Size(width_px=width_px, height_px=height_px)
    output = output_size(still, resolution="720p")
    lens = aim(
        direction, still=still, output=output, duration_s=duration_s, frames=FRAMES, seed=seed, depth=float(depth > 0)
    )
    camera = place(lens, still=still, output=output, focus=focus)
    if not depth:
        return camera
    return place(lens, still=still, output=output, focus=focus, relief=relief_of(bulge(depth), half=camera.half))


def bulge(depth: float) -> Map:
    y, x = np.mgrid[-1:1:40j, -1:1:60j]
    return (-depth * np.clip(x**2 + y**2, 0, 1)).astype(np.float32)


def even_depth(x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
    """No relief, but not known to be none."""
    del y
    return np.ones_like(x)


def corners(camera: Camera, frame: int, *, tall: float = 0.5625) -> tuple[Map, Map]:
    x = np.array([-0.5, 0.5, -0.5, 0.5, 0.0], np.float32)
    y = np.array([-0.5, -0.5, 0.5, 0.5, 0.0], np.float32) * np.float32(tall)
    return look(camera, frame, x, y, relief=flat)


def centre(camera: Camera, frame: int) -> tuple[float, float]:
    x, y = corners(camera, frame)
    return float(x[4]), float(y[4])


def width(camera: Camera, frame: int) -> float:
    x, y = corners(camera, frame)
    return float(np.hypot(x[1] - x[0], y[1] - y[0]))


# The first is lost in the last bits of a shift, the second is longer than its still.
@example(moves=[], later=[Move.TILT_DOWN], pace=1.0, still=(486, 2535), depth=0.16, focus=(0.0837, 0.9872), loop=False)
@example(
    moves=[Move.PAN_RIGHT, Move.TRUCK_RIGHT],
    later=[Move.PAN_RIGHT],
    pace=3.4,
    still=(1000, 1000),
    depth=0.0,
    focus=(0.7, 0.2),
    loop=False,
)
@given(
    moves=st.lists(st.sampled_from(sorted(AXES)), max_size=3),
    later=st.lists(st.sampled_from(sorted(AXES)), max_size=2),
    pace=st.floats(0.1, 3.4),
    still=st.one_of(st.sampled_from(STILLS), st.tuples(st.integers(16, 4096), st.integers(16, 4096))),
    depth=st.sampled_from([0.0, 0.16]),
    focus=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    loop=st.booleans(),
)
def test_no_frame_shows_what_is_beside_the_still(
    moves: list[Move],
    later: list[Move],
    pace: float,
    still: tuple[int, int],
    depth: float,
    focus: tuple[float, float],
    loop: bool,
) -> None:
    camera = shoot(towards(tuple(moves), tuple(later), pace=pace, loop=loop), *still, depth=depth, focus=focus)
    output = output_size(Size(width_px=still[0], height_px=still[1]), resolution="720p")
    relief = relief_of(bulge(depth), half=camera.half) if depth else flat
    side = np.linspace(-0.5, 0.5, 33, dtype=np.float32)
    edge = np.full_like(side, 0.5)
    x, y = np.concatenate([side, side, edge, -edge]), np.concatenate([edge, -edge, side, side])
    tall = np.float32(output.height_px / output.width_px)

    at_x, at_y = look(camera, np.arange(FRAMES)[:, None], x[None], y[None] * tall, relief=relief)

    # Half a pixel of a 1280 px frame.
    assert np.abs(at_x).max() <= camera.half[0] + 0.0004
    assert np.abs(at_y).max() <= camera.half[1] + 0.0004


@pytest.mark.parametrize("moves", [(), (Move.PUSH_IN,)])
def test_a_push_in_starts_on_the_whole_picture(moves: tuple[Move, ...]) -> None:
    x, y = corners(shoot(towards(moves)), 0)

    assert x.tolist() == pytest.approx([-0.5, 0.5, -0.5, 0.5, 0], abs=1e-6)
    assert y.tolist() == pytest.approx([-0.28125, -0.28125, 0.28125, 0.28125, 0], abs=1e-6)


def test_a_push_in_ends_closer() -> None:
    camera = shoot(towards((Move.PUSH_IN,)))

    assert width(camera, 0) / width(camera, FRAMES - 1) == pytest.approx(1.197, abs=0.001)
    assert centre(camera, FRAMES - 1) == pytest.approx((0, 0), abs=1e-6)


def test_a_push_in_goes_towards_the_subject() -> None:
    camera = shoot(towards((Move.PUSH_IN,)), focus=(0.7, 0.4))
    x, y = centre(camera, FRAMES - 1)

    assert x > 0.01
    assert y < -0.005


def test_a_pull_out_ends_on_the_whole_picture() -> None:
    camera = shoot(towards((Move.PULL_OUT,)))

    assert width(camera, 0) < width(camera, FRAMES - 1)
    assert width(camera, FRAMES - 1) == pytest.approx(1, abs=0.001)


@pytest.mark.parametrize(
    ("move", "dx", "dy"),
    [
        (Move.PAN_LEFT, -1, 0),
        (Move.PAN_RIGHT, 1, 0),
        (Move.TILT_UP, 0, -1),
        (Move.TILT_DOWN, 0, 1),
        (Move.TRUCK_LEFT, -1, 0),
        (Move.TRUCK_RIGHT, 1, 0),
        (Move.CRANE_UP, 0, -1),
        (Move.CRANE_DOWN, 0, 1),
        (Move.ORBIT_LEFT, -1, 0),
        (Move.ORBIT_RIGHT, 1, 0),
    ],
)
def test_a_sideways_move_goes_its_way_and_only_there(move: Move, dx: int, dy: int) -> None:
    camera = shoot(towards((move,)))
    moved = np.subtract(centre(camera, FRAMES - 1), centre(camera, 0))

    assert np.sign(np.round(moved, 6)).tolist() == [dx, dy]
    assert width(camera, 0) == pytest.approx(width(camera, FRAMES - 1), abs=1e-6)


def test_a_pan_spends_what_the_ratio_cuts_off_before_it_crops() -> None:
    panorama = shoot(towards((Move.PAN_RIGHT,)), 3000, 1000)
    flush = shoot(towards((Move.PAN_RIGHT,)), 1920, 1080)

    assert panorama.crop == 1
    assert flush.crop == pytest.approx(1.19, abs=0.01)
    assert flush.centre[0] < 0


def test_a_roll_turns_and_shows_no_corner() -> None:
    camera = shoot(towards((Move.ROLL_RIGHT,)))
    x, y = corners(camera, FRAMES - 1)

    assert abs(np.arctan2(y[1] - y[0], x[1] - x[0])) == pytest.approx(np.radians(4.5), abs=1e-3)
    assert camera.crop > 1.1


def test_a_dolly_zoom_keeps_the_subject_and_changes_what_is_behind() -> None:
    camera = shoot(towards((Move.DOLLY_ZOOM,)), depth=0.16)
    relief = relief_of(bulge(0.16), half=camera.half)

    def edge(frame: int) -> float:
        x, _ = look(camera, frame, np.array([[0.5]], np.float32), np.array([[0.0]], np.float32), relief=relief)
        return float(x[0, 0])

    assert width(camera, FRAMES - 1) == pytest.approx(width(camera, 0), abs=1e-6)
    assert abs(edge(FRAMES - 1) - edge(0)) > 0.005


def test_a_hand_shakes_by_the_seed_and_not_in_the_first_frame() -> None:
    one, other = (shoot(towards((Move.HANDHELD,)), seed=seed) for seed in (1, 2))

    assert (one.lens.pan[0], one.lens.tilt[0], one.lens.roll[0]) == (0, 0, 0)
    assert np.ptp(one.lens.pan) > 0.002
    assert not np.allclose(one.lens.pan, other.lens.pan)


def test_phases_run_one_after_the_other() -> None:
    lens = shoot(towards((Move.PUSH_IN,), (Move.PAN_LEFT,))).lens

    assert lens.pan[FRAMES // 3] == 0
    assert lens.forward[FRAMES // 2 + 1] == pytest.approx(lens.forward[-1], abs=1e-6)
    assert lens.pan[-1] < 0


@pytest.mark.parametrize("move", [move for move in AXES if move is not Move.HANDHELD])
def test_a_loop_comes_back_to_where_it_began(move: Move) -> None:
    lens = shoot(towards((move,), loop=True)).lens

    for curve in (lens.zoom, lens.roll, lens.pan, lens.tilt, lens.across, lens.down, lens.forward):
        assert curve[0] == 0
        assert abs(curve[-1]) <= 0.01 * max(1e-9, np.abs(curve).max())


def test_a_static_camera_never_moves() -> None:
    lens = shoot(towards(())).lens

    assert not any(np.any(curve) for curve in (lens.zoom, lens.roll, lens.pan, lens.tilt, lens.across, lens.forward))


def test_a_camera_without_depth_sees_as_one_with_an_even_depth() -> None:
    camera = shoot(towards((Move.TRUCK_LEFT, Move.PUSH_IN)))
    x, y = np.array([[0.3]], np.float32), np.array([[-0.2]], np.float32)

    even = look(camera, 40, x, y, relief=even_depth)

    assert np.array(even) == pytest.approx(np.array(look(camera, 40, x, y, relief=flat)), abs=1e-6)


def test_longer_clips_go_further_but_not_twice_as_far() -> None:
    short, long = (shoot(towards((Move.PUSH_IN,)), duration_s=duration_s) for duration_s in (5, 10))

    assert np.log(1 - long.lens.forward[-1]) == pytest.approx(np.log(1 - short.lens.forward[-1]) * np.sqrt(2))


def test_ease_rests_at_both_ends_and_is_even_between() -> None:
    time = np.linspace(0, 1, 1001)
    way = ease(time)
    speed = np.diff(way) * 1000

    assert (way[0], way[-1]) == (0.0, 1.0)
    assert (np.diff(way) >= 0).all()
    assert speed[:3].max() < 1e-4
    assert speed[-3:].max() < 1e-4
    assert np.ptp(speed[310:690]) < 1e-9
    assert way + ease(1 - time) == pytest.approx(1)


def test_facts_say_how_far_the_camera_goes() -> None:
    facts = shoot(towards((Move.PAN_LEFT, Move.PUSH_IN))).to_json()

    assert facts["zoom"] == pytest.approx(1.197, abs=0.001)
    assert facts["pan"] == pytest.approx(-0.16)


def test_every_axis_is_reached_by_some_move_and_moves_something() -> None:
    assert {axis for axis, _ in AXES.values()} == set(Axis)
    for move in AXES:
        lens = replace(shoot(towards((move,))).lens)
        assert any(np.any(getattr(lens, name)) for name in ("zoom", "roll", "pan", "tilt", "across", "down", "forward"))

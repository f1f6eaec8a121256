"""Where the camera looks, frame by frame."""

import numpy as np
import pytest

from photoplay.engines.camera.direction import Direction, Motion, Source
from photoplay.engines.camera.path import Travel, Window, ease, plan, windows
from photoplay.engines.camera.terms import AXES, Axis, Move
from photoplay.media.sizes import Size, output_size

STILLS = [(600, 400), (1920, 1080), (1080, 1920), (1000, 1000), (4000, 200), (200, 4000), (16, 16)]


def towards(*moves: Move, pace: float = 1.0) -> Direction:
    return Direction(motions=tuple(Motion(move=move, pace=pace) for move in moves), source=Source.PROMPT)


def travel(direction: Direction, width_px: int = 1920, height_px: int = 1080, *, duration_s: int = 5) -> Travel:
    still = Size(width_px=width_px, height_px=height_px)
    output = output_size(still, resolution="720p")
    return plan(direction, still=still, output=output, duration_s=duration_s)


def centre(window: Window) -> tuple[float, float]:
    return window.left + window.width / 2, window.top + window.height / 2


@pytest.mark.parametrize("still", STILLS)
@pytest.mark.parametrize("pace", [0.12, 1.0, 1.7])
@pytest.mark.parametrize("moves", [*([move] for move in AXES), [Move.PUSH_IN, Move.PAN_LEFT, Move.TILT_DOWN], []])
def test_no_window_leaves_the_still(moves: list[Move], pace: float, still: tuple[int, int]) -> None:
    path = windows(travel(towards(*moves, pace=pace), *still, duration_s=10), frames=240)

    slack = 1e-9 * max(still)
    assert min(window.left for window in path) >= -slack
    assert min(window.top for window in path) >= -slack
    assert max(window.left + window.width for window in path) <= still[0] + slack
    assert max(window.top + window.height for window in path) <= still[1] + slack


@pytest.mark.parametrize("moves", [[], [Move.PUSH_IN]])
def test_a_push_in_starts_on_the_whole_picture(moves: list[Move]) -> None:
    start = travel(towards(*moves)).start

    assert (start.left, start.top, start.width, start.height) == pytest.approx((0, 0, 1920, 1080))


def test_a_push_in_ends_closer_on_the_same_middle() -> None:
    path = travel(towards(Move.PUSH_IN))

    assert path.start.width / path.end.width == pytest.approx(1.197, abs=0.001)
    assert centre(path.end) == pytest.approx(centre(path.start))


def test_a_pull_out_ends_on_the_whole_picture() -> None:
    path = travel(towards(Move.PULL_OUT))

    assert path.start.width < path.end.width
    assert path.end.width == pytest.approx(1920)


@pytest.mark.parametrize(
    ("move", "dx", "dy"),
    [(Move.PAN_LEFT, -1, 0), (Move.PAN_RIGHT, 1, 0), (Move.TILT_UP, 0, -1), (Move.TILT_DOWN, 0, 1)],
)
def test_a_pan_goes_its_way_and_only_there(move: Move, dx: int, dy: int) -> None:
    path = travel(towards(move))
    moved = np.subtract(centre(path.end), centre(path.start))

    assert np.sign(np.round(moved, 6)).tolist() == [dx, dy]
    assert np.abs(moved).max() == pytest.approx(0.16 * (path.start.width if dx else path.start.height))
    assert path.start.width == pytest.approx(path.end.width)


def test_a_pan_spends_what_the_ratio_cuts_off_before_it_crops() -> None:
    panorama = travel(towards(Move.PAN_RIGHT), 3000, 1000)
    flush = travel(towards(Move.PAN_RIGHT), 1920, 1080)

    assert panorama.start.height == pytest.approx(1000)
    assert flush.start.height == pytest.approx(1080 / 1.16)
    assert centre(flush.start)[0] < 960


def test_the_first_window_stays_central_while_there_is_room() -> None:
    assert centre(travel(towards(Move.PAN_LEFT), 4000, 200).start) == pytest.approx((2000, 100))


def test_windows_keep_the_ratio_of_the_output() -> None:
    path = windows(travel(towards(Move.PUSH_IN, Move.TILT_UP), 600, 400), frames=120)

    ratios = [window.width / window.height for window in path]
    assert ratios == pytest.approx([1104 / 832] * 120)


def test_windows_begin_and_end_where_they_were_told() -> None:
    path = travel(towards(Move.PULL_OUT, Move.PAN_LEFT))
    frames = windows(path, frames=120)

    assert (frames[0], len(frames)) == (path.start, 120)
    assert frames[-1].left == pytest.approx(path.end.left)
    assert frames[-1].width == pytest.approx(path.end.width)


def test_a_static_camera_never_moves() -> None:
    assert len(set(windows(travel(towards()), frames=120))) == 1


def test_longer_clips_go_further_but_not_twice_as_far() -> None:
    short, long = (travel(towards(Move.PUSH_IN), duration_s=duration_s).end.width for duration_s in (5, 10))

    assert 1920 / long == pytest.approx((1920 / short) ** np.sqrt(2))


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
    facts = travel(towards(Move.PAN_LEFT, Move.PUSH_IN)).to_json()

    assert facts == {"zoom": pytest.approx(1.197, abs=0.001), "pan_right": pytest.approx(-0.16), "tilt_down": 0.0}


def test_every_axis_is_reached_by_some_move() -> None:
    assert {axis for axis, _ in AXES.values()} == set(Axis)

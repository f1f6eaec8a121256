"""From a direction to what the lens does in every frame: how far, and how it gathers speed and loses it. Pure.

Lengths are in frame widths: the unit is the width of the largest window of the output's ratio that fits in the still.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import radians, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from photoplay.engines.camera.direction import Direction
from photoplay.engines.camera.moves import AXES, Axis
from photoplay.media.sizes import Size

__all__ = ["Curve", "Lens", "aim", "calmer", "ease"]

Curve = NDArray[np.float64]

# At pace 1 a 5 s push-in ends at exp(0.18), about 1.2 times: clearly a move, and a 720p still stays sharp.
_ZOOM_LOG: Final = 0.18
# A pan that has to be bought by cropping goes a sixth of the frame; over pixels that the ratio cuts off, further.
_PAN: Final = 0.16
_TRUCK: Final = 0.10
_CRANE: Final = 0.10
_TRAVEL_FREE: Final = 0.40
# Only the difference of depth shows: at a relief of 0.16 the farthest background moves by 3.5 % of the width.
_ORBIT: Final = 0.22
_ORBIT_PAN: Final = 0.05
_ROLL: Final = radians(4.5)
_DOLLY_ZOOM_LOG: Final = 0.26
_SHAKE: Final = 0.006
_SHAKE_ROLL: Final = radians(0.35)
# A clip twice as long goes sqrt(2) times as far, so that it is calmer but not much tighter.
_DURATION_REFERENCE_S: Final = 5.0
_STRETCH_MAX: Final = 2.0

_RAMP: Final = 0.3
"""Share of a move spent on gathering speed, and again on losing it."""
_OVERLAP: Final = 0.12
"""Share of a phase by which it begins before the last one ends, so that the camera does not stop between two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lens:
    """Where the camera is, frame by frame. Every curve begins at 0, or 0 at the first frame of a still camera.

    Shape: (frames,) each.
    """

    zoom: Curve
    """Natural logarithm of what the focal length multiplies."""
    roll: Curve
    """Radians, clockwise."""
    pan: Curve
    tilt: Curve
    """Downwards, as the still's lines."""
    across: Curve
    """How far the camera itself went to the right; near things move more."""
    down: Curve
    forward: Curve
    """Share of the distance to the subject."""
    is_shaken: bool = False


def calmer(lens: Lens) -> Lens:
    """Return the same way, a tenth smaller."""
    curves = {name: getattr(lens, name) * 0.9 for name in ("zoom", "roll", "pan", "tilt", "across", "down", "forward")}
    return replace(lens, **curves)


def ease(share: Curve) -> Curve:
    """Turn a share of the time into a share of the way: speed ramps by a quintic, holds, and ramps down.

    Shape: any, 0 to 1 in and out; exactly 0 at 0 and 1 at 1; speed, acceleration and jerk are 0 at both ends.
    """
    share = np.clip(np.asarray(share, dtype=np.float64), 0.0, 1.0)
    speed = 1 / (1 - _RAMP)

    def rising(time: Curve) -> Curve:
        # The integral of 6u^5 - 15u^4 + 10u^3.
        u = time / _RAMP
        return speed * _RAMP * u**4 * (u * (u - 3) + 2.5)

    middle = speed * (share - _RAMP / 2)
    return np.where(share < _RAMP, rising(share), np.where(share > 1 - _RAMP, 1 - rising(1 - share), middle))


def aim(
    direction: Direction,
    *,
    still: Size,
    output: Size,
    duration_s: float,
    frames: int,
    seed: int,
    depth: float,
    reach: float = 1.0,
) -> Lens:
    """Work out the curves of every axis.

    `depth` is how much relief there is to show, 0 to 1: an orbit around a flat picture is a pan. `reach` shortens all.
    """
    ways = {axis: way * reach for axis, way in _ways(direction, duration_s=duration_s, frames=frames).items()}
    spare = _spare(still, output)
    travel_x, travel_y = (min(max(free, _PAN), _TRAVEL_FREE) for free in spare)
    truck, crane = (
        min(max(free, fixed), _TRAVEL_FREE * 0.75) for free, fixed in zip(spare, (_TRUCK, _CRANE), strict=True)
    )
    tall = output.height_px / output.width_px
    shake = _shake(frames, duration_s=duration_s, seed=seed, loop=direction.loop)
    strength = ways[Axis.SHAKE]
    vertigo = _DOLLY_ZOOM_LOG * ways[Axis.DOLLY_ZOOM]
    orbit = _ORBIT * ways[Axis.ORBIT]
    return Lens(
        zoom=-vertigo,
        roll=_ROLL * ways[Axis.ROLL] + _SHAKE_ROLL * strength * shake[2],
        # Turning back while going around keeps the subject, whose inverse depth is 1, where it is.
        pan=travel_x * ways[Axis.PAN]
        + _SHAKE * strength * shake[0]
        - orbit
        + _ORBIT_PAN * (1.4 - depth) * ways[Axis.ORBIT],
        tilt=-tall * travel_y * ways[Axis.TILT] + _SHAKE * strength * shake[1],
        across=truck * ways[Axis.TRUCK] + orbit,
        down=-tall * crane * ways[Axis.CRANE],
        forward=1 - np.exp(-_ZOOM_LOG * ways[Axis.ZOOM] - vertigo),
        is_shaken=bool(strength.any()),
    )


def _ways(direction: Direction, *, duration_s: float, frames: int) -> Mapping[Axis, Curve]:
    """Add up, for every axis, what each phase contributes over time."""
    if direction.loop:
        # There and back: the frame after the last one would be the first.
        time = np.arange(frames) / frames
        time = 1 - np.abs(2 * time - 1)
    else:
        time = np.linspace(0.0, 1.0, frames)
    ways = {axis: np.zeros(frames) for axis in Axis}
    for phase in direction.phases:
        share = phase.end - phase.start
        start = phase.start - _OVERLAP * share if phase.start > 0 else 0.0
        way = ease((time - start) / (phase.end - start))
        stretch = min(sqrt(duration_s * share / _DURATION_REFERENCE_S), _STRETCH_MAX)
        for motion in phase.motions:
            axis, sense = AXES[motion.move]
            if axis is Axis.SHAKE:
                on = ease((time - start) / min(0.25, phase.end - start))
                off = ease((phase.end - time) / 0.2) if phase.end < 1 else 1.0
                ways[axis] += motion.pace * on * off
            else:
                ways[axis] += sense * motion.pace * stretch * way
    return ways


def _spare(still: Size, output: Size) -> tuple[float, float]:
    """Return what the ratio cuts off, in shares of the frame's width and height."""
    cover = min(still.width_px / output.width_px, still.height_px / output.height_px)
    return still.width_px / (output.width_px * cover) - 1, still.height_px / (output.height_px * cover) - 1


def _shake(frames: int, *, duration_s: float, seed: int, loop: bool) -> NDArray[np.float64]:
    """A hand's tremor: a few slow sines an axis, by the seed. Shape: (3, frames), about -1 to 1."""
    random = np.random.default_rng([seed, 1])
    time = np.linspace(0.0, duration_s, frames)
    rates = random.uniform((0.25, 0.6, 1.1, 1.9), (0.45, 0.95, 1.7, 2.6), (3, 4))
    phases = random.uniform(0, 2 * np.pi, (3, 4))
    sizes = np.array([0.55, 0.3, 0.12, 0.06])
    sway = (sizes[None, :, None] * np.sin(2 * np.pi * rates[:, :, None] * time + phases[:, :, None])).sum(axis=1)
    sway -= sway[:, :1]
    return sway * np.minimum(1.0, np.linspace(frames, 0, frames) / (0.2 * frames)) if loop else sway

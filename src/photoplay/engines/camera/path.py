"""From a direction to what the camera sees in every frame. Pure; lengths are in pixels of the still."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from photoplay.domain.json import JsonObject
from photoplay.engines.camera.direction import Direction
from photoplay.engines.camera.terms import AXES, Axis
from photoplay.media.sizes import Size

__all__ = ["Travel", "Window", "ease", "plan", "windows"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The part of the still that fills the frame. Edges, not pixel centres: the whole still is 0, 0, width, height."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Travel:
    """Where the camera starts and ends. Every window between them is a mixture of the two, so both inside is enough."""

    start: Window
    end: Window

    def to_json(self) -> JsonObject:
        """Say how far the camera goes: zoom as a ratio above 1 for closer, pan and tilt in shares of the frame."""
        width, height = max(self.start.width, self.end.width), max(self.start.height, self.end.height)
        across = (self.end.left - self.start.left + (self.end.width - self.start.width) / 2) / width
        down = (self.end.top - self.start.top + (self.end.height - self.start.height) / 2) / height
        return {
            "zoom": round(self.start.width / self.end.width, 4),
            "pan_right": round(across, 4),
            "tilt_down": round(down, 4),
        }


# At pace 1 a 5 s push-in ends at exp(0.18), about 1.2 times: clearly a move, and a 720p still stays sharp.
_ZOOM_LOG: Final = 0.18
# A pan that has to be bought by cropping goes a sixth of the frame; over pixels that the ratio cuts off, further.
_TRAVEL: Final = 0.16
_TRAVEL_FREE: Final = 0.40
# A clip twice as long goes sqrt(2) times as far, so that it is calmer but not much tighter.
_DURATION_REFERENCE_S: Final = 5
_STRETCH_MAX: Final = 2.0

_RAMP: Final = 0.3
"""Share of the clip spent on gathering speed, and again on losing it."""


def plan(direction: Direction, *, still: Size, output: Size, duration_s: int) -> Travel:
    """Choose the largest windows that let the move happen inside the still, the first as central as they allow.

    The first window is the whole still cut to the output's ratio, unless the move itself needs more room: a pull-out
    starts tighter, and a pan that the ratio leaves too little room for crops a little.
    """
    cover = min(still.width_px / output.width_px, still.height_px / output.height_px)
    width, height = output.width_px * cover, output.height_px * cover
    amounts = _amounts(direction, duration_s)
    across = _share(amounts[Axis.PAN], still.width_px / width)
    down = -_share(amounts[Axis.TILT], still.height_px / height)
    zoom = exp(_ZOOM_LOG * amounts[Axis.ZOOM])
    first, last = min(1.0, zoom), min(1.0, 1 / zoom)
    room = (first + last) / 2
    base = min(1.0, still.width_px / (width * (abs(across) + room)), still.height_px / (height * (abs(down) + room)))
    x, dx = _centres(still.width_px, base * width, base * across * width, first=first, last=last)
    y, dy = _centres(still.height_px, base * height, base * down * height, first=first, last=last)
    return Travel(
        start=_around(x, y, base * first * width, base * first * height),
        end=_around(x + dx, y + dy, base * last * width, base * last * height),
    )


def ease(share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn a share of the time into a share of the way: speed ramps by a quintic, holds, and ramps down.

    Shape: any, 0 to 1 in and out; exactly 0 at 0 and 1 at 1; speed, acceleration and jerk are 0 at both ends.
    """
    share = np.asarray(share, dtype=np.float64)
    speed = 1 / (1 - _RAMP)

    def rising(time: NDArray[np.float64]) -> NDArray[np.float64]:
        # The integral of 6u^5 - 15u^4 + 10u^3.
        u = time / _RAMP
        return speed * _RAMP * u**4 * (u * (u - 3) + 2.5)

    middle = speed * (share - _RAMP / 2)
    return np.where(share < _RAMP, rising(share), np.where(share > 1 - _RAMP, 1 - rising(1 - share), middle))


def windows(travel: Travel, *, frames: int) -> list[Window]:
    """Spread the way over the frames; the first is `travel.start` and the last `travel.end`."""
    start, end = travel.start, travel.end
    way = ease(np.linspace(0.0, 1.0, frames))
    # Zooming by the same factor in equal times looks even; the window's middle keeps pace, so one point stands still.
    shrink = np.log(end.width / start.width)
    mix = way if abs(shrink) < 1e-9 else np.expm1(shrink * way) / np.expm1(shrink)
    return [
        Window(
            left=start.left + (end.left - start.left) * share,
            top=start.top + (end.top - start.top) * share,
            width=start.width + (end.width - start.width) * share,
            height=start.height + (end.height - start.height) * share,
        )
        for share in mix.tolist()
    ]


def _amounts(direction: Direction, duration_s: int) -> Mapping[Axis, float]:
    stretch = min(sqrt(duration_s / _DURATION_REFERENCE_S), _STRETCH_MAX)
    amounts = dict.fromkeys(Axis, 0.0)
    for motion in direction.motions:
        axis, sense = AXES[motion.move]
        amounts[axis] = sense * motion.pace * stretch
    return amounts


def _share(amount: float, picture: float) -> float:
    """Return the travel in shares of the frame, for a picture that is `picture` frames wide or high."""
    return amount * min(max(picture - 1, _TRAVEL), _TRAVEL_FREE)


def _centres(side: float, window: float, travel: float, *, first: float, last: float) -> tuple[float, float]:
    """Place the first window's middle as near the still's middle as both windows' edges permit."""
    lowest = max(window * first / 2, window * last / 2 - travel)
    highest = min(side - window * first / 2, side - window * last / 2 - travel)
    return min(max(side / 2, lowest), max(lowest, highest)), travel


def _around(x: float, y: float, width: float, height: float) -> Window:
    return Window(left=x - width / 2, top=y - height / 2, width=width, height=height)

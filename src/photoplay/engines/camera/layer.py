"""What is sampled in every frame, made once: the background, and the subject that stands in front of it."""

from dataclasses import dataclass
from math import ceil, floor
from typing import Final, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from photoplay.engines.camera.arrays import LANES, Plane, Quad, as_plane
from photoplay.engines.camera.sight import Matrix
from photoplay.media.frame import Planes

__all__ = ["Layer", "Layers", "Source"]

# The background is changed up to here beside the subject; what that changed is given back with the subject.
_MARGIN_PX: Final = 8
# What a shift reads beside a pixel: enough for blocks of three pixels of the planes.
_TAPS: Final = np.arange(-2, 4)
# Sampling reads one pixel on; one more for rounding.
_INSIDE_PX: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Planes as they are sampled: for a block of two by two pixels of the frame at once.

    A block's place is half a pixel above and to the left of where its middle lies: where a pixel of the frame spans one
    of the planes, that is where its first pixel lies, and its four are pixels of the planes.
    """

    luma: Quad
    """What its four pixels see, line by line."""
    colour: Quad
    """Its blue and red, and two that nobody reads; at half the resolution."""

    @classmethod
    def of(cls, planes: Planes, *, step: float) -> Self:
        """Make ready for frames in which a pixel spans about `step` pixels of the planes."""
        return cls(
            luma=_blocks(planes.luma, step=step),
            colour=_colours(planes, step=step),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """One run of columns in each line."""

    start: NDArray[np.intp]
    stop: NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A subject in front of the background, as an opaque card that stands at inverse depth 1."""

    card: Quad
    """Luma, blue and red as what is added to the background once that is dimmed; the opacity. All at full size."""
    left: int
    """Where the card lies in the planes."""
    top: int
    seen: Runs
    """Where the card is not empty."""
    opaque: Runs
    """Where it hides the background wholly."""

    @classmethod
    def before(cls, behind: Planes, planes: Planes, opacity: Plane) -> Self:
        """Take off the background what is in front of it: at rest, the two give the picture back."""
        left, top, right, bottom = _window(opacity)
        window = (slice(top, bottom), slice(left, right))
        half = (slice(top // 2, bottom // 2), slice(left // 2, right // 2))
        seen = opacity[window]
        veil = as_plane(cv2.bitwise_not(seen))
        parts = [_rest(planes.luma[window], behind.luma[window], veil)]
        for plane, other in ((planes.blue, behind.blue), (planes.red, behind.red)):
            parts.append(_rest(_doubled(plane[half]), _doubled(other[half]), veil))
        card = as_plane(cv2.merge([*parts, seen]))
        return cls(card=card, left=left, top=top, seen=_widest(seen), opaque=_solid(seen))

    def way(self, matrix: Matrix) -> Matrix:
        """From the frame to the card."""
        way = matrix.copy()
        way[:, 2] -= (self.left, self.top)
        return way

    def shown(self, way: Matrix, rows: slice, *, width: int) -> slice:
        """Return the columns of the frame where these lines show anything of the card: whole lanes, none if empty."""
        (xx, xy, x), _ = way.tolist()
        first, last = _lines(way, rows, width=width)
        lines = slice(max(0, first - _MARGIN_PX), max(0, last + _MARGIN_PX))
        if lines.start >= min(lines.stop, len(self.card)):
            return slice(0, 0)
        start, stop = int(self.seen.start[lines].min()) - _MARGIN_PX, int(self.seen.stop[lines].max()) + _MARGIN_PX
        slants = (xy * rows.start, xy * rows.stop)
        left, right = (start - x - max(slants)) / xx, (stop - x - min(slants)) / xx
        return slice(max(0, floor(left / LANES) * LANES), min(width, ceil(right / LANES) * LANES))

    def hides(self, way: Matrix, rows: slice, *, width: int) -> slice:
        """Return the columns of the frame where these lines show nothing but the card: whole lanes of blocks."""
        (xx, xy, x), _ = way.tolist()
        first, last = _lines(way, rows, width=width)
        if first < 0 or last > len(self.card):
            return slice(0, 0)
        step = 2 * LANES
        start = int(self.opaque.start[first:last].max()) + _INSIDE_PX
        stop = int(self.opaque.stop[first:last].min()) - _INSIDE_PX
        slants = (xy * rows.start, xy * rows.stop)
        left, right = (start - x - min(slants)) / xx, (stop - x - max(slants)) / xx
        columns = slice(max(0, ceil(left / step) * step), min(width, floor(right / step) * step))
        return columns if columns.start < columns.stop else slice(0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers:
    """What one camera sees, from behind to the front."""

    sharp: Source
    """The background."""
    soft: Source | None = None
    """The background out of focus; None where nothing asks for it."""
    subject: Layer | None = None


def _lines(way: Matrix, rows: slice, *, width: int) -> tuple[int, int]:
    """Return the lines of the card that lines of the frame may read, whatever the column."""
    _, (yx, yy, y) = way.tolist()
    across = (0.0, yx * width)
    first, last = y + yy * rows.start + min(across), y + yy * rows.stop + max(across)
    return floor(first) - _INSIDE_PX, ceil(last) + _INSIDE_PX


def _window(opacity: Plane) -> tuple[int, int, int, int]:
    left, top, width, height = cv2.boundingRect(opacity)
    right, bottom = left + width + _MARGIN_PX & ~1, top + height + _MARGIN_PX & ~1
    left, top = max(0, left - _MARGIN_PX) & ~1, max(0, top - _MARGIN_PX) & ~1
    return left, top, min(opacity.shape[1], right), min(opacity.shape[0], bottom)


def _doubled(chroma: Plane) -> Plane:
    # It sits on the even columns: halved again after sampling, it is back there.
    return as_plane(cv2.resize(chroma, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC))


def _rest(plane: Plane, behind: Plane, veil: Plane) -> Plane:
    return as_plane(cv2.subtract(plane, cv2.multiply(behind, veil, scale=1 / 255)))


def _widest(opacity: Plane) -> Runs:
    """From the first to the last column of each line that is not empty."""
    # A line that is empty is seen from behind its last column to before its first.
    found = np.pad(opacity > 0, ((0, 0), (1, 1)), constant_values=True)
    return Runs(start=np.argmax(found[:, 1:], axis=1), stop=opacity.shape[1] - np.argmax(found[:, -2::-1], axis=1))


def _solid(opacity: Plane) -> Runs:
    """Find in each line the opaque run through the column that has most of them."""
    solid = np.pad(opacity == 255, ((0, 0), (1, 1)))
    column = int(np.argmax(solid.sum(axis=0)))
    # Less the column that was put before the first.
    return Runs(
        start=column - np.argmax(~solid[:, column::-1], axis=1),
        stop=column + np.argmax(~solid[:, column:], axis=1) - 1,
    )


def _blocks(plane: Plane, *, step: float) -> Quad:
    before, after = 0.5 - step / 2, 0.5 + step / 2
    pixels = [_shifted(plane, across, down) for down in (before, after) for across in (before, after)]
    for pixel in pixels:
        # A sharp shift goes beyond black and white.
        np.clip(pixel, 16, 235, out=pixel)
    return as_plane(cv2.merge(pixels))


def _colours(planes: Planes, *, step: float) -> Quad:
    # Chroma sits between a block's lines, on its left edge: that is nearer to its middle where pixels span less.
    blue, red = (_shifted(plane, (1 - step) / 4, 0.0) for plane in (planes.blue, planes.red))
    return as_plane(cv2.merge([blue, red, red, red]))


def _shifted(plane: Plane, across: float, down: float) -> Plane:
    """Take each pixel from beside it. Source: Keys, cubic convolution interpolation, 1981."""
    weights: list[NDArray[np.float64]] = []
    for by in (across, down):
        away = np.abs(_TAPS - by)
        near, far = (1.5 * away - 2.5) * away**2 + 1, ((-0.5 * away + 2.5) * away - 4) * away + 2
        weights.append(np.where(away < 1, near, np.where(away < 2, far, 0)))
    anchor = (-int(_TAPS[0]), -int(_TAPS[0]))
    return as_plane(cv2.sepFilter2D(plane, -1, weights[0], weights[1], anchor=anchor, borderType=cv2.BORDER_REPLICATE))

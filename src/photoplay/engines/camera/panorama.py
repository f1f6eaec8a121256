"""All that a camera shows which only pans and tilts, at the frame's own pixels: each frame is a window of it.

Between two of its pixels a window is mixed from its neighbours, which costs a tenth of sampling them one by one.
"""

from dataclasses import dataclass
from math import floor
from typing import Final, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from photoplay.engines.camera.arrays import Plane, as_plane, room
from photoplay.engines.camera.sight import Matrix, Sight, moved
from photoplay.media.frame import Planes

__all__ = ["Panorama"]

# Neighbours half a pixel apart along each way that the camera goes: mixing those hardly softens.
_PHASES: Final = 2

_Way = NDArray[np.float64]
"""Shape: (frames, 2). Where each frame begins, in pixels across and down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Strip:
    """One plane, as often as there are phases."""

    phases: list[list[Plane]]
    """By phase down, then across."""
    way: _Way
    """From the first pixel of phase 0."""

    @classmethod
    def of(cls, plane: Plane, matrix: Matrix, way: _Way, *, shape: tuple[int, int], black: int, white: int) -> Self:
        """Sample a plane wherever windows of this shape go; the matrix is that of the first frame."""
        first, last = np.floor(way.min(axis=0)), np.floor(way.max(axis=0)) + 1
        size = (shape[1] + int(last[0] - first[0]), shape[0] + int(last[1] - first[1]))
        across, down = (_PHASES if way[:, axis].any() else 1 for axis in (0, 1))
        phases: list[list[Plane]] = []
        for y in first[1] + np.arange(down) / down:
            places = [moved(matrix, float(x), float(y)) for x in first[0] + np.arange(across) / across]
            phases.append([_sampled(plane, place, size, black=black, white=white) for place in places])
        return cls(phases=phases, way=way - first)

    def draw(self, frame: int, into: Plane) -> None:
        x, y = self.way[frame].tolist()
        count = len(self.phases)
        row = floor(y * count)
        share = y * count - row
        if share == 0:
            self._line(row, x, into)
            return
        above, below = room("above", *into.shape), room("below", *into.shape)
        self._line(row, x, above)
        self._line(row + 1, x, below)
        cv2.addWeighted(above, 1 - share, below, share, 0, dst=into)

    def _line(self, row: int, x: float, into: Plane) -> None:
        """Draw a window that begins at a line of a phase, not between two."""
        top, phase = divmod(row, len(self.phases))
        planes, lines = self.phases[phase], slice(top, top + into.shape[0])
        column = floor(x * len(planes))
        share = x * len(planes) - column
        (left, one), (right, other) = divmod(column, len(planes)), divmod(column + 1, len(planes))
        near, far = planes[one][lines, left : left + into.shape[1]], planes[other][lines, right : right + into.shape[1]]
        cv2.addWeighted(near, 1 - share, far, share, 0, dst=into)


@dataclass(frozen=True, slots=True, kw_only=True)
class Panorama:
    """The planes of everything that any frame shows."""

    luma: _Strip
    blue: _Strip
    red: _Strip

    @classmethod
    def of(cls, planes: Planes, sight: Sight) -> Self | None:
        """Return None where the camera does more than pan and tilt."""
        way = sight.way()
        if way is None:
            return None
        shape = (sight.output.height_px, sight.output.width_px)
        coarse, half = sight.matrix(0, chroma=True), (shape[0] // 2, shape[1] // 2)
        return cls(
            luma=_Strip.of(planes.luma, sight.matrix(0), way, shape=shape, black=16, white=235),
            blue=_Strip.of(planes.blue, coarse, way / 2, shape=half, black=16, white=240),
            red=_Strip.of(planes.red, coarse, way / 2, shape=half, black=16, white=240),
        )

    def draw(self, frame: int, into: Planes) -> None:
        for strip, plane in ((self.luma, into.luma), (self.blue, into.blue), (self.red, into.red)):
            strip.draw(frame, plane)


def _sampled(plane: Plane, matrix: Matrix, size: tuple[int, int], *, black: int, white: int) -> Plane:
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    sharp = as_plane(cv2.warpAffine(plane, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE))
    # Cubic sampling goes beyond black and white.
    return np.clip(sharp, black, white, out=sharp)

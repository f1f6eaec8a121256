"""How a camera sees a picture: where in its planes each pixel of a frame comes from. Nothing here reads a pixel."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from photoplay.engines.camera.arrays import LANES, Map, room
from photoplay.engines.camera.path import Camera, Relief, flat, look
from photoplay.engines.camera.planes import Region
from photoplay.media.sizes import Size

__all__ = ["Bend", "Matrix", "Sight", "Sway", "blockwise", "halved", "moved", "relief_of"]

Matrix = NDArray[np.float64]
"""Shape: (2, 3). From a pixel of the frame to a place in the planes."""

Sway = Callable[[int, Map, Map], tuple[Map, Map]]
"""Moves what is seen in a frame: water and clouds. Takes and gives places of the still."""

# The map is solved at every eighth or sixteenth pixel and is smooth between; it ends a cell outside what is drawn.
_CELL_PX: Final = 16
_CELL_SWAY_PX: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Bend:
    """Where the blocks of one frame come from."""

    cells: Map
    """The place of a block in the middle of every cell. Shape: (rows + 2, columns + 2, 2)."""
    cell_px: int

    def map(self, rows: slice, columns: slice) -> Map:
        """Return the place of each block of a part of the frame. Shape: (height, width, 2).

        It lies in memory that the next call on the same thread writes to.
        """
        cell = self.cell_px // 2
        top, left = rows.start // cell, columns.start // cell
        # One cell more on every side, for what lies beyond the middles of the outermost.
        part = self.cells[top : -(-rows.stop // cell) + 2, left : -(-columns.stop // cell) + 2]
        height, width = part.shape[0] * cell, part.shape[1] * cell
        fine: Map = room("map", height, width, 8).view(np.float32)
        cv2.resize(part, (width, height), dst=fine, interpolation=cv2.INTER_LINEAR)
        above, before = (top - 1) * cell, (left - 1) * cell
        return fine[rows.start - above : rows.stop - above, columns.start - before : columns.stop - before]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """A camera, and the part of the still that it sees, in planes of another resolution."""

    camera: Camera
    output: Size
    still: Size
    region: Region
    scale_x: float
    """Pixels of the planes per pixel of the still."""
    scale_y: float
    relief: Relief
    sway: Sway | None = None

    def matrix(self, frame: int, *, chroma: bool = False) -> Matrix:
        """Return where a flat picture's pixels are, from those of the frame. Exact for inverse depth 1."""
        width, height = self.output.width_px, self.output.height_px
        corners_x = np.array([0.0, width - 1.0, 0.0])
        corners_y = np.array([0.0, 0.0, height - 1.0])
        x, y = self._pixels(*look(self.camera, frame, *self._rays(corners_x, corners_y), relief=flat))
        across_x, across_y = (x[1] - x[0]) / (width - 1), (y[1] - y[0]) / (width - 1)
        down_x, down_y = (x[2] - x[0]) / (height - 1), (y[2] - y[0]) / (height - 1)
        if not chroma:
            return np.array([[across_x, down_x, x[0]], [across_y, down_y, y[0]]])
        # Chroma i sits on luma column 2i and between rows 2j and 2j + 1, in the picture as in the frame.
        at_x, at_y = x[0] + 0.5 * down_x, y[0] + 0.5 * down_y
        return np.array([[across_x, down_x, at_x / 2], [across_y, down_y, (at_y - 0.5) / 2]])

    def bend(self, frame: int) -> Bend:
        """Solve a frame's cells: what a matrix cannot say."""
        width, height = self.output.width_px, self.output.height_px
        cell = _CELL_PX if self.sway is None and height % _CELL_PX == 0 else _CELL_SWAY_PX
        columns = np.arange(-(-width // (2 * LANES)) * 2 * LANES // cell + 2) * cell - cell + (cell - 1) / 2
        rows = np.arange(height // cell + 2) * cell - cell + (cell - 1) / 2
        places = look(self.camera, frame, *self._rays(columns[None, :], rows[:, None]), relief=self.relief)
        if self.sway is not None:
            places = self.sway(frame, *places)
        return Bend(cells=(np.dstack(self._pixels(*places)) - 0.5).astype(np.float32), cell_px=cell)

    @property
    def is_flat(self) -> bool:
        return self.relief is flat and self.sway is None

    def step(self, frame: int) -> float:
        """Return how many pixels of the planes a pixel of a frame spans."""
        return float(np.hypot(*self.matrix(frame)[:, 0]))

    def way(self) -> NDArray[np.float64] | None:
        """Return how far each frame is from the first, in its pixels; None if the camera does more than pan and tilt.

        Shape: (frames, 2), across and down.
        """
        lens = self.camera.lens
        if not self.is_flat or lens.roll.any() or lens.forward.any() or np.ptp(lens.zoom) > 0:
            return None
        middle = np.zeros(1, np.float32)
        places = np.stack(look(self.camera, np.arange(len(lens.zoom)), middle, middle, relief=flat), axis=1)
        scale = self.camera.crop * np.exp(lens.zoom[0]) * self.output.width_px
        return (places - places[0]).astype(np.float64) * scale

    def _rays(self, x: NDArray[np.floating], y: NDArray[np.floating]) -> tuple[Map, Map]:
        width, height = self.output.width_px, self.output.height_px
        return ((x + 0.5) / width - 0.5).astype(np.float32), ((y + 0.5 - height / 2) / width).astype(np.float32)

    def _pixels(self, x: Map, y: Map) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """From places of the still, in frame widths from its middle, to pixel centres of the planes."""
        unit = self.still.width_px / (2 * self.camera.half[0])
        return (
            (x.astype(np.float64) * unit + self.still.width_px / 2 - self.region.left) * self.scale_x - 0.5,
            (y.astype(np.float64) * unit + self.still.height_px / 2 - self.region.top) * self.scale_y - 0.5,
        )


def moved(matrix: Matrix, left: float, top: float) -> Matrix:
    """The same way for a window of the frame that begins elsewhere."""
    other = matrix.copy()
    other[:, 2] += matrix[:, 0] * left + matrix[:, 1] * top
    return other


def blockwise(matrix: Matrix) -> Matrix:
    """From a block of two by two pixels, instead of from a pixel, to its place."""
    other = matrix.copy()
    other[:, :2] *= 2
    other[:, 2] += (matrix[:, 0] + matrix[:, 1]) / 2 - 0.5
    return other


def relief_of(map_: Map, *, half: tuple[float, float]) -> Relief:
    """Turn a map of the whole still into inverse depths at places of it."""
    if not map_.any():
        return flat
    near = np.ascontiguousarray(1.0 + map_)
    scale = (near.shape[1] / (2 * half[0]), near.shape[0] / (2 * half[1]))

    def read(x: Map, y: Map) -> Map:
        at_x = (x + np.float32(half[0])) * np.float32(scale[0]) - np.float32(0.5)
        at_y = (y + np.float32(half[1])) * np.float32(scale[1]) - np.float32(0.5)
        return np.asarray(
            cv2.remap(near, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), dtype=np.float32
        )

    return read


def halved(pixels: slice) -> slice:
    """From lines or columns of pixels to those of blocks."""
    return slice(pixels.start // 2, pixels.stop // 2)

"""What hangs between the camera and the picture has a size, a place and a time: what all of it may look at."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from photoplay.engines.camera.arrays import Map
from photoplay.media.sizes import Size

__all__ = ["Air", "Anchor", "envelope", "noise", "read"]

Anchor = Callable[[int, tuple[float, float]], tuple[float, float]]
"""Where in a frame a place of the still is seen, both in shares of their sides."""

_CELL_PX: Final = 8
_NOISE_PX: Final = 256

_FADE_S: Final = 1.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Air:
    """What every veil may look at."""

    output: Size
    fps: int
    frames: int
    noise: Map
    """Shape: (256, 256), 0 to 1, without a seam."""
    anchor: Anchor
    hot: tuple[float, float]
    """In shares of the still."""
    light: tuple[float, float]
    loop: bool
    trusted: bool
    """The place where steam rises is a subject's own."""

    def grid(self) -> tuple[Map, Map]:
        """Places of the cells in shares of the width, from the frame's top left."""
        columns, rows = self.output.width_px // _CELL_PX, self.output.height_px // _CELL_PX
        x, y = np.meshgrid((np.arange(columns) + 0.5) / columns, (np.arange(rows) + 0.5) / columns)
        return x.astype(np.float32), y.astype(np.float32)

    def time_s(self, frame: int) -> float:
        return frame / self.fps


def noise(seed: int) -> Map:
    """Clouds of several sizes that join at every edge."""
    random = np.random.default_rng([seed, 2])
    total = np.zeros((_NOISE_PX, _NOISE_PX), np.float32)
    for octave, cells in enumerate((4, 8, 16, 32)):
        field = random.random((cells, cells), dtype=np.float32)
        wrapped = np.pad(field, 2, mode="wrap")
        scale = _NOISE_PX // cells
        large = cv2.resize(wrapped, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        total += np.asarray(large)[2 * scale : 2 * scale + _NOISE_PX, 2 * scale : 2 * scale + _NOISE_PX] * 0.55**octave
    total -= total.min()
    return (total / total.max()).astype(np.float32)


def envelope(air: Air, frame: int, *, fade_s: float = _FADE_S) -> float:
    """0 in the first frame, then up to 1; in a loop down again."""
    share = min(1.0, air.time_s(frame) / fade_s)
    if air.loop:
        share = min(share, (air.frames - frame) / air.fps / fade_s)
    return share * share * (3 - 2 * share)


def read(field: Map, x: NDArray[np.floating], y: NDArray[np.floating]) -> Map:
    """Sample the noise, over and over; x and y in its widths."""
    return np.asarray(
        cv2.remap(
            field,
            np.mod(x, 1.0).astype(np.float32) * np.float32(_NOISE_PX - 1e-3),
            np.mod(y, 1.0).astype(np.float32) * np.float32(_NOISE_PX - 1e-3),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_WRAP,
        ),
        dtype=np.float32,
    )

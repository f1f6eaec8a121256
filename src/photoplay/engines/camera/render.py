"""The still as planes that can be sampled between pixels, and the sampling of one window into one frame."""

from dataclasses import dataclass
from math import ceil, floor
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from photoplay.domain.errors import StillRejected
from photoplay.engines.camera.path import Travel, Window
from photoplay.media.clip import Planes
from photoplay.media.sizes import Size

__all__ = ["Picture", "develop", "open_still", "sample"]

# One thread: the encoder has its own two, and the result must not depend on the machine.
cv2.setNumThreads(1)

# Linear sampling softens most when source and output pixels are the same size, and skips pixels above twice the size.
_DENSITY_MIN: Final = 1.0
_DENSITY_MAX: Final = 1.5
# Lanczos reads four pixels to each side; they are cut from the still with the region so that the cut leaves no trace.
_MARGIN_PX: Final = 4

# ITU-R BT.709-6, rows Y, Cb, Cr from full-range R, G, B, scaled to 219 and 224 steps above 16 and around 128.
_KR: Final = 0.2126
_KB: Final = 0.0722
_KG: Final = 1 - _KR - _KB
_TO_LIMITED: Final = np.array(
    [
        [_KR * 219 / 255, _KG * 219 / 255, _KB * 219 / 255, 16],
        [-_KR / (2 - 2 * _KB) * 224 / 255, -_KG / (2 - 2 * _KB) * 224 / 255, 0.5 * 224 / 255, 128],
        [0.5 * 224 / 255, -_KG / (2 - 2 * _KR) * 224 / 255, -_KB / (2 - 2 * _KR) * 224 / 255, 128],
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """The region of the still that a travel crosses, converted once."""

    planes: Planes
    left: float
    top: float
    scale_x: float
    """Pixels of the planes per pixel of the still."""
    scale_y: float


def open_still(path: Path) -> NDArray[np.uint8]:
    """Read the PNG.

    Shape: (height, width, 3), RGB, uint8 full range.
    Raises: StillRejected if the file is missing, not a PNG, or damaged.
    """
    try:
        with Image.open(path, formats=("PNG",)) as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as exc:
        # Pillow reports a broken PNG chunk as SyntaxError; its texts carry the path.
        raise StillRejected(f"still: expected a readable PNG, got {type(exc).__name__}") from exc


def develop(still: NDArray[np.uint8], travel: Travel, *, output: Size) -> Picture:
    """Cut out what the travel crosses and convert it, at 1.0 to 1.5 pixels per pixel of the widest frame."""
    height, width = still.shape[:2]
    both = (travel.start, travel.end)
    left = max(0, floor(min(window.left for window in both)) - _MARGIN_PX)
    top = max(0, floor(min(window.top for window in both)) - _MARGIN_PX)
    right = min(width, ceil(max(window.left + window.width for window in both)) + _MARGIN_PX)
    bottom = min(height, ceil(max(window.top + window.height for window in both)) + _MARGIN_PX)
    native = max(window.width for window in both) / output.width_px
    scale = min(max(1.0, _DENSITY_MIN / native), _DENSITY_MAX / native)
    planes = _to_planes(_resized(still[top:bottom, left:right], scale))
    return Picture(
        planes=planes,
        left=left,
        top=top,
        scale_x=planes.luma.shape[1] / (right - left),
        scale_y=planes.luma.shape[0] / (bottom - top),
    )


def sample(picture: Picture, window: Window, into: Planes) -> None:
    """Fill a frame with what a window shows, linearly between pixels and without a border."""
    height, width = into.luma.shape
    step_x = window.width / width * picture.scale_x
    step_y = window.height / height * picture.scale_y
    # From edges to centres: the middle of output pixel 0 lies half a step inside the window.
    x = (window.left - picture.left) * picture.scale_x + step_x / 2 - 0.5
    y = (window.top - picture.top) * picture.scale_y + step_y / 2 - 0.5
    _warp(picture.planes.luma, (step_x, x), (step_y, y), into.luma)
    # Chroma i sits on luma column 2i and between rows 2j and 2j + 1, in the picture as in the frame.
    across, down = (step_x, x / 2), (step_y, (y + step_y / 2 - 0.5) / 2)
    _warp(picture.planes.blue, across, down, into.blue)
    _warp(picture.planes.red, across, down, into.red)


def _warp(
    source: NDArray[np.uint8], across: tuple[float, float], down: tuple[float, float], target: NDArray[np.uint8]
) -> None:
    matrix = np.array([[across[0], 0.0, across[1]], [0.0, down[0], down[1]]])
    cv2.warpAffine(
        source,
        matrix,
        (target.shape[1], target.shape[0]),
        dst=target,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )


def _resized(still: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    height, width = still.shape[:2]
    # Even sides, so that every chroma sample covers two whole lines and columns.
    size = (max(2, 2 * round(width * scale / 2)), max(2, 2 * round(height * scale / 2)))
    if size == (width, height):
        return still
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LANCZOS4
    return np.asarray(cv2.resize(still, size, interpolation=method), dtype=np.uint8)


def _to_planes(rgb: NDArray[np.uint8]) -> Planes:
    yuv = np.asarray(cv2.transform(rgb, _TO_LIMITED), dtype=np.uint8)
    luma, blue, red = (np.ascontiguousarray(yuv[:, :, channel]) for channel in range(3))
    return Planes(luma=luma, blue=_halved(blue), red=_halved(red))


def _halved(chroma: NDArray[np.uint8]) -> NDArray[np.uint8]:
    # Sited to the left: the filter is centred on the even columns, and between each pair of lines.
    across, down = np.array([0.25, 0.5, 0.25]), np.array([0.5, 0.5])
    soft = cv2.sepFilter2D(chroma, -1, across, down, anchor=(1, 0), borderType=cv2.BORDER_REPLICATE)
    return np.ascontiguousarray(np.asarray(soft, dtype=np.uint8)[::2, ::2])

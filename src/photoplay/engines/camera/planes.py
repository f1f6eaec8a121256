"""The still as planes that can be sampled between pixels, and what is done to them once, before the first frame."""

from dataclasses import dataclass
from math import ceil, floor
from pathlib import Path
from typing import Final, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from photoplay.domain.errors import StillRejected
from photoplay.engines.camera.arrays import Plane, as_map, as_plane, blend
from photoplay.media.frame import Planes
from photoplay.media.sizes import Size

__all__ = ["Picture", "Region", "cut", "develop", "feather", "filled", "open_still"]

_Level = TypeVar("_Level", np.uint8, np.float32)

# One thread: the encoder has its own two, and the result must not depend on the machine.
cv2.setNumThreads(1)

# Linear sampling softens most when source and output pixels are the same size, and skips pixels above twice the size.
_DENSITY_NEAR: Final = 0.88
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
class Region:
    """A part of the still, in its pixels; edges, not pixel centres."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """The region of the still that a camera sees, converted once."""

    planes: Planes
    region: Region
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


def develop(still: NDArray[np.uint8], seen: Region, *, unit_px: float, output: Size) -> Picture:
    """Cut out what the camera sees and convert it, at 1.0 to 1.5 pixels per pixel of the widest frame.

    `unit_px` is the width of the widest frame, in pixels of the still.
    """
    height, width = still.shape[:2]
    left, top = max(0, floor(seen.left) - _MARGIN_PX), max(0, floor(seen.top) - _MARGIN_PX)
    right, bottom = min(width, ceil(seen.right) + _MARGIN_PX), min(height, ceil(seen.bottom) + _MARGIN_PX)
    native = unit_px / output.width_px
    # Resampling moves fine detail by hundredths of a pixel, so a still that is nearly large enough is taken as it is.
    scale = 1.0 if native >= _DENSITY_NEAR else 1.0 / native
    scale = min(scale, _DENSITY_MAX / native)
    planes = _to_planes(still[top:bottom, left:right], scale)
    return Picture(
        planes=planes,
        region=Region(left=left, top=top, right=right, bottom=bottom),
        scale_x=planes.luma.shape[1] / (right - left),
        scale_y=planes.luma.shape[0] / (bottom - top),
    )


def cut(map_: NDArray[_Level], region: Region, *, still: Size, shape: tuple[int, ...]) -> NDArray[_Level]:
    """Bring a map of the whole still to the pixels of a region's planes."""
    step_x = (region.right - region.left) / shape[1] * map_.shape[1] / still.width_px
    step_y = (region.bottom - region.top) / shape[0] * map_.shape[0] / still.height_px
    left, top = region.left * map_.shape[1] / still.width_px, region.top * map_.shape[0] / still.height_px
    matrix = np.array([[step_x, 0, left + step_x / 2 - 0.5], [0, step_y, top + step_y / 2 - 0.5]])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return np.asarray(
        cv2.warpAffine(map_, matrix, (shape[1], shape[0]), flags=flags, borderMode=cv2.BORDER_REPLICATE),
        dtype=map_.dtype,
    )


def feather(opacity: Plane, width_px: float) -> Plane:
    """Widen a cut-out by half its feather, so that the mixed pixels of its edge go with it, and soften it."""
    soft = np.arange(256, dtype=np.float32) / 255
    table = np.rint(np.clip((soft - 0.04) / 0.5, 0, 1) * 255).astype(np.uint8)
    return as_plane(cv2.LUT(cv2.GaussianBlur(opacity, (0, 0), width_px / 2), table))


def filled(plane: Plane, opacity: Plane) -> Plane:
    """Fill what the subject covers with what surrounds it, smoothly: only a thin rim of it is ever seen.

    The opacity may be larger than the plane, as it is for chroma.
    Source: pull and push over a pyramid, Gortler et al., The Lumigraph, 1996.
    """
    hidden = as_plane(
        cv2.dilate(as_plane(cv2.threshold(opacity, 2, 255, cv2.THRESH_BINARY)[1]), np.ones((5, 5), np.uint8))
    )
    hidden = as_plane(cv2.resize(hidden, plane.shape[1::-1], interpolation=cv2.INTER_NEAREST))
    left, top, width, height = cv2.boundingRect(hidden)
    # What is farther away would hardly be heard.
    margin = max(16, max(width, height) // 8)
    window = (slice(max(0, top - margin), top + height + margin), slice(max(0, left - margin), left + width + margin))
    whole = plane.copy()
    whole[window] = _filled(plane[window], hidden[window])
    return whole


def _filled(plane: Plane, hidden: Plane) -> Plane:
    size = plane.shape[1::-1]
    small = (max(2, size[0] // 2), max(2, size[1] // 2))
    known = as_plane(cv2.bitwise_not(hidden))
    weight = as_map(cv2.resize(known, small, interpolation=cv2.INTER_AREA)) / np.float32(255)
    values = as_map(cv2.resize(cv2.bitwise_and(plane, known), small, interpolation=cv2.INTER_AREA))
    fill = cv2.resize(cv2.convertScaleAbs(_pull_push(values, weight)), size, interpolation=cv2.INTER_LINEAR)
    edge = cv2.convertScaleAbs(cv2.GaussianBlur(hidden, (0, 0), 1.5), alpha=2)
    return blend(plane, as_plane(fill), as_plane(cv2.max(edge, hidden)))


def _pull_push(values: NDArray[np.float32], weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Average what is known coarser and coarser, then let every gap take the next coarser level's value."""
    if min(values.shape) < 4 or float(weight.min()) > 0.99:
        total = float(weight.sum())
        mean = float(values.sum()) / total if total > 1e-6 else 128.0
        return np.where(weight > 1e-3, values / np.maximum(weight, 1e-3), mean).astype(np.float32)
    coarse = _pull_push(as_map(cv2.pyrDown(values)), as_map(cv2.pyrDown(weight)))
    smooth = as_map(cv2.pyrUp(coarse, dstsize=values.shape[1::-1]))
    known = np.minimum(weight, 1.0)
    return (np.where(weight > 1e-3, values / np.maximum(weight, 1e-3), 0) * known + smooth * (1 - known)).astype(
        np.float32
    )


def _to_planes(rgb: NDArray[np.uint8], scale: float) -> Planes:
    height, width = rgb.shape[:2]
    # Even sides, so that every chroma sample covers two whole lines and columns.
    size = (max(2, 2 * round(width * scale / 2)), max(2, 2 * round(height * scale / 2)))
    luma, blue, red = cv2.split(cv2.transform(rgb, _TO_LIMITED))
    # Half of the chroma is averaged away at once: the finer method would not show.
    luma, blue, red = (
        _resized(as_plane(plane), size, larger=larger)
        for plane, larger in ((luma, cv2.INTER_LANCZOS4), (blue, cv2.INTER_CUBIC), (red, cv2.INTER_CUBIC))
    )
    # Sharpening goes beyond black and white.
    luma = as_plane(cv2.min(cv2.max(luma, 16), 235))
    return Planes(luma=luma, blue=_halved(blue), red=_halved(red))


def _resized(plane: Plane, size: tuple[int, int], *, larger: int) -> Plane:
    if size == plane.shape[1::-1]:
        return plane
    method = cv2.INTER_AREA if size[0] < plane.shape[1] else larger
    return as_plane(cv2.resize(plane, size, interpolation=method))


def _halved(chroma: Plane) -> Plane:
    # Sited to the left: the filter is centred on the even columns, and between each pair of lines.
    across, down = np.array([0.25, 0.5, 0.25]), np.array([0.5, 0.5])
    soft = cv2.sepFilter2D(chroma, -1, across, down, anchor=(1, 0), borderType=cv2.BORDER_REPLICATE)
    return np.ascontiguousarray(as_plane(soft)[::2, ::2])

"""Sharpness over depth: backgrounds blurred once, and how much of each is seen in every frame."""

from typing import Final

import cv2
import numpy as np

from photoplay.engines.camera.arrays import Map, Plane, as_map, as_plane, blend

__all__ = ["blur_px", "blurred", "softness"]

# Of the picture's width: as far as a background may fall out of focus.
_BLUR: Final = 0.009
_FADE_S: Final = 1.6


def blur_px(strength: float, *, width_px: int) -> float:
    """The radius of a point of light that is wholly out of focus."""
    return max(1.5, _BLUR * min(strength, 1.5) * width_px)


def blurred(plane: Plane, amount: Map, radius_px: float, *, highlights: bool) -> Plane:
    """Blur as a lens does, discs for points and bright ones brighter, by an amount from 0 to 1 at every place."""
    size = (max(2, plane.shape[1] // 2), max(2, plane.shape[0] // 2))
    small = as_map(cv2.resize(plane, size, interpolation=cv2.INTER_AREA))
    if highlights:
        # A point of light is many times brighter than white paper, though the picture shows both as 235.
        small = np.exp(small * np.float32(4.0 / 255))
    far = _disc(small, radius_px / 2)
    near = _disc(small, radius_px / 4)
    if highlights:
        far, near = np.log(np.maximum(far, 1.0)) * (255 / 4.0), np.log(np.maximum(near, 1.0)) * (255 / 4.0)
    # From sharp to near by the first half of the amount, from near to far by the second.
    second = np.clip(as_map(cv2.resize(amount, size, interpolation=cv2.INTER_LINEAR)) * 2 - 1, 0, 1)
    soft = cv2.convertScaleAbs(np.clip(near + (far - near) * second, 16, 240))
    first = cv2.resize(cv2.convertScaleAbs(amount, alpha=510), plane.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return blend(plane, as_plane(cv2.resize(soft, plane.shape[1::-1], interpolation=cv2.INTER_CUBIC)), as_plane(first))


def softness(is_rack: bool, frame: int, *, frames: int, fps: int, loop: bool) -> float:
    """How far the background is out of focus in a frame, 0 to 1."""
    # A rack: sharp behind until the middle, then soft.
    time = (frame / max(frames - 1, 1) - 0.35) / 0.3 if is_rack else frame / fps / _FADE_S
    if loop:
        time = min(time, (frames - frame) / fps / _FADE_S)
    share = min(max(time, 0.0), 1.0)
    return share * share * (3 - 2 * share)


def _disc(values: Map, radius: float) -> Map:
    reach = max(1, int(np.ceil(radius)))
    at = np.arange(-reach, reach + 1)
    kernel = np.clip(radius + 0.5 - np.hypot(at[None, :], at[:, None]), 0, 1).astype(np.float32)
    return as_map(cv2.filter2D(values, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE))

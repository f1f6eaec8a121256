"""The kinds of array that the camera works with, and how what OpenCV and NumPy return becomes one of them."""

import threading
from math import prod
from typing import Final

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["LANES", "Map", "Plane", "Quad", "as_map", "as_plane", "blend", "room"]

Map = NDArray[np.float32]
Plane = NDArray[np.uint8]
Quad = NDArray[np.uint8]
"""Shape: (height, width, 4). OpenCV samples four bytes of one place for little more than one byte costs."""

LANES: Final = 16
"""Quads that OpenCV samples at once; what is left over in a line costs several times as much."""

_scratch = threading.local()


def as_map(values: ArrayLike) -> Map:
    return np.asarray(values, dtype=np.float32)


def as_plane(values: ArrayLike) -> Plane:
    """Values are whole and from 0 to 255 already."""
    return np.asarray(values, dtype=np.uint8)


def blend(under: Plane, upper: Plane, share: Plane) -> Plane:
    """Lay one plane over another, wholly where the share is 255."""
    kept = cv2.multiply(under, cv2.bitwise_not(share), scale=1 / 255)
    return as_plane(cv2.add(kept, cv2.multiply(upper, share, scale=1 / 255), dst=kept))


def room(name: str, *shape: int) -> NDArray[np.uint8]:
    """Return bytes that hold whatever they held: the same ones at every call by this name on this thread.

    Fresh memory for every frame would cost as much as what is drawn into it.
    """
    kept: dict[str, NDArray[np.uint8]] = _scratch.__dict__
    if name not in kept or kept[name].size < prod(shape):
        kept[name] = np.empty(prod(shape), np.uint8)
    return kept[name][: prod(shape)].reshape(shape)

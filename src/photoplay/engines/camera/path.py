"""From a lens to where in the still the camera looks, and how much of it no frame may leave. Pure.

Lengths are in frame widths: the unit is the width of the largest window of the output's ratio that fits in the still.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from photoplay.domain.json import JsonObject
from photoplay.engines.camera.arrays import Map
from photoplay.engines.camera.lens import Lens, calmer
from photoplay.media.sizes import Size

__all__ = ["Camera", "Relief", "flat", "look", "place"]

Relief = Callable[[Map, Map], Map]
"""Inverse depth, 1.0 at the subject and more in front of it, at places of the still."""

_CROP_MAX: Final = 2.0
# Tighter shows next to nothing of the still.
_CROP_LIMIT: Final = 8.0
_CROP_STEP: Final = 0.0005
# A tenth of a pixel of a 1280 px frame: what rounding may put beside the still shows its last line once more.
_SLACK: Final = 0.00008


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """A lens with a place in the still."""

    lens: Lens
    crop: float
    """1.0 shows the largest window; more is tighter."""
    centre: tuple[float, float]
    """Of the window of frame 0, from the still's own middle."""
    towards: tuple[float, float]
    """What a camera that goes forward goes to, from the window's middle."""
    half: tuple[float, float]
    """Half the still's sides."""

    def to_json(self) -> JsonObject:
        """Say how far the camera goes."""
        end = {name: float(getattr(self.lens, name)[-1]) for name in ("pan", "tilt", "across", "down")}
        zoom = float(np.exp(self.lens.zoom[-1]) / (1 - self.lens.forward[-1]))
        return {"zoom": round(zoom, 4), "roll": round(float(self.lens.roll[-1]), 4), "crop": round(self.crop, 4)} | {
            name: round(way, 4) for name, way in end.items()
        }


def flat(x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
    """The relief of a picture without any."""
    del y
    return np.ones_like(x)


def place(lens: Lens, *, still: Size, output: Size, focus: tuple[float, float], relief: Relief = flat) -> Camera:
    """Choose the widest view in which no frame leaves the still, as near to the focus as that allows.

    `focus` is in shares of the still.
    """
    cover = min(still.width_px / output.width_px, still.height_px / output.height_px)
    unit = output.width_px * cover
    half = (still.width_px / unit / 2, still.height_px / unit / 2)
    tall = output.height_px / output.width_px
    wish = ((focus[0] - 0.5) * 2 * half[0], (focus[1] - 0.5) * 2 * half[1])
    base = Camera(lens=lens, crop=1.0, centre=(0.0, 0.0), towards=(0.0, 0.0), half=half)
    while (best := _widest(base, wish=wish, tall=tall, relief=relief)) is None:
        # Moves that add up to more than the still holds are made smaller, all of them alike.
        base = replace(base, lens=calmer(base.lens))
    return best


def _widest(base: Camera, *, wish: tuple[float, float], tall: float, relief: Relief) -> Camera | None:
    """Return the camera with the smallest crop that fits, None where none up to _CROP_LIMIT does."""
    best = _fitted(base, 1.0, wish=wish, tall=tall, relief=relief)
    low, high = 1.0, _CROP_MAX
    while best is None or (best.crop > 1.0 and high - low > _CROP_STEP):
        crop = high if best is None else (low + high) / 2
        fitted = _fitted(base, crop, wish=wish, tall=tall, relief=relief)
        if fitted is not None:
            best, high = fitted, crop
        elif best is not None:
            low = crop
        elif high < _CROP_LIMIT:
            high *= 2
        else:
            return None
    return best


def _fitted(camera: Camera, crop: float, *, wish: tuple[float, float], tall: float, relief: Relief) -> Camera | None:
    """Shift the window so that every frame is inside the still; None where it cannot be."""
    centre = _clamp_to(wish, (camera.half[0] - 0.5 / crop, camera.half[1] - tall / 2 / crop))
    towards = _clamp_to((wish[0] - centre[0], wish[1] - centre[1]), (0.3 / crop, 0.3 * tall / crop))
    for _ in range(4):
        tried = Camera(lens=camera.lens, crop=crop, centre=centre, towards=towards, half=camera.half)
        x, y = _edges(tried, tall=tall, relief=relief)
        moved: list[float] = []
        for places, side, at in ((x, camera.half[0], centre[0]), (y, camera.half[1], centre[1])):
            lowest, highest = float(places.min()), float(places.max())
            if highest - lowest > 2 * side + 2 * _SLACK:
                return None
            moved.append(at + max(-side - lowest - _SLACK, 0.0) - max(highest - side - _SLACK, 0.0))
        # Not the very same: the places are 32-bit numbers, and the last bits of a shift can be lost in them for ever.
        if max(abs(moved[0] - centre[0]), abs(moved[1] - centre[1])) < _SLACK / 4:
            return tried
        centre = (moved[0], moved[1])
    return None


def look(
    camera: Camera, frame: NDArray[np.intp] | int, x: NDArray[np.float32], y: NDArray[np.float32], *, relief: Relief
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return what of the still is seen at places of the frame: both from their middles, in frame widths.

    The relief is read where the answer lies, so it is found in rounds: nothing tears, whatever the relief.
    """
    lens = camera.lens
    turn, size = lens.roll[frame], camera.crop * np.exp(lens.zoom[frame])
    cos, sin = (np.cos(turn) / size).astype(np.float32), (np.sin(turn) / size).astype(np.float32)
    to_x, to_y = camera.towards
    # Straight lines to what it goes towards; the frame's place is measured from there.
    ray_x = x * cos - y * sin - np.float32(to_x)
    ray_y = x * sin + y * cos - np.float32(to_y)
    base_x = (camera.centre[0] + to_x + lens.pan[frame]).astype(np.float32)
    base_y = (camera.centre[1] + to_y + lens.tilt[frame]).astype(np.float32)
    step_x = lens.across[frame].astype(np.float32) - ray_x * lens.forward[frame].astype(np.float32)
    step_y = lens.down[frame].astype(np.float32) - ray_y * lens.forward[frame].astype(np.float32)
    from_x, from_y = base_x + ray_x, base_y + ray_y
    if relief is flat:
        return from_x + step_x, from_y + step_y
    at_x, at_y = from_x + step_x, from_y + step_y
    for _ in range(3):
        near = relief(at_x, at_y)
        at_x, at_y = from_x + step_x * near, from_y + step_y * near
    return at_x, at_y


def _edges(camera: Camera, *, tall: float, relief: Relief) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return where the frame's border lies in the still."""
    frames = len(camera.lens.zoom)
    # Depth is dear to look up, and a smooth way can be judged by some of its frames; a shaking hand's cannot.
    count = frames if relief is flat or camera.lens.is_shaken else min(frames, 60)
    some = np.unique(np.linspace(0, frames - 1, count).astype(np.intp))
    side = np.linspace(-0.5, 0.5, 17 if relief is not flat else 2, dtype=np.float32)
    edge = np.full_like(side, 0.5)
    x = np.concatenate([side, side, edge, -edge])
    y = np.concatenate([edge, -edge, side, side]) * np.float32(tall)
    return look(camera, some[:, None], x[None, :], y[None, :], relief=relief)


def _clamp_to(place: tuple[float, float], room: tuple[float, float]) -> tuple[float, float]:
    x, y = (min(max(at, -max(limit, 0.0)), max(limit, 0.0)) for at, limit in zip(place, room, strict=True))
    return x, y

"""Water that ripples and clouds that drift: the picture itself, moved a little where the scene has them."""

from math import pi
from typing import Final

import cv2
import numpy as np

from photoplay.engines.camera.air import Air, envelope
from photoplay.engines.camera.ambience import Effect
from photoplay.engines.camera.arrays import Map, as_map
from photoplay.engines.camera.scene import Scene
from photoplay.engines.camera.sight import Sway

__all__ = ["sway_of"]


# In frame widths. Ripples are small beside the cells of the map, or they would alias.
_RIPPLE: Final = 0.0022
_DRIFT: Final = 0.006


def sway_of(effects: dict[Effect, float], scene: Scene, air: Air, *, half: tuple[float, float]) -> Sway | None:
    """Return what moves places of the still from frame to frame, or None where the scene has nothing that would."""
    water, clouds = effects.get(Effect.WATER, 0.0), effects.get(Effect.CLOUDS, 0.0)
    if scene.graphic:
        return None
    surface = _surface(scene) if water else None
    sky = _inside(as_map(cv2.GaussianBlur(scene.sky, (0, 0), 4)) ** 2) if clouds and scene.sky.any() else None
    if surface is None and sky is None:
        return None

    def sway(frame: int, x: Map, y: Map) -> tuple[Map, Map]:
        time, strength = air.time_s(frame), envelope(air, frame)
        moved_x, moved_y = x, y
        if surface is not None:
            lines = 2 * pi * (y / 0.055) - 2 * pi * 0.55 * time
            bend = 2 * pi * (x / 0.21) + 2 * pi * 0.21 * time
            amount = _at(surface, x, y, half) * np.float32(_RIPPLE * water * strength)
            moved_y = moved_y + amount * (
                np.sin(lines + 1.3 * np.sin(bend)) * 0.8 + 0.4 * np.sin(lines * 0.47 - bend)
            ).astype(np.float32)
            moved_x = moved_x + amount * 0.7 * np.sin(bend * 1.7 + lines * 0.31).astype(np.float32)
        if sky is not None:
            # Higher clouds are nearer, and seem to pass faster.
            above = np.clip((scene.horizon * 2 - 1) * half[1] - y, 0, None) / (2 * half[1])
            way = min(time * (0.5 if strength else 0.0), 6.0) * _DRIFT * clouds
            if air.loop:
                way = _DRIFT * clouds * strength
            moved_x = moved_x - _at(sky, x, y, half) * np.float32(way) * (0.4 + 1.8 * above).astype(np.float32)
        return as_map(moved_x), as_map(moved_y)

    return sway


def _surface(scene: Scene) -> Map | None:
    """Everything well below the horizon but the subject: water, where the prompt says that there is some."""
    height, width = 72, 128
    y = (np.arange(height, dtype=np.float32)[:, None] + 0.5) / height
    below = np.clip((y - max(scene.horizon, 0.3) - 0.04) * 7, 0, 1)
    subject = cv2.resize(scene.subject, (width, height), interpolation=cv2.INTER_AREA)
    around = cv2.GaussianBlur(cv2.dilate(subject, np.ones((5, 5), np.uint8)), (0, 0), 2)
    return _inside(as_map(below * (1 - np.clip(np.asarray(around) * 1.3, 0, 1))))


def _inside(map_: Map) -> Map:
    """Nothing moves at the still's own edges: what is beside them would be seen."""
    height, width = map_.shape
    y, x = np.mgrid[0:height, 0:width]
    near = np.minimum(np.minimum(x, width - 1 - x) / width, np.minimum(y, height - 1 - y) / height)
    return as_map(map_ * np.clip(near / 0.04, 0, 1))


def _at(map_: Map, x: Map, y: Map, half: tuple[float, float]) -> Map:
    at_x = (x + np.float32(half[0])) * np.float32(map_.shape[1] / (2 * half[0])) - np.float32(0.5)
    at_y = (y + np.float32(half[1])) * np.float32(map_.shape[0] / (2 * half[1])) - np.float32(0.5)
    return np.asarray(cv2.remap(map_, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), dtype=np.float32)

"""A depth model of the operator's, as an ONNX file: what it says replaces the engine's own guess.

It takes one RGB picture, normalised as ImageNet is, (1, 3, side, side), and gives inverse depth, larger for nearer, in
any scale: MiDaS and Depth Anything do.
"""

from dataclasses import replace
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from photoplay.domain.errors import EngineUnavailable
from photoplay.engines.camera.arrays import Map, as_map
from photoplay.engines.camera.cutout import matte
from photoplay.engines.camera.scene import RELIEF_MAX, Scene, survey

__all__ = ["DepthModel"]

# What published models were trained at; the first that the graph accepts is used.
_SIDES_PX: Final = (256, 384, 518)
_MEAN: Final = np.array([0.485, 0.456, 0.406], np.float32)
_SPREAD: Final = np.array([0.229, 0.224, 0.225], np.float32)

# A depth with two heaps has a subject: what lies between them is less than this share of all variance.
_APART_MIN: Final = 0.72
_SUBJECT_SHARES: Final = (0.02, 0.6)


class DepthModel:
    """Raises: EngineUnavailable on creation, if the file cannot be read or is not such a model."""

    def __init__(self, path: Path) -> None:
        try:
            self._net = cv2.dnn.readNetFromONNX(str(path))
        except cv2.error as exc:
            raise EngineUnavailable(f"depth model: {path.name} is not an ONNX file that can be read") from exc
        self._side_px = self._accepted_side(path.name)

    def survey(self, rgb: NDArray[np.uint8]) -> Scene:
        """Look at a picture with the model's depth. Where that is flat, so is the film."""
        scene, near = survey(rgb), self._depth(rgb)
        if scene.graphic:
            return scene
        mask = _subject(near)
        if mask is None:
            relief = _smooth(near - float(np.median(near)))
            return replace(scene, relief=relief * np.float32(0.5 * RELIEF_MAX), subject=np.zeros((2, 2), np.float32))
        # Seen from the subject; behind it the background goes on as it is around it.
        own = float(np.median(near[mask == 1]))
        around = _behind(near, mask)
        return replace(
            scene, relief=_smooth(around - own) * np.float32(RELIEF_MAX), subject=matte(rgb, mask), trust=1.0
        )

    def _accepted_side(self, name: str) -> int:
        for side_px in _SIDES_PX:
            try:
                depth = self._forward(np.zeros((1, 3, side_px, side_px), np.float32))
            except cv2.error:
                continue
            if depth.size >= 64 and depth.ndim >= 2:
                return side_px
        sides = ", ".join(map(str, _SIDES_PX))
        raise EngineUnavailable(f"depth model: {name} takes no picture of {sides} pixels a side, or gives no map")

    def _depth(self, rgb: NDArray[np.uint8]) -> Map:
        """Inverse depth, 0 to 1. Shape: small, of the picture's own ratio."""
        square = cv2.resize(rgb, (self._side_px, self._side_px), interpolation=cv2.INTER_AREA)
        values = as_map((as_map(square) / 255 - _MEAN) / _SPREAD).transpose(2, 0, 1)[None]
        depth = self._forward(np.ascontiguousarray(values))
        depth = np.nan_to_num(depth.reshape(depth.shape[-2:]))
        lowest, highest = np.quantile(depth, (0.02, 0.98))
        scaled = np.clip((depth - lowest) / max(float(highest - lowest), 1e-6), 0, 1).astype(np.float32)
        height, width = rgb.shape[:2]
        size = (160, max(16, round(160 * height / width)))
        return np.asarray(cv2.resize(scaled, size, interpolation=cv2.INTER_LINEAR), dtype=np.float32)

    def _forward(self, values: NDArray[np.float32]) -> Map:
        self._net.setInput(values)
        return np.asarray(self._net.forward(), dtype=np.float32)


def _subject(near: Map) -> NDArray[np.uint8] | None:
    """Split what is near from what is far, where the depth has two heaps.

    Source: Otsu, A Threshold Selection Method from Gray-Level Histograms, 1979.
    """
    levels = np.rint(near * 255).astype(np.uint8)
    threshold, mask = cv2.threshold(levels, 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    share = float(mask.mean())
    if not _SUBJECT_SHARES[0] <= share <= _SUBJECT_SHARES[1]:
        return None
    del threshold
    between = share * (1 - share) * float(near[mask == 1].mean() - near[mask == 0].mean()) ** 2
    return np.asarray(mask, dtype=np.uint8) if between / max(float(near.var()), 1e-9) >= _APART_MIN else None


def _behind(near: Map, mask: NDArray[np.uint8]) -> Map:
    hidden = np.asarray(cv2.dilate(mask, np.ones((7, 7), np.uint8)), dtype=np.uint8)
    levels = np.rint(near * 255).astype(np.uint8)
    return as_map(cv2.inpaint(levels, hidden, 3, cv2.INPAINT_TELEA)) * np.float32(1 / 255)


def _smooth(relief: Map) -> Map:
    """Without steps: near things are widened first, so that the stretch falls on what is behind them."""
    wide = cv2.dilate(relief, np.ones((5, 5), np.uint8))
    return np.asarray(cv2.GaussianBlur(wide, (0, 0), 4), dtype=np.float32)

"""A subject cut out of a picture, and how much of the cut-out to trust. Pure."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from photoplay.engines.camera.arrays import Map, as_map, as_plane

__all__ = ["cut_out", "judge", "matte", "shrunk"]

_GUIDE_PX: Final = 512
_OUTLINE_PX: Final = 288
_SUBJECT_SHARE_MIN: Final = 0.015
_SUBJECT_SHARE_MAX: Final = 0.62


def shrunk(rgb: NDArray[np.uint8], side_px: int) -> NDArray[np.uint8]:
    height, width = rgb.shape[:2]
    scale = min(1.0, side_px / max(width, height))
    size = (max(16, round(width * scale)), max(16, round(height * scale)))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def cut_out(small: NDArray[np.uint8], standing_out: Map) -> NDArray[np.uint8]:
    """Return the subject as 0 or 1, empty where nothing stands out."""
    none = np.zeros(standing_out.shape, np.uint8)
    if float(standing_out.max()) < 0.2:
        return none
    threshold = max(0.25, min(0.6, 1.7 * float(standing_out.mean())))
    guess = np.where(standing_out > threshold, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    guess[standing_out > 0.82] = cv2.GC_FGD
    guess[standing_out < 0.08] = cv2.GC_BGD
    guess[:2], guess[:, :1], guess[:, -1:] = cv2.GC_BGD, cv2.GC_BGD, cv2.GC_BGD
    is_front = (guess == cv2.GC_FGD) | (guess == cv2.GC_PR_FGD)
    if is_front.sum() < 20 or (~is_front).sum() < 20:
        return none
    cv2.setRNGSeed(0)
    # With a mask the rectangle is not looked at.
    cv2.grabCut(small, guess, (0, 0, 1, 1), np.zeros((1, 65)), np.zeros((1, 65)), 2, cv2.GC_INIT_WITH_MASK)
    return _largest(((guess == cv2.GC_FGD) | (guess == cv2.GC_PR_FGD)).astype(np.uint8))


def _largest(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Keep the largest part and what is a third of it or more; fill its holes."""
    mask = np.asarray(cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)), dtype=np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    if count < 2:
        return np.zeros_like(mask)
    areas = stats[1:, cv2.CC_STAT_AREA]
    kept = 1 + np.flatnonzero(areas >= areas.max() / 3)
    mask = np.isin(labels, kept).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(1 - mask)
    holes = 1 + np.flatnonzero(stats[1:, cv2.CC_STAT_AREA] < 0.02 * mask.size)
    return np.where(np.isin(labels, holes), 1, mask).astype(np.uint8)


def matte(rgb: NDArray[np.uint8], mask: NDArray[np.uint8]) -> Map:
    """Bring a coarse cut-out to the picture's own edges by a guided filter.

    Source: He et al., Guided Image Filtering, ECCV 2010.
    """
    guide = np.asarray(cv2.cvtColor(shrunk(rgb, _GUIDE_PX), cv2.COLOR_RGB2GRAY), dtype=np.float32) / 255
    size = (guide.shape[1], guide.shape[0])
    rough = np.asarray(cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_LINEAR), dtype=np.float32)
    window = (max(5, size[0] // 64 | 1), max(5, size[0] // 64 | 1))

    def mean(values: NDArray[np.floating]) -> Map:
        return as_map(cv2.boxFilter(as_map(values), -1, window))

    middle, rough_middle = mean(guide), mean(rough)
    slope = (mean(guide * rough) - middle * rough_middle) / (mean(guide * guide) - middle * middle + 2e-4)
    fine = mean(slope) * guide + mean(rough_middle - slope * middle)
    return np.clip((fine - 0.15) / 0.6, 0, 1).astype(np.float32)


def judge(mask: NDArray[np.uint8], rgb: NDArray[np.uint8], *, lab: Map, standing_out: Map) -> float:
    """Judge a cut-out: is its outline a real edge, more than what lies beside it; is it whole; does it stand out."""
    share = float(mask.mean())
    if not _SUBJECT_SHARE_MIN <= share <= _SUBJECT_SHARE_MAX:
        return 0.0
    count, _, stats, _ = cv2.connectedComponentsWithStats(mask)
    largest = float(stats[1:, cv2.CC_STAT_AREA].max()) / float(mask.sum()) if count > 1 else 0.0
    apart = float(standing_out[mask == 1].mean() - standing_out[mask == 0].mean())
    sides = [float(edge.mean()) for edge in (mask[:, 1], mask[:, -2], mask[2])]
    cut = max(0.0, 1.0 - 1.6 * max(sides) - 0.6 * sum(sides))
    factors = (
        _clip((_outline(mask, rgb) - 1.2) / 1.2),
        _clip((_step(mask, lab) - 0.35) / 0.5),
        _clip(apart / 0.38),
        _clip((largest - 0.6) / 0.3),
        _clip(1.2 - 2 * _skin_beside(mask, rgb)),
        cut,
    )
    return float(np.prod(factors))


def _outline(mask: NDArray[np.uint8], rgb: NDArray[np.uint8]) -> float:
    """How much stronger the weak fifth of the outline is than the edges beside it."""
    picture = np.asarray(cv2.cvtColor(shrunk(rgb, _OUTLINE_PX), cv2.COLOR_RGB2Lab), dtype=np.float32)
    grown = np.asarray(cv2.resize(mask, picture.shape[1::-1], interpolation=cv2.INTER_NEAREST), dtype=np.uint8)
    across, down = (cv2.Sobel(picture, cv2.CV_32F, *way, scale=0.25) for way in ((1, 0), (0, 1)))
    edge = np.asarray(cv2.dilate(np.hypot(across, down).sum(axis=2), np.ones((7, 7), np.uint8)), dtype=np.float32)
    rim = (grown - cv2.erode(grown, np.ones((3, 3), np.uint8))).astype(bool)
    # Along the picture's own edge there is no outline to judge.
    rim[:4], rim[-4:], rim[:, :4], rim[:, -4:] = False, False, False, False
    wide = np.ones((25, 25), np.uint8)
    beside = (cv2.dilate(grown, wide) != cv2.erode(grown, wide)) & (
        cv2.dilate(rim.astype(np.uint8), np.ones((7, 7), np.uint8)) == 0
    )
    if rim.sum() < 24 or not beside.any():
        return 0.0
    return float(np.quantile(edge[rim], 0.2) / (1 + np.median(edge[beside])))


def _step(mask: NDArray[np.uint8], lab: Map) -> float:
    """Share of the outline with another colour on its other side."""
    rim = (mask - cv2.erode(mask, np.ones((3, 3), np.uint8))).astype(bool)
    rim[:2], rim[-2:], rim[:, :2], rim[:, -2:] = False, False, False, False
    if rim.sum() < 12:
        return 0.0
    inside, outside = _mean_near(lab, mask), _mean_near(lab, 1 - mask)
    return float((np.linalg.norm(inside - outside, axis=2)[rim] > 11).mean())


def _skin_beside(mask: NDArray[np.uint8], rgb: NDArray[np.uint8]) -> float:
    """Skin next to the cut-out, in shares of it: a body without its head must not move alone."""
    small = cv2.resize(rgb, mask.shape[::-1], interpolation=cv2.INTER_AREA)
    luma, red, blue = cv2.split(cv2.cvtColor(small, cv2.COLOR_RGB2YCrCb))
    found = as_plane((luma > 90) & (red >= 137) & (red <= 165) & (blue >= 92) & (blue <= 126))
    skin = as_plane(cv2.morphologyEx(found, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)))
    near = as_plane(cv2.dilate(mask, np.ones((15, 15), np.uint8))) - mask
    return float((skin * near).sum()) / float(mask.sum())


def _mean_near(lab: Map, weight: NDArray[np.uint8]) -> Map:
    """Mean colour of the weighted pixels around each place."""
    weights = weight.astype(np.float32)
    total = np.asarray(cv2.boxFilter(lab * weights[:, :, None], -1, (7, 7), normalize=False), dtype=np.float32)
    count = np.asarray(cv2.boxFilter(weights, -1, (7, 7), normalize=False), dtype=np.float32)
    return as_map(total / np.maximum(count, 1e-3)[:, :, None])


def _clip(value: float) -> float:
    return min(max(value, 0.0), 1.0)

"""What a picture shows, as far as a camera needs it: subject, sky, horizon, depth, and how much of that to trust.

A guess costs more than it gives: where the cut-out is one, the picture is filmed flat.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from photoplay.domain.json import JsonObject
from photoplay.engines.camera.arrays import Map, as_map
from photoplay.engines.camera.cutout import cut_out, judge, matte, shrunk
from photoplay.engines.camera.saliency import salient

__all__ = ["RELIEF_MAX", "Scene", "survey"]

_SURVEY_PX: Final = 144
# Relief beyond this stretches the ground visibly.
RELIEF_MAX: Final = 0.16
# A guess may still bulge a little: without a step in depth it cannot be wrong by much.
_RELIEF_GUESSED: Final = 0.05
# Below it a cut-out is a guess.
_TRUST_MIN: Final = 0.5
_SAME_SHARE_GRAPHIC: Final = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Maps lie over the whole still, at any resolution."""

    subject: Map
    """Opacity of the cut-out, 0 to 1; nothing but 0 where none is trusted."""
    relief: Map
    """Inverse depth of what is behind and around the subject, less the subject's own; all 0 where it is flat."""
    sky: Map
    """0 to 1."""
    focus: tuple[float, float]
    """What the picture is about, in shares of its sides."""
    hot: tuple[float, float]
    """Where steam would rise."""
    light: tuple[float, float]
    """The brightest warm place."""
    horizon: float
    """In shares of the height."""
    trust: float
    """0 to 1, in the cut-out."""
    graphic: bool
    """Drawn, written or captured from a screen: never bent."""
    lines: float
    """1 where no long straight line would bend, less where some would."""

    @property
    def depth(self) -> float:
        """How much relief there is to show, 0 to 1."""
        return min(1.0, float(np.abs(self.relief).max()) / RELIEF_MAX)

    def to_json(self) -> JsonObject:
        return {
            "trust": round(self.trust, 3),
            "layers": 2 if self.subject.any() else 1,
            "depth": round(self.depth, 3),
            "horizon": round(self.horizon, 3),
            "sky": round(float(self.sky.mean()), 3),
            "straight_lines": round(self.lines, 3),
            "graphic": self.graphic,
        }


def survey(rgb: NDArray[np.uint8], *, in_depth: bool = True) -> Scene:
    """Look at a picture; unless `in_depth`, only at where things are, which takes half the time.

    Shape: (height, width, 3), RGB.
    """
    small = shrunk(rgb, _SURVEY_PX)
    gray = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    lab = np.asarray(cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2Lab), dtype=np.float32)
    graphic = _is_graphic(rgb)
    standing_out = salient(lab, gray)
    sky, horizon = _sky(gray, lab)
    mask = cut_out(small, standing_out) if in_depth and not graphic else np.zeros(gray.shape, np.uint8)
    trust = 0.0 if not mask.any() else judge(mask, rgb, lab=lab, standing_out=standing_out)
    lines = _straight(rgb, mask) if in_depth else 1.0
    trust *= min(1.0, lines / 0.6)
    is_trusted = trust >= _TRUST_MIN
    depth = 0.0 if graphic or not in_depth else lines * (_RELIEF_GUESSED + (RELIEF_MAX - _RELIEF_GUESSED) * trust)
    return Scene(
        subject=matte(rgb, mask) if is_trusted else np.zeros((2, 2), np.float32),
        relief=_relief(mask, horizon=horizon, depth=depth, step=0.5 * trust if is_trusted else 0.0)
        if mask.any()
        else _ground(sky, horizon=horizon, depth=depth),
        sky=sky,
        focus=_focus(standing_out, mask),
        hot=_hot(standing_out, mask),
        light=_light(small),
        horizon=horizon,
        trust=trust,
        graphic=graphic,
        lines=lines,
    )


def _is_graphic(rgb: NDArray[np.uint8]) -> bool:
    """A photograph hardly ever repeats a pixel exactly; a drawing, a poster or a screenshot does little else."""
    rows = rgb[:: max(1, rgb.shape[0] // 400)]
    # A whole pixel at a time: NumPy is slow over three values.
    pixels = np.asarray(cv2.cvtColor(rows, cv2.COLOR_RGB2RGBA)).view(np.uint32)[:, :, 0]
    same = pixels[:, 1:] == pixels[:, :-1]
    # One colour all over is neither, and what is done to it cannot be seen.
    return float(same.mean()) > _SAME_SHARE_GRAPHIC


def _sky(gray: NDArray[np.uint8], lab: Map) -> tuple[Map, float]:
    """Find the calm region that touches the top, and the line under it."""
    calm = np.asarray(cv2.GaussianBlur(gray, (0, 0), 1.2), dtype=np.float32)
    across = np.abs(cv2.Sobel(calm, cv2.CV_32F, 1, 0)) + np.abs(cv2.Sobel(calm, cv2.CV_32F, 0, 1))
    bright = lab[:, :, 0] > max(28.0, float(lab[:, :, 0].mean()) * 0.85)
    # Blue, grey or warm, but never green.
    plain = ((across < 30) & bright & (lab[:, :, 1] > -14)).astype(np.uint8)
    _, labels = cv2.connectedComponents(plain)
    top = np.unique(labels[0][plain[0] == 1])
    region = np.isin(labels, top[top > 0])
    height = gray.shape[0]
    covered = region[: max(1, height // 12)].mean()
    depth = np.where(region.any(axis=0), height - np.argmax(region[::-1], axis=0), 0) / height
    # A bright wall also touches the top; the sky goes over most of the width and ends before the bottom.
    if (
        covered < 0.6
        or not 0.12 < float(np.median(depth)) < 0.8
        or float(lab[:, :, 0][region].mean() if region.any() else 0) < 35
    ):
        return np.zeros(gray.shape, np.float32), 0.45
    soft = np.asarray(cv2.GaussianBlur(region.astype(np.float32), (0, 0), 2.5), dtype=np.float32)
    return soft, float(np.median(depth))


def _relief(mask: NDArray[np.uint8], *, horizon: float, depth: float, step: float) -> Map:
    """The world around the subject: farther the farther away from it, and a ground that comes nearer; all smooth.

    `step` is the share of the depth that lies right behind the subject's outline: only for a subject cut out.
    """
    height, width = mask.shape
    if depth <= 0 or not mask.any():
        return np.zeros((2, 2), np.float32)
    rows = np.flatnonzero(mask.any(axis=1))
    foot = float(rows[-1] + 1) / height
    away = np.asarray(cv2.distanceTransform(1 - mask, cv2.DIST_L2, 3), dtype=np.float32) / (0.5 * max(height, width))
    away = np.clip(away, 0, 1)
    behind = -(step + (1 - step) * away * away * (3 - 2 * away))
    # The ground goes through the subject's foot: there it is as near as the subject, below it nearer.
    y = (np.arange(height, dtype=np.float32) + 0.5) / height
    top = min(horizon, 0.5 * (float(rows[0]) / height + foot))
    ground = np.clip((y - top) / max(foot - top, 0.15), 0, 1.5) - 1.0
    share = np.clip((y - top) / max(foot - top, 0.15), 0, 1)[:, None]
    world = behind * (1 - share) + ground[:, None] * share if foot < 0.97 else behind
    soft = as_map(cv2.GaussianBlur(as_map(world), (0, 0), 0.035 * max(height, width)))
    return soft * np.float32(depth)


def _ground(sky: Map, *, horizon: float, depth: float) -> Map:
    """A wide view without a subject: under a sky the ground comes nearer line by line. Otherwise flat."""
    if depth <= 0 or float(sky.mean()) < 0.06:
        return np.zeros((2, 2), np.float32)
    height = sky.shape[0]
    y = (np.arange(height, dtype=np.float32)[:, None] + 0.5) / height
    nearer = as_map(np.clip((y - horizon) / max(1 - horizon, 0.2), 0, 1) - 0.5)
    soft = as_map(cv2.GaussianBlur(nearer, (0, 0), sigmaX=1, sigmaY=0.08 * height)).reshape(height, 1)
    return np.repeat(soft, sky.shape[1], axis=1) * np.float32(depth)


def _focus(standing_out: Map, mask: NDArray[np.uint8]) -> tuple[float, float]:
    """The middle of what stands out; of a tall subject the upper part, where the face is."""
    height, width = standing_out.shape
    if mask.any():
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        tall = (rows[-1] - rows[0]) > 1.2 * (columns[-1] - columns[0])
        y = rows[0] + (0.36 if tall else 0.5) * (rows[-1] - rows[0])
        return float(np.flatnonzero(mask.sum(axis=0)).mean() + 0.5) / width, float(y + 0.5) / height
    weight = standing_out**2
    total = float(weight.sum())
    if total < 1e-6:
        return 0.5, 0.5
    y, x = np.mgrid[0:height, 0:width]
    # Half way to the middle: a guess.
    at_x, at_y = float((weight * (x + 0.5)).sum()) / total / width, float((weight * (y + 0.5)).sum()) / total / height
    return 0.25 + at_x / 2, 0.25 + at_y / 2


def _hot(standing_out: Map, mask: NDArray[np.uint8]) -> tuple[float, float]:
    """Inside the upper part of what stands out: above a cup's coffee, not above its rim."""
    height, width = standing_out.shape
    region = mask.astype(bool) if mask.any() else standing_out > max(0.5, float(np.quantile(standing_out, 0.93)))
    if not region.any():
        return 0.5, 0.6
    rows = np.flatnonzero(region.any(axis=1))
    upper = region.copy()
    upper[round(rows[0] + 0.55 * (rows[-1] - rows[0])) + 1 :] = False
    weight = as_map(np.where(upper, standing_out, 0))
    columns = np.flatnonzero(upper.any(axis=0))
    total = as_map(weight.sum(axis=0))
    at = np.arange(width, dtype=np.float32)
    x = float((total * at).sum()) / float(total.sum()) if total.any() else float(columns.mean())
    return float(x + 0.5) / width, float(rows[0] + 0.34 * (rows[-1] - rows[0]) + 0.5) / height


def _light(small: NDArray[np.uint8]) -> tuple[float, float]:
    values = small.astype(np.float32)
    warmth = as_map(values.mean(axis=2) + 0.35 * (values[:, :, 0] - values[:, :, 2]))
    warm = as_map(cv2.GaussianBlur(warmth, (0, 0), small.shape[1] / 30))
    y, x = np.unravel_index(int(np.argmax(warm)), warm.shape)
    return (float(x) + 0.5) / small.shape[1], (float(y) + 0.5) / small.shape[0]


def _straight(rgb: NDArray[np.uint8], mask: NDArray[np.uint8]) -> float:
    """Return how freely depth may be used: less with every long straight line that runs into the subject."""
    small = shrunk(rgb, 320)
    gray = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    edges = cv2.Canny(gray, 60, 160)
    side = max(gray.shape)
    found = cv2.HoughLinesP(edges, 1, np.pi / 180, 60, minLineLength=side * 0.22, maxLineGap=side * 0.015)
    if found is None:
        return 1.0
    grown = cv2.resize(
        cv2.dilate(mask, np.ones((3, 3), np.uint8)), (gray.shape[1], gray.shape[0]), interpolation=cv2.INTER_NEAREST
    )
    crossing, lengths = 0.0, 0.0
    for x0, y0, x1, y1 in np.asarray(found, dtype=np.float64).reshape(-1, 4)[:60]:
        at = np.linspace(0.02, 0.98, 24)
        inside = grown[(y0 + (y1 - y0) * at).astype(int), (x0 + (x1 - x0) * at).astype(int)].mean()
        length = float(np.hypot(x1 - x0, y1 - y0)) / side
        lengths += length
        # Partly on the subject: the two parts would come apart. Wholly on its outline: they are the outline.
        crossing += length * float(min(inside, 1 - inside) * 2 if 0.12 < inside < 0.7 else 0.0)
    return float(np.exp(-0.55 * crossing) * np.exp(-0.05 * max(0.0, lengths - 2.0)))

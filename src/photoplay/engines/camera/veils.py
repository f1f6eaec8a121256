"""Steam, smoke, fog, light and a vignette: a share and a colour at every place of a coarse grid.

They are laid over each other there, and the sum dims and tints each plane of the frame in one pass. Nothing is there in
the first frame.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import cv2
import numpy as np

from photoplay.engines.camera.air import Air, envelope, read
from photoplay.engines.camera.ambience import Effect
from photoplay.engines.camera.arrays import Map, Plane, as_map, room
from photoplay.media.frame import Planes

__all__ = ["VEILS", "Veil", "veil_over"]

Colour = tuple[float, float, float]
"""BT.709 limited range: luma, blue, red."""

_WHITE: Final[Colour] = (222.0, 128.0, 127.0)
_GREY: Final[Colour] = (168.0, 129.0, 127.0)
_MIST: Final[Colour] = (196.0, 130.0, 126.0)
_WARM: Final[Colour] = (225.0, 104.0, 144.0)
_FLAME: Final[Colour] = (205.0, 88.0, 160.0)
_BLACK: Final[Colour] = (16.0, 128.0, 128.0)

Veil = Callable[[int], tuple[Map, Colour]]
"""From a frame to the share of each cell that is covered, and the colour that covers it."""


def _plume(
    air: Air,
    strength: float,
    *,
    tall: float,
    wide: float,
    rise: float,
    lean: float,
    opacity: float,
    colour: Colour,
) -> Veil:
    whole_x, whole_y = air.grid()

    def veil(frame: int) -> tuple[Map, Colour]:
        time = air.time_s(frame)
        at_x, at_y = air.anchor(frame, air.hot)
        at_y *= air.output.height_px / air.output.width_px
        # Only the part of the grid where it can be: a fifth of it.
        reach = 2.6 * wide + abs(lean)
        columns = slice(*np.searchsorted(whole_x[0], (at_x - reach, at_x + reach)).tolist())
        rows = slice(*np.searchsorted(whole_y[:, 0], (at_y - tall, at_y + 0.01)).tolist())
        share = np.zeros_like(whole_x)
        if columns.start == columns.stop or rows.start == rows.stop:
            return share, colour
        x, y = whole_x[rows, columns], whole_y[rows, columns]
        # Heights count from the source, in shares of the plume; widths grow with them.
        height = (at_y - y) / tall
        waves = np.sin(4.6 * height - 1.1 * time) + 0.6 * np.sin(5.1 * height - 1.7 * time)
        aside = (x - at_x - 0.3 * wide * height * waves - lean * height) / (
            wide * (0.32 + 0.75 * np.clip(height, 0, 1))
        )
        body = np.exp(-(aside**2)) * np.clip(height * 6, 0, 1) * np.clip(1 - height, 0, 1) ** 1.3
        fine = read(air.noise, aside * 0.11 + 0.05 * time * lean, height * 0.42 * tall / 0.3 + time * rise)
        wisp = read(air.noise, aside * 0.17 + 0.37, height * 0.7 * tall / 0.3 + time * rise * 1.6)
        strands = np.clip((fine * 0.75 + wisp * 0.6 - 0.5) * 2.2, 0, 1)
        share[rows, columns] = body * strands * (opacity * strength * envelope(air, frame))
        return share, colour

    return veil


def _steam(air: Air, strength: float) -> Veil:
    guess = 1.0 if air.trusted else 0.6
    return _plume(air, strength * guess, tall=0.38, wide=0.09, rise=0.16, lean=0.012, opacity=0.85, colour=_WHITE)


def _smoke(air: Air, strength: float) -> Veil:
    return _plume(air, strength, tall=0.46, wide=0.12, rise=0.11, lean=0.09, opacity=0.66, colour=_GREY)


def _fog(air: Air, strength: float) -> Veil:
    x, y = air.grid()
    low = (0.35 + 0.65 * np.clip(y * air.output.width_px / air.output.height_px * 1.25, 0, 1)).astype(np.float32)

    def veil(frame: int) -> tuple[Map, Colour]:
        time = air.time_s(frame)
        slow = read(air.noise, x * 0.55 + 0.018 * time, y * 0.9)
        slower = read(air.noise, x * 0.3 - 0.011 * time + 0.4, y * 0.6 + 0.3)
        share = low * (0.55 * slow + 0.75 * slower - 0.1)
        return np.clip(share * (0.6 * strength * envelope(air, frame, fade_s=2.0)), 0, 0.8).astype(np.float32), _MIST

    return veil


def _sun(air: Air, strength: float) -> Veil:
    """Beams from outside the picture, on the brighter side, that drift as leaves and clouds let them."""
    x, y = air.grid()
    tall = air.output.height_px / air.output.width_px
    source_x = -0.15 if air.light[0] < 0.5 else 1.15
    away_x, away_y = (x - source_x).astype(np.float32), (y + 0.35 * tall).astype(np.float32)
    angle, distance = np.arctan2(away_y, np.abs(away_x)), np.hypot(away_x, away_y)
    fan = np.linspace(float(angle.min()), float(angle.max()), 400, dtype=np.float32)[None, :]
    turn = as_map((angle - fan[0, 0]) / (fan[0, -1] - fan[0, 0]) * 399)
    falloff = np.clip(1.25 - distance * 0.85, 0, 1) ** 1.2

    def veil(frame: int) -> tuple[Map, Colour]:
        time = air.time_s(frame)
        # A beam is the same along its whole length: it is read for a few hundred angles, and looked up.
        broad = read(air.noise, fan * 0.42 + 0.012 * time, np.full_like(fan, 0.013 * time))
        narrow = read(air.noise, fan * 1.1 - 0.018 * time, np.full_like(fan, 0.5 + 0.02 * time))
        lit = np.clip((broad * 0.9 + narrow * 0.5 - 0.45) * 1.6, 0, 1)
        beams = as_map(cv2.remap(as_map(lit), turn, np.zeros_like(turn), cv2.INTER_LINEAR))
        share = falloff * (0.10 + 0.30 * beams)
        return as_map(share * (strength * 0.62 * envelope(air, frame, fade_s=1.6))), _WARM

    return veil


def _candle(air: Air, strength: float) -> Veil:
    x, y = air.grid()

    def veil(frame: int) -> tuple[Map, Colour]:
        time = air.time_s(frame)
        at_x, at_y = air.anchor(frame, air.light)
        distance = np.hypot(x - at_x, y - at_y * air.output.height_px / air.output.width_px)
        glow = 0.30 * np.exp(-((distance / 0.16) ** 2)) + 0.13 * np.exp(-((distance / 0.55) ** 2))
        return (glow * (strength * _breathe(air, time) * envelope(air, frame, fade_s=0.8))).astype(np.float32), _FLAME

    return veil


def _breathe(air: Air, time: float) -> float:
    """A flame's unrest, about 0.6 to 1.3."""
    slow = 0.5 * np.sin(2 * np.pi * 0.7 * time) + 0.3 * np.sin(2 * np.pi * 1.9 * time + 1.0)
    rows, columns = air.noise.shape
    quick = float(air.noise[int(time * 37) % rows, int(time * 61) % columns]) - 0.5
    return float(0.95 + 0.16 * slow + 0.35 * quick)


def _vignette(air: Air, strength: float) -> Veil:
    x, y = air.grid()
    tall = air.output.height_px / air.output.width_px
    radius = np.hypot((x - 0.5) / 0.5, (y - tall / 2) / (tall / 2)) / np.sqrt(2.0)
    dark = (np.clip(radius - 0.42, 0, 1) / 0.58) ** 1.8 * 0.42

    def veil(frame: int) -> tuple[Map, Colour]:
        return (dark * (strength * envelope(air, frame))).astype(np.float32), _BLACK

    return veil


VEILS: Final[Mapping[Effect, Callable[[Air, float], Veil]]] = {
    Effect.FOG: _fog,
    Effect.SMOKE: _smoke,
    Effect.STEAM: _steam,
    Effect.SUN: _sun,
    Effect.CANDLE: _candle,
    Effect.VIGNETTE: _vignette,
}
"""Farthest first."""


def veil_over(veils: Sequence[Veil], frame: int, into: Planes) -> None:
    """Lay veils over a frame, the farthest first."""
    laid: Map | None = None
    for veil in veils:
        share, colour = veil(frame)
        if laid is None:
            # What is left of the frame, in 255ths, and what is added to each of its planes.
            laid = np.zeros((4, *share.shape), np.float32)
            laid[0] = 255
        laid *= 1 - share
        laid[1:] += share * np.array(colour, np.float32)[:, None, None]
    if laid is None:
        return
    kept, luma, blue, red = cv2.convertScaleAbs(laid.reshape(-1, laid.shape[2])).reshape(laid.shape)
    _tint(kept, [(luma, into.luma)])
    _tint(kept, [(blue, into.blue), (red, into.red)])


def _tint(kept: Plane, planes: list[tuple[Plane, Plane]]) -> None:
    """Dim planes of one size and add to each its own."""
    shape = planes[0][1].shape
    fine, more = room("kept", *shape), room("added", *shape)
    cv2.resize(kept, shape[::-1], dst=fine, interpolation=cv2.INTER_LINEAR)
    for added, plane in planes:
        cv2.resize(added, shape[::-1], dst=more, interpolation=cv2.INTER_LINEAR)
        cv2.multiply(plane, fine, dst=plane, scale=1 / 255)
        cv2.add(plane, more, dst=plane)

"""What flies through the frame: dust, snow, rain, and the grain of the film. Drawn on half the luma's resolution."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from photoplay.engines.camera.air import Air, envelope
from photoplay.engines.camera.ambience import Effect
from photoplay.engines.camera.arrays import Plane
from photoplay.media.frame import Planes

__all__ = ["SPECKS", "Draw", "Grain", "draw_specks"]

Draw = Callable[[int, Plane], None]

# A sprite is kept for every quarter of a pixel across and down, so that slow motes do not step.
_PHASES: Final = 4
_GRAIN_TILES: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Swarm:
    """Specks that drift, each at its own pace; one that leaves comes back on the other side."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    speed_x: NDArray[np.float64]
    speed_y: NDArray[np.float64]
    sway: NDArray[np.float64]
    rate: NDArray[np.float64]
    phase: NDArray[np.float64]
    kind: NDArray[np.intp]
    """Which size."""


def _swarm(random: np.random.Generator, count: int, *, fall: tuple[float, float], drift: float, sway: float) -> _Swarm:
    depth = random.random(count) ** 1.6
    return _Swarm(
        x=random.random(count),
        y=random.random(count),
        speed_x=drift * random.uniform(0.3, 1.0, count) * (0.4 + depth),
        speed_y=fall[0] + (fall[1] - fall[0]) * depth,
        sway=sway * random.uniform(0.3, 1.0, count) * (0.4 + depth),
        rate=random.uniform(0.6, 1.8, count),
        phase=random.uniform(0, 2 * np.pi, count),
        kind=np.minimum((depth * 4).astype(np.intp), 3),
    )


def _sprites(radius_px: float, brightness: float) -> list[Plane]:
    """A soft disc, once for every phase."""
    reach = int(np.ceil(radius_px * 2.2)) + 1
    at = np.arange(-reach, reach + 1)
    sprites: list[Plane] = []
    for down in range(_PHASES):
        for across in range(_PHASES):
            distance = np.hypot(at[None, :] - across / _PHASES, at[:, None] - down / _PHASES)
            soft = np.exp(-((distance / radius_px) ** 2.2))
            sprites.append(np.rint(255 * brightness * soft).clip(0, 255).astype(np.uint8))
    return sprites


def _flying(
    air: Air, swarm: _Swarm, *, radii: tuple[float, ...], brightness: tuple[float, ...], twinkle: float, fade_s: float
) -> Draw:
    scale = air.output.height_px / 720 / 2
    levels = 4
    # Brightness changes in steps of a quarter: a table is cheaper than scaling each speck.
    table = [
        [_sprites(max(radius * scale * 2, 0.6), light * (level + 1) / levels) for level in range(levels)]
        for radius, light in zip(radii, brightness, strict=True)
    ]

    def draw(frame: int, into: Plane) -> None:
        time, strength = air.time_s(frame), envelope(air, frame, fade_s=fade_s)
        height, width = into.shape
        turn = swarm.phase + 2 * np.pi * swarm.rate * time * 0.5
        x = np.mod(swarm.x + swarm.speed_x * time + swarm.sway * np.sin(turn), 1.0) * (width + 24) - 12
        y = np.mod(swarm.y + swarm.speed_y * time, 1.0) * (height + 24) - 12
        shine = strength * (1 - twinkle * (0.5 + 0.5 * np.sin(turn * 1.3 + swarm.phase)))
        level = np.floor(shine * levels + 0.15).astype(np.intp) - 1
        fine_x, fine_y = np.floor(x * _PHASES).astype(np.intp), np.floor(y * _PHASES).astype(np.intp)
        phase = (fine_y % _PHASES) * _PHASES + fine_x % _PHASES
        whole = np.array([fine_x // _PHASES, fine_y // _PHASES, swarm.kind, level, phase], np.int64)
        for at_x, at_y, kind, light, which in (tuple(map(int, speck)) for speck in whole.T):
            if light >= 0:
                _stamp(table[kind][min(light, levels - 1)][which], at_x, at_y, into)

    return draw


def _stamp(sprite: Plane, x: int, y: int, into: Plane) -> None:
    reach = sprite.shape[0] // 2
    top, left = y - reach, x - reach
    from_y, from_x = max(0, -top), max(0, -left)
    to_y, to_x = min(sprite.shape[0], into.shape[0] - top), min(sprite.shape[1], into.shape[1] - left)
    if to_y > from_y and to_x > from_x:
        place = into[top + from_y : top + to_y, left + from_x : left + to_x]
        cv2.max(place, sprite[from_y:to_y, from_x:to_x], dst=place)


def _dust(air: Air, strength: float, random: np.random.Generator) -> Draw:
    swarm = _swarm(random, round(70 * strength), fall=(-0.012, -0.03), drift=0.022, sway=0.01)
    return _flying(
        air, swarm, radii=(1.1, 1.5, 2.2, 3.4), brightness=(0.22, 0.28, 0.24, 0.16), twinkle=0.75, fade_s=1.5
    )


def _snow(air: Air, strength: float, random: np.random.Generator) -> Draw:
    swarm = _swarm(random, round(230 * strength), fall=(0.07, 0.30), drift=0.05, sway=0.012)
    return _flying(air, swarm, radii=(1.2, 1.8, 2.8, 4.6), brightness=(0.5, 0.6, 0.62, 0.5), twinkle=0.1, fade_s=1.4)


def _rain(air: Air, strength: float, random: np.random.Generator) -> Draw:
    """Two sheets of streaks, drawn once, that scroll along their own slant."""
    width, height = air.output.width_px // 2, air.output.height_px // 2
    unit = air.output.height_px / 720
    sheets = [
        _sheet(random, (height, width), count=round(300 * strength), length=26 * unit, thick=0.7, light=54),
        _sheet(random, (height, width), count=round(90 * strength), length=52 * unit, thick=1.0, light=44),
    ]

    def draw(frame: int, into: Plane) -> None:
        time, strength = air.time_s(frame), envelope(air, frame, fade_s=1.0)
        for sheet, speed in zip(sheets, (1.5, 2.3), strict=True):
            down = height - 1 - int(time * speed * height) % height
            across = int(0.16 * time * speed * height) % width
            seen = sheet[down : down + height, across : across + width]
            cv2.max(into, seen if strength >= 1 else cv2.convertScaleAbs(seen, alpha=strength), dst=into)

    return draw


def _sheet(
    random: np.random.Generator, shape: tuple[int, int], *, count: int, length: float, thick: float, light: int
) -> Plane:
    height, width = shape
    one = np.zeros(shape, np.uint8)
    for x, y, share in random.random((count, 3)).tolist():
        far = length * (0.5 + share) / 2
        bright = int(light * (0.4 + 0.6 * share))
        # Also on the other sides, so that the sheet has no seam.
        for shift_x in (-width, 0, width):
            for shift_y in (-height, 0, height):
                start = (int(x * width + shift_x), int(y * height + shift_y))
                end = (int(start[0] - 0.16 * far), int(start[1] + far))
                cv2.line(one, start, end, bright, max(1, round(thick)), cv2.LINE_AA)
    soft = cv2.GaussianBlur(one, (0, 0), sigmaX=0.35, sigmaY=1.2)
    return np.tile(np.asarray(soft, dtype=np.uint8), (2, 2))


SPECKS: Final[Mapping[Effect, Callable[[Air, float, np.random.Generator], Draw]]] = {
    Effect.DUST: _dust,
    Effect.SNOW: _snow,
    Effect.RAIN: _rain,
}


def draw_specks(draws: Sequence[Draw], frame: int, into: Planes) -> None:
    """Lay what flies over a frame."""
    if not draws:
        return
    half = np.zeros((into.luma.shape[0] // 2, into.luma.shape[1] // 2), np.uint8)
    for draw in draws:
        draw(frame, half)
    # White has no colour: a flake before an orange coat is not orange.
    kept, grey = cv2.bitwise_not(half), cv2.convertScaleAbs(half, alpha=128 / 255)
    for chroma in (into.blue, into.red):
        cv2.add(cv2.multiply(chroma, kept, scale=1 / 255), grey, dst=chroma)
    cv2.add(into.luma, cv2.resize(half, into.luma.shape[1::-1], interpolation=cv2.INTER_LINEAR), dst=into.luma)
    np.minimum(into.luma, 235, out=into.luma)


class Grain:
    """Film grain on the luma: a few tiles, shifted anew in every frame."""

    def __init__(self, air: Air, strength: float, random: np.random.Generator) -> None:
        height, width = air.output.height_px, air.output.width_px
        self._air = air
        self._strength = strength
        self._tiles = [self._tile(random, (height + 64, width + 64)) for _ in range(_GRAIN_TILES)]
        self._shifts = random.integers(0, 64, (air.frames, 2)).tolist()

    @staticmethod
    def _tile(random: np.random.Generator, shape: tuple[int, int]) -> Plane:
        values = random.integers(0, 256, shape, dtype=np.uint8).astype(np.float32) - 127.5
        soft = np.asarray(cv2.GaussianBlur(values, (0, 0), 0.75))
        return np.clip(128 + soft * (7.0 / float(soft.std())), 0, 255).astype(np.uint8)

    def draw(self, frame: int, into: Planes) -> None:
        share = self._strength * envelope(self._air, frame, fade_s=0.6)
        if share <= 0:
            return
        top, left = self._shifts[frame]
        height, width = into.luma.shape
        seen = self._tiles[frame % _GRAIN_TILES][top : top + height, left : left + width]
        cv2.addWeighted(into.luma, 1.0, seen, share, -128 * share, dst=into.luma)
        np.clip(into.luma, 16, 235, out=into.luma)

"""One clip in the making: how each of its frames is drawn."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from av.video.frame import VideoFrame

from photoplay.domain.json import JsonObject
from photoplay.engines.camera import focus
from photoplay.engines.camera.ambience import Effect
from photoplay.engines.camera.direction import Direction
from photoplay.engines.camera.layer import Layers
from photoplay.engines.camera.lens import ease
from photoplay.engines.camera.panorama import Panorama
from photoplay.engines.camera.render import mix, sample
from photoplay.engines.camera.scene import Scene
from photoplay.engines.camera.sight import Sight
from photoplay.engines.camera.specks import Draw, Grain, draw_specks
from photoplay.engines.camera.veils import Veil, veil_over
from photoplay.media.frame import Planes, blank_frame, planes_of
from photoplay.media.sizes import Size

__all__ = ["CROSSING", "Film", "Plan", "Shot"]

# The second picture comes in while the camera is still under way, and is alone in the last sixth.
CROSSING: Final = (0.42, 0.84)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be filmed, decided before the first pixel is looked at."""

    direction: Direction
    still: Size
    output: Size
    duration_s: int
    fps: int
    seed: int

    @property
    def frames(self) -> int:
        return self.fps * self.duration_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One picture under one camera."""

    sight: Sight
    picture: Layers | Panorama

    def see(self, number: int, softness: float, into: Planes) -> None:
        if isinstance(self.picture, Panorama):
            self.picture.draw(number, into)
        else:
            sample(self.sight, number, self.picture, softness, into=into)


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """Draws frames in any order; each depends on its number alone."""

    plan: Plan
    scene: Scene
    shot: Shot
    end: Shot | None
    """What the clip ends with."""
    veils: tuple[Veil, ...]
    specks: tuple[Draw, ...]
    grain: Grain | None

    def draw(self, number: int) -> VideoFrame:
        frame = blank_frame(self.plan.output)
        into = planes_of(frame)
        self._see(number, into)
        veil_over(self.veils, number, into)
        draw_specks(self.specks, number, into)
        if self.grain is not None:
            self.grain.draw(number, into)
        return frame

    def to_json(self) -> JsonObject:
        return {"travel": self.shot.sight.camera.to_json(), "scene": self.scene.to_json()}

    def _see(self, number: int, into: Planes) -> None:
        softness = focus.softness(
            Effect.RACK_FOCUS in self.plan.direction.effects,
            number,
            frames=self.plan.frames,
            fps=self.plan.fps,
            loop=self.plan.direction.loop,
        )
        crossed = 0.0 if self.end is None else _crossed(number, self.plan.frames)
        if self.end is None or crossed == 0:
            self.shot.see(number, softness, into)
        elif crossed == 1:
            self.end.see(number, 0.0, into)
        else:
            self.shot.see(number, softness, into)
            # Kept while its planes are used: they lie in the frame's own memory.
            later = blank_frame(self.plan.output)
            other = planes_of(later)
            self.end.see(number, 0.0, other)
            mix(into, other, crossed)


def _crossed(number: int, frames: int) -> float:
    time = number / max(frames - 1, 1)
    return float(ease(np.array((time - CROSSING[0]) / (CROSSING[1] - CROSSING[0]))))

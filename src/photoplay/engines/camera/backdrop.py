"""A picture taken apart: what stands in front of its background, and how far that is out of focus."""

from dataclasses import dataclass
from typing import Final, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from photoplay.engines.camera import focus
from photoplay.engines.camera.ambience import Effect
from photoplay.engines.camera.arrays import Map, Plane, as_map, as_plane
from photoplay.engines.camera.film import Plan
from photoplay.engines.camera.planes import Picture, cut, feather, filled
from photoplay.engines.camera.scene import Scene

__all__ = ["Backdrop"]

# What a feather is to the width of the clip: three pixels at 1280.
_FEATHER: Final = 1 / 430
# Without a cut-out, what is out of focus is a guess too.
_BLUR_GUESSED: Final = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Backdrop:
    """What is done to every plane of a picture."""

    subject: Plane | None
    """Its opacity, over the luma; None where nothing is taken off the background."""
    blur: Map | None
    """How far out of focus the background may be, 0 to 1; None where nothing asks for it."""
    radius_px: float

    @classmethod
    def of(cls, scene: Scene, picture: Picture, plan: Plan) -> Self:
        """Cut the subject out at the planes' resolution, and say where the background falls out of focus."""
        effects = plan.direction.effects
        strength = max(effects.get(Effect.BOKEH, 0.0), effects.get(Effect.RACK_FOCUS, 0.0))
        shape = picture.planes.luma.shape
        if scene.subject.any():
            rough = cut(
                as_plane(cv2.convertScaleAbs(scene.subject, alpha=255)), picture.region, still=plan.still, shape=shape
            )
            subject = feather(rough, plan.output.width_px * _FEATHER)
            blur = _behind(scene, picture, plan) if strength else None
        else:
            subject = None
            blur = _away(scene, picture, plan) if strength and not scene.graphic else None
            strength *= _BLUR_GUESSED
        return cls(subject=subject, blur=blur, radius_px=focus.blur_px(strength, width_px=shape[1]))

    def behind(self, plane: Plane, *, radius_px: float, highlights: bool) -> tuple[Plane, Plane | None]:
        """Return the background alone, sharp and out of focus."""
        sharp = plane if self.subject is None else filled(plane, self.subject)
        if self.blur is None:
            return sharp, None
        return sharp, focus.blurred(sharp, self.blur, radius_px, highlights=highlights)

    def luma_behind(self, plane: Plane) -> tuple[Plane, Plane | None]:
        return self.behind(plane, radius_px=self.radius_px, highlights=True)

    def chroma_behind(self, plane: Plane) -> tuple[Plane, Plane | None]:
        return self.behind(plane, radius_px=self.radius_px / 2, highlights=False)


def _behind(scene: Scene, picture: Picture, plan: Plan) -> NDArray[np.float32]:
    """How far out of focus: with the distance from the subject's own depth."""
    relief = cut(scene.relief, picture.region, still=plan.still, shape=(90, 160))
    far = float(np.abs(scene.relief).max())
    return as_map(np.clip(np.abs(relief) / far * 1.5 - 0.5, 0, 1)) if far else np.ones((90, 160), np.float32)


def _away(scene: Scene, picture: Picture, plan: Plan) -> NDArray[np.float32]:
    """Without a cut-out, only what is far from the middle of interest: it is no edge that could be wrong."""
    y, x = np.mgrid[0:72, 0:128].astype(np.float32)
    at_x, at_y = (x + 0.5) / 128 - scene.focus[0], (y + 0.5) / 72 - scene.focus[1]
    whole = np.clip((np.hypot(at_x * 1.1, at_y) - 0.28) / 0.4, 0, 1).astype(np.float32)
    return np.clip(cut(whole, picture.region, still=plan.still, shape=(90, 160)), 0, 1)

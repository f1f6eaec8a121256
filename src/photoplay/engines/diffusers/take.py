"""What is to be made for an order: sizes and frames that the weights can make, and how they are shown. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Final

from photoplay.domain.errors import EngineRejected
from photoplay.domain.json import JsonObject
from photoplay.engines.diffusers.models import Model
from photoplay.media.clip import FPS
from photoplay.media.sizes import Size

__all__ = ["Take", "plan_take"]

# A clip that is played slower than this no longer shows what was made.
_SLOWEST: Final = (2, 3)
# Beyond the widest ratio of the cards the picture is cropped.
_RATIO_MAX: Final = 21 / 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """One clip to make."""

    size: Size
    frames: int
    """What the model makes."""
    fps: int
    """At which the model means them to be played."""
    seconds: int
    """How long the clip is."""

    @property
    def speed(self) -> float:
        """How fast the frames are played, as a share of what the model means; never above 1."""
        return min(1.0, self.frames / (self.fps * self.seconds))

    @property
    def shown(self) -> Sequence[int]:
        """Which of the frames made is shown at each of the clip's: the last one that is due by then."""
        total = FPS * self.seconds
        if self.frames >= self.fps * self.seconds:
            return [number * self.fps // FPS for number in range(total)]
        return [number * self.frames // total for number in range(total)]

    def to_json(self) -> JsonObject:
        return {
            "made": {
                "width": self.size.width_px,
                "height": self.size.height_px,
                "frames": self.frames,
                "fps": self.fps,
            },
            "shown": {"fps": FPS, "speed": round(self.speed, 3), "frames": len(set(self.shown))},
        }


def plan_take(model: Model, *, still: Size, resolution: str, seconds: int) -> Take:
    """Decide what to make. An empty resolution is the model's first.

    Raises: EngineRejected for a resolution that it does not have, or a duration that it cannot fill.
    """
    if seconds <= 0:
        raise EngineRejected(f"duration: must be above 0 s, got {seconds}")
    budget = model.resolutions.get(resolution or next(iter(model.resolutions)))
    if budget is None:
        raise EngineRejected(f"resolution: {resolution} is not one of {', '.join(model.resolutions)}")
    exact = Size(width_px=budget[0], height_px=budget[1])
    take = Take(
        size=exact if model.is_size_fixed else _in_ratio(still, exact, model.multiple_px),
        frames=_frames(model, seconds),
        fps=model.fps,
        seconds=seconds,
    )
    slowest, of = _SLOWEST
    if take.frames * of < model.fps * seconds * slowest:
        most = model.frames_max * of // (model.fps * slowest)
        raise EngineRejected(f"duration: must be at most {most} s for this model, got {seconds}")
    return take


def _frames(model: Model, seconds: int) -> int:
    """The fewest that fill the time, of those that the weights can make; the most where none do."""
    wanted = max(model.frames_min, model.fps * seconds)
    return min(ceil((wanted - 1) / model.frames_step) * model.frames_step + 1, model.frames_max)


def _in_ratio(still: Size, budget: Size, multiple_px: int) -> Size:
    """As many pixels as the budget has, in the picture's own ratio."""
    ratio = min(max(still.width_px / still.height_px, 1 / _RATIO_MAX), _RATIO_MAX)
    pixels = budget.width_px * budget.height_px
    return Size(
        width_px=_nearest(sqrt(pixels * ratio), multiple_px), height_px=_nearest(sqrt(pixels / ratio), multiple_px)
    )


def _nearest(side_px: float, multiple_px: int) -> int:
    return max(1, round(side_px / multiple_px)) * multiple_px

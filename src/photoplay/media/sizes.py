"""From a picture's shape and a resolution's name to the exact size of the clip. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log, sqrt
from typing import Final

from photoplay.domain.errors import EngineRejected

__all__ = ["BUDGETS", "RATIOS", "Size", "output_size"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    width_px: int
    height_px: int


BUDGETS: Final[Mapping[str, Size]] = {
    "720p": Size(width_px=1280, height_px=720),
    "1080p": Size(width_px=1920, height_px=1080),
}
"""The 16:9 size of each resolution; every other ratio spends the same number of pixels."""

RATIOS: Final[tuple[tuple[int, int], ...]] = ((16, 9), (4, 3), (1, 1), (3, 4), (9, 16), (21, 9))

# H.264 codes blocks of 16 pixels; a side that is a multiple of 16 needs no cropping by the player.
_BLOCK_PX: Final = 16


def output_size(picture: Size, *, resolution: str) -> Size:
    """Choose the size whose ratio is nearest to the picture's, by the logarithm of the ratio.

    Shape: 16:9 is exactly 1280x720 or 1920x1080; other sides are multiples of 16.
    Raises: EngineRejected if the resolution has no budget.
    """
    budget = BUDGETS.get(resolution)
    if budget is None:
        raise EngineRejected(f"resolution: {resolution} is not one of {', '.join(BUDGETS)}")
    shape = log(picture.width_px / picture.height_px)
    across, down = min(RATIOS, key=lambda ratio: abs(log(ratio[0] / ratio[1]) - shape))
    if (across, down) == (16, 9):
        return budget
    unit_px = sqrt(budget.width_px * budget.height_px / (across * down))
    return Size(width_px=_whole_blocks(across * unit_px), height_px=_whole_blocks(down * unit_px))


def _whole_blocks(side_px: float) -> int:
    return round(side_px / _BLOCK_PX) * _BLOCK_PX

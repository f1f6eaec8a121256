"""Sizes and frame counts that open video models take, for engines that hand them to another server. Pure but for one
look at the head of a picture that the server itself wrote.
"""

import struct
from collections.abc import Mapping
from math import sqrt
from pathlib import Path
from typing import Final

from photoplay.domain.errors import EngineRejected
from photoplay.engines.engine import Order
from photoplay.media.sizes import Size

__all__ = ["FPS", "frames_of", "size_of"]

# What the cards promise.
FPS: Final = 24

# The 16:9 size of each resolution, as the open models were trained on it.
_BUDGETS: Final[Mapping[str, tuple[int, int]]] = {"480p": (832, 480), "720p": (1280, 704), "1080p": (1920, 1088)}
# Their autoencoders shrink each side by 32 at most; a side that is a multiple of it suits them all.
_BLOCK_PX: Final = 32
# As in every PNG: signature, length and type of the first chunk, then width and height (RFC 2083).
_SIZE_AT: Final = 16


def size_of(order: Order) -> Size | None:
    """Return the size that the picture's ratio and the resolution's pixels make; None leaves it to the other server.

    Shape: sides are multiples of 32; 16:9 without a picture.
    Raises: EngineRejected if the resolution has no budget.
    """
    if not order.resolution:
        return None
    budget = _BUDGETS.get(order.resolution)
    if budget is None:
        raise EngineRejected(f"resolution: {order.resolution} is not one of {', '.join(_BUDGETS)}")
    across, down = budget if order.still is None else _sides(order.still)
    unit_px = sqrt(budget[0] * budget[1] / (across * down))
    return Size(width_px=_whole_blocks(across * unit_px), height_px=_whole_blocks(down * unit_px))


def frames_of(order: Order) -> int | None:
    """Return how many frames to ask for; None leaves it to the other server.

    One more than the seconds hold: the models make 4n + 1 or 8n + 1, the first of which is the picture itself.
    """
    return order.duration_s * FPS + 1 if order.duration_s else None


def _sides(still: Path) -> tuple[int, int]:
    with still.open("rb") as file:
        head = file.read(_SIZE_AT + 8)
    width_px, height_px = struct.unpack_from(">II", head, _SIZE_AT)
    return width_px, height_px


def _whole_blocks(side_px: float) -> int:
    return max(1, round(side_px / _BLOCK_PX)) * _BLOCK_PX

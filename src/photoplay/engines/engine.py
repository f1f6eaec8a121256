"""What every engine is: an order in, artifacts and facts out.

An engine knows nothing of tasks, credits or HTTP, and never fetches anything: the still is a local file.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from photoplay.domain.json import JsonValue

__all__ = ["Clip", "Engine", "Order", "Report"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One clip to make from one still."""

    still: Path
    """A PNG that the server itself wrote: 8-bit sRGB, upright, no alpha, sides 16 to 4096 px."""
    prompt: str
    """The author's text, untouched. Flags in it belong to the author."""
    resolution: str
    """Pixel budget by name: `720p` or `1080p`. The picture's own ratio decides the exact size."""
    duration_s: int
    """Length of the clip, in whole seconds."""
    seed: int
    """Chosen by the server and recorded; the same order and seed make the same bytes."""
    output: Path
    """Where the finished MP4 appears, by rename from `<output>.part`. Absent when the run fails."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """What an engine made."""

    path: Path
    width_px: int
    height_px: int
    fps: int
    frames: int
    facts: Mapping[str, JsonValue]
    """What the engine understood and used: direction, version, encoder, peak memory."""


Report = Callable[[float], None]
"""Called with the finished share, 0.0 to 1.0, never falling; an engine calls it about once a frame."""


class Engine(Protocol):
    """One way to make a clip. Lives in a child process; `run` blocks and is called for one order at a time."""

    name: str
    version: str

    def warm(self) -> None:
        """Import and load what the first run would otherwise wait for. Idempotent."""
        ...

    def run(self, order: Order, report: Report) -> Clip:
        """Make one clip.

        Raises: StillRejected or EngineRejected when another attempt cannot help; EngineUnavailable when it may.
        """
        ...

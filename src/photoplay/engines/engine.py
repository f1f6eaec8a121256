"""What every engine is: an order in, artifacts and facts out.

An engine knows nothing of tasks, credits or HTTP, and never fetches anything: the still is a local file.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from photoplay.domain.json import JsonValue

__all__ = ["Clip", "Engine", "Order", "Report"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One clip to make, as a rule from one still."""

    still: Path | None
    """A PNG that the server itself wrote: 8-bit sRGB, upright, no alpha, sides 16 to 4096 px.

    None where the card asks for no picture.
    """
    prompt: str
    """The author's text, untouched. Flags in it belong to the author. Empty where the card or the caller has none."""
    resolution: str
    """Pixel budget by name, such as `720p` or `1080p`. The picture's own ratio decides the exact size.

    Empty where the card has none: the engine's own.
    """
    duration_s: int
    """Length of the clip, in whole seconds. 0 where the card has none: the engine's own."""
    seed: int
    """Given by the caller or chosen by the server; the same order and seed make the same bytes."""
    output: Path
    """Where the finished MP4 appears, by rename from `<output>.part`. Absent when the run fails."""
    controls: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    """What a card's own fields ask of the engine, by the engine's names; a picture is a path like `still`.

    An engine refuses a control that it does not know: to ignore it would make another clip than the one asked for.
    """


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

"""What every engine is: an order in, artifacts and facts out.

An engine knows nothing of tasks, credits or our own HTTP, and never fetches a picture: the still is a local file.
"""

import glob
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from photoplay.domain.json import JsonValue
from photoplay.domain.tasks import Submission

__all__ = ["Artifact", "Clip", "Engine", "Finding", "Order", "Place", "Places", "Report", "Ticket", "remove_output"]


class Artifact(StrEnum):
    """A further file of a clip. A caller may do without any."""

    POSTER = "poster"
    """A JPEG to show before the clip plays."""
    LAST_FRAME = "last_frame"
    """A PNG that another clip can begin with."""


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
    model: str = ""
    """What the card calls the model when it speaks to this engine, its own id unless it says otherwise.

    Empty where nobody asked by a card.
    """
    output: Path
    """Where the finished MP4 appears, by rename from `<output>.part`. Absent when the run fails."""
    controls: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    """What a card's own fields ask of the engine, by the engine's names; a picture is a path like `still`.

    An engine refuses a control that it does not know: to ignore it would make another clip than the one asked for.
    """
    links: Mapping[str, str] = field(default_factory=dict[str, str])
    """Where another server can read the pictures, by their paths here. Empty where they go with the order."""


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
    artifacts: Mapping[Artifact, Path] = field(default_factory=dict[Artifact, Path])
    """Pictures that come with the clip, beside it: their names begin with `<output>.`."""


Report = Callable[[float], None]
"""Called with the finished share, 0.0 to 1.0, never falling; an engine calls it about once a frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that an engine needs, and what was found of it on this machine."""

    what: str
    """Such as `package torch` or `GPU 0`."""
    is_well: bool
    words: str
    """What is there, or what is wrong with it."""
    remedy: str = ""
    """What to do about it: a command where there is one. Empty where all is well."""


@dataclass(slots=True)
class Ticket:
    """What of an attempt is on record for the next one, should this one break off."""

    job_id: str
    """New for each attempt: what a job that is asked for now is called."""
    submission: Submission | None
    """What an earlier attempt asked another server for. None: nothing that is still of use."""
    write: Callable[[Submission | None], Awaitable[None]]
    """Puts it on record. Raises: StaleClaim."""

    async def record(self, submission: Submission | None) -> None:
        await self.write(submission)
        self.submission = submission


class Place(Protocol):
    """Where one order at a time is made: a process on this machine, or a connection to another server."""

    async def run(self, order: Order, on_progress: Report, ticket: Ticket) -> Clip:
        """Make one clip, or go on with the one that the ticket names. Cancelling the caller stops what is here.

        Raises: EngineError. The output and everything beside it whose name begins with it are gone then.
        """
        ...

    async def call_off(self, ticket: Ticket, *, may_go_on: bool = False) -> None:
        """Stop what `run` may have left at another server, as far as that server lets us; what is left on record then
        is for another attempt, where it `may_go_on`, or for the sweep. Never raises AppError but StaleClaim.
        """
        ...

    async def read_back(self, clip: Clip) -> None:
        """Decode the clip whole. Raises: EngineUnavailable if it is not what the engine said."""
        ...


class Places(Protocol):
    """The places of one engine in this process."""

    size: int
    """Orders at once: here, or in all workers together if they are `is_shared`."""
    is_shared: bool

    def slot(self) -> AbstractAsyncContextManager[Place]:
        """Wait for a free place. Raises: EngineUnavailable once it is stopping."""
        ...

    async def call_off(self, ticket: Ticket) -> None:
        """Stop what an earlier attempt may have left at another server. If it is on record still, ask again."""
        ...

    async def warm(self) -> None:
        """Do what the first order would wait for. Raises: EngineUnavailable, with what is missing."""
        ...

    async def stop(self, grace: timedelta) -> None:
        """Refuse new orders, give the running ones that long, end them. Idempotent."""
        ...


class Engine(Protocol):
    """One way to make a clip on this machine.

    Lives in a child process; `run` blocks and is called for one order at a time.
    """

    name: str
    version: str

    def check(self) -> Sequence[Finding]:
        """Look for everything that it needs, well or not, for `photoplay doctor`. Quick: no weights are loaded.

        Raises: EngineUnavailable for what keeps it from looking any further.
        """
        ...

    def warm(self) -> None:
        """Import and load what the first run would otherwise wait for. Idempotent."""
        ...

    def run(self, order: Order, report: Report) -> Clip:
        """Make one clip.

        Raises: StillRejected or EngineRejected when another attempt cannot help; EngineUnavailable when it may.
        """
        ...


def remove_output(output: Path) -> None:
    """Remove a clip and everything beside it whose name begins with it.

    Unlinking is quick and must not be interrupted: it stays on the event loop.
    """
    for path in (output, *output.parent.glob(f"{glob.escape(output.name)}.*")):
        path.unlink(missing_ok=True)

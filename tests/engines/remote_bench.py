"""What every test of an engine at another server needs: a place for an order, and a record of what was asked for."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from PIL import Image

from photoplay.domain.errors import AppError
from photoplay.domain.json import JsonValue
from photoplay.domain.tasks import Submission
from photoplay.egress import Egress, parse_allow
from photoplay.engines.engine import Clip, Order, Ticket
from photoplay.engines.remote import RemoteEngine, RemotePlaces

DEADLINE_S = 60.0


@dataclass
class Record:
    """What is on record for a task."""

    submission: Submission | None = None
    written: list[Submission | None] = field(default_factory=list[Submission | None])
    """Every word of it, in order."""
    before_write: Callable[[Submission | None], None] = lambda _: None
    """What it raises is the end of whoever writes."""
    shares: list[float] = field(default_factory=list[float])
    is_under_way: asyncio.Event = field(default_factory=asyncio.Event)

    def report(self, share: float) -> None:
        self.shares.append(share)
        self.is_under_way.set()

    def ticket(self, job_id: str) -> Ticket:
        async def write(submission: Submission | None) -> None:
            self.before_write(submission)
            self.written.append(submission)
            self.submission = submission

        return Ticket(job_id=job_id, submission=self.submission, write=write)


@asynccontextmanager
async def places_of(engine: RemoteEngine, *, stopping: asyncio.Event | None = None) -> AsyncGenerator[RemotePlaces]:
    async with asyncio.timeout(DEADLINE_S):
        places = RemotePlaces(engine, stopping=stopping or asyncio.Event())
        yield places
        await places.stop(timedelta())


async def made(engine: RemoteEngine, order: Order, record: Record, *, job_id: str = "a1") -> Clip:
    """Make one clip in a place of its own, as a worker does."""
    async with places_of(engine) as places, places.slot() as place:
        try:
            return await place.run(order, record.report, record.ticket(job_id))
        except AppError as exc:
            # Raised below: a group of tasks would wrap it.
            error = exc
    raise error


@asynccontextmanager
async def way_out(*places: str) -> AsyncGenerator[Egress]:
    async with Egress(allow=parse_allow(",".join(places))) as egress:
        yield egress


def picture(folder: Path) -> Path:
    path = folder / "still.png"
    Image.new("RGB", (600, 400)).save(path)
    return path


def order_of(folder: Path, *, still: Path | None, **controls: JsonValue) -> Order:
    return Order(
        model="wan/2-2-image-to-video",
        still=still,
        prompt="a slow push in",
        resolution="480p",
        duration_s=5,
        seed=3,
        output=folder / "clip.mp4",
        controls=controls,
    )

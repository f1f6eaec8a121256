"""What the flows are given to work with. Built once a process, by `programs/`."""

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from photoplay.domain.cards import Card
from photoplay.domain.tasks import Task
from photoplay.egress import Egress
from photoplay.engines.engine import Places
from photoplay.files.room import DiskRoom
from photoplay.files.store import FileStore
from photoplay.flows.accept import Intake
from photoplay.flows.health import Health
from photoplay.flows.recognize import Callers
from photoplay.store.database import Database
from photoplay.store.signals import Signals

__all__ = ["ApiParts", "Parts", "WorkerParts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What every process has."""

    db: Database
    signals: Signals
    """Wakes who waits for a change of rows."""
    files: FileStore
    egress: Egress
    cards: Mapping[str, Card]
    engine_names: frozenset[str]
    """The engines that are configured; a card that none of them can serve is switched off."""
    work_dir: Path
    """Where unfinished files live; on the same machine, not on the file store."""
    files_url: str
    """Base of the links to files, with a slash at its end."""
    results_lifetime: timedelta
    callback_schedule: tuple[timedelta, ...]
    """How long to wait before each delivery of a callback."""
    callback_body: Callable[[Task], bytes]
    """Renders the callback of a finished task; the wire's spelling is known in `web/` alone."""

    def own_path(self, url: str) -> str | None:
        """Return the path of a file of ours, without query and fragment, or None for a link to elsewhere."""
        return re.split("[?#]", url.removeprefix(self.files_url))[0] if url.startswith(self.files_url) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiParts(Parts):
    intake: Intake
    callers: Callers
    room: DiskRoom
    uploads_lifetime: timedelta
    secret_file: Path
    """Where the first account's callback secret lies, on the machine that made it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerParts(Parts):
    engines: Mapping[str, Places]
    linked_engines: frozenset[str] = frozenset()
    """Those whose servers read the pictures from here, by link; the others get them with the order."""
    records_lifetime: timedelta
    lease: timedelta
    waiting_lifetime: timedelta
    """How long a task may wait before it is given up."""
    health: Health = field(default_factory=Health)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when this worker begins no more attempts."""

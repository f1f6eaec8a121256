"""What the flows are given to work with. Built once a process, by `main.py`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from photoplay.domain.cards import Card
from photoplay.domain.tasks import Task
from photoplay.egress import Egress
from photoplay.engines.runner import EnginePool
from photoplay.files.store import FileStore
from photoplay.settings import CreateRate
from photoplay.store.database import Database

__all__ = ["ApiParts", "Parts", "WorkerParts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What every process has."""

    db: Database
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
        """Return the path of a file of ours, or None for a link to elsewhere."""
        return url.removeprefix(self.files_url) if url.startswith(self.files_url) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiParts(Parts):
    creates: CreateRate | None
    unfinished_max: int
    uploads_lifetime: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerParts(Parts):
    engines: Mapping[str, EnginePool]
    lease: timedelta

"""Pause, drain and resume the whole service, and tell the operator how it stands."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from photoplay.domain.service import Mode
from photoplay.store import jobs, overview, service, tasks

if TYPE_CHECKING:
    from photoplay.flows.parts import ApiParts
    from photoplay.store.database import Database
    from photoplay.store.overview import Work
    from photoplay.store.service import Service

__all__ = ["FAILURES_SINCE", "Situation", "read_mode", "set_mode", "survey"]

log = structlog.get_logger()

FAILURES_SINCE: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    service: "Service"
    work: "Work"
    disk_free_bytes: int
    """Where this API process keeps its files."""
    disk_free_bytes_min: int
    """Below this, creates are refused."""


async def read_mode(db: "Database") -> Mode:
    async with db.connection() as connection:
        return (await service.read(connection)).mode


async def set_mode(db: "Database", mode: Mode, *, actor: str) -> "Service":
    """Let the whole service do this from now on, also after a restart."""
    async with db.transaction() as tx:
        await service.change(tx, mode, actor=actor)
        if mode is not Mode.PAUSED and (wake_ups := await tasks.without_wake_up(tx, older_than=timedelta())):
            # Their wake-ups came while nothing could be claimed.
            await jobs.enqueue_generation(tx, *wake_ups)
        changed = await service.read(tx)
    log.info("service.mode_set", mode=mode.value, actor=actor)
    return changed


async def survey(parts: "ApiParts") -> Situation:
    async with parts.db.snapshot() as snapshot:
        return Situation(
            service=await service.read(snapshot),
            work=await overview.survey(snapshot, failures_since=FAILURES_SINCE),
            disk_free_bytes=parts.room.free_bytes(),
            disk_free_bytes_min=parts.room.free_bytes_min,
        )

"""Let go of what is kept no longer, and find what should not be there or should.

Safe to run in several workers at once: what one removes, another finds gone.
"""

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

from photoplay import clock
from photoplay.domain.errors import StoreUnavailable
from photoplay.store import files, idempotency, sessions
from photoplay.store.records import forget_ended_tasks, forget_unused_receivers

if TYPE_CHECKING:
    from photoplay.flows.parts import WorkerParts

__all__ = [
    "Findings",
    "clear_leftovers",
    "compare_files",
    "forget_old_records",
    "forget_receivers",
    "remove_expired",
]

log = structlog.get_logger()

# What a killed process leaves is told from what a living one writes by its age: an upload may take 300 s,
# and a clip as long as its attempt.
LEFTOVER_AFTER: Final = timedelta(days=1)
# A file is announced before it is written, so one without a row was never young: this is for a clock that is off.
YOUNG: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Where the file store and the table differ."""

    without_row: int
    without_file: int


async def remove_expired(parts: "WorkerParts") -> None:
    """Remove files whose time is over, then their rows; forget short links, old idempotency keys and sessions."""
    async with parts.db.connection() as connection:
        await files.forget_expired_links(connection)
        await idempotency.forget_old(connection)
        await sessions.forget_expired(connection)
        for path in await files.expired(connection):
            try:
                await parts.files.remove(path)
            except StoreUnavailable as exc:
                # The others can go all the same.
                log.warning("file.not_removed", path_head=path[:6], error=str(exc))
                continue
            await files.forget(connection, path)
            log.info("file.removed", path_head=path[:6])


async def forget_old_records(parts: "WorkerParts") -> None:
    """Remove the records of tasks that ended long ago. What they cost stays in the ledger."""
    async with parts.db.connection() as connection:
        count = await forget_ended_tasks(connection, lifetime=parts.records_lifetime)
    if count:
        log.info("records.removed", tasks=count)


async def forget_receivers(parts: "WorkerParts") -> None:
    """Remove the receivers that no callback is kept of. Reads all of them."""
    async with parts.db.connection() as connection:
        count = await forget_unused_receivers(connection)
    if count:
        log.info("receivers.removed", receivers=count)


async def compare_files(parts: "WorkerParts") -> Findings:
    """Report files that no row knows, and rows whose file is gone. Neither is touched: a person has to look.

    Both come of a database and a file store that were restored from different moments.
    """
    stored: set[str] = set()
    without_row = without_file = 0
    async for batch in parts.files.paths(older_than=clock.now() - YOUNG):
        stored.update(batch)
        async with parts.db.connection() as connection:
            known = await files.known(connection, batch)
        for path in set(batch) - known:
            without_row += 1
            log.warning("file.without_row", path_head=path[:6])
    after = ""
    while paths := await _ready_after(parts, after):
        after = paths[-1]
        for path in paths:
            if path not in stored and not await parts.files.has(path):
                without_file += 1
                log.warning("file.missing", path_head=path[:6])
    return Findings(without_row=without_row, without_file=without_file)


async def _ready_after(parts: "WorkerParts", after: str) -> list[str]:
    async with parts.db.connection() as connection:
        return await files.ready_after(connection, after)


async def clear_leftovers(parts: "WorkerParts") -> None:
    """Remove what killed processes left half-written: in the work folder, and beside stored files."""
    before_s = (clock.now() - LEFTOVER_AFTER).timestamp()
    await asyncio.to_thread(_clear, parts.work_dir, before_s)
    await asyncio.to_thread(parts.files.clear_staged, before_s)


def _clear(folder: Path, before_s: float) -> None:
    for path in folder.iterdir():
        if path.stat(follow_symlinks=False).st_mtime < before_s:
            remove: Callable[[Path], object] = shutil.rmtree if path.is_dir() else Path.unlink
            remove(path)
            log.info("leftover.removed", name=path.name[:6])

"""Which task an attempt takes, and whether there is room for it at the engine's server."""

from typing import TYPE_CHECKING

import structlog

from photoplay import clock
from photoplay.domain.errors import StoreUnavailable
from photoplay.store import jobs, submissions, tasks

if TYPE_CHECKING:
    from photoplay.domain.tasks import Claim, Task
    from photoplay.flows.parts import WorkerParts

__all__ = ["claim_next", "wake_another"]

log = structlog.get_logger()


async def claim_next(engine: str, *, parts: "WorkerParts") -> "tuple[bool, tuple[Claim, Task] | None]":
    """Claim the task that goes first; return whether there was surely room for a new one, and what was claimed.

    A server whose limit all workers share is asked for no more than that, whoever has died with what it works at.
    """
    places, token = parts.engines[engine], clock.new_uuid()
    if not places.is_shared:
        async with parts.db.connection() as connection:
            return True, await tasks.claim_next(connection, engine, token=token, lease=parts.lease)
    async with parts.db.transaction() as tx:
        under_way = await submissions.count_under_way(tx, engine)
        has_room = under_way is not None and under_way < places.size
        return has_room, await tasks.claim_next(tx, engine, token=token, lease=parts.lease, has_room=has_room)


async def wake_another(engine: str, *, parts: "WorkerParts") -> None:
    """Pass on a wake-up that this worker took and stops too soon for. One too many costs a look."""
    try:
        async with parts.db.connection() as connection:
            await jobs.wake(connection, engine)
    except StoreUnavailable as exc:
        # The sweep makes one for what still waits.
        log.warning("engine.not_woken", engine=engine, error=str(exc))

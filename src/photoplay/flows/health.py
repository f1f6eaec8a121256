"""Leave an engine alone that is unavailable: what this worker holds against each, and where its tasks go meanwhile.

Each worker judges for itself, from its own attempts; what it tells the database is for operators to read.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import structlog

from photoplay import clock
from photoplay.domain.breaker import CLOSED, PAUSE, Breaker, BreakerState, after, enter, leave, wait
from photoplay.domain.errors import AppError, StoreUnavailable
from photoplay.domain.routes import next_engines
from photoplay.store import breakers, jobs, tasks
from photoplay.store.breakers import Told

if TYPE_CHECKING:
    from photoplay.domain.outcomes import Produced, Stopped
    from photoplay.domain.tasks import Task
    from photoplay.flows.parts import WorkerParts
    from photoplay.store.database import Database

__all__ = ["Health", "Turn", "pass_over"]

log = structlog.get_logger()


@dataclass(slots=True)
class Turn:
    """One attempt's look at an engine."""

    wait: timedelta
    """How long the engine is left alone; 0 if the attempt may begin."""
    result: "tuple[Task, Produced | Stopped | AppError] | None" = None
    """What came of it, once that is known."""


class Health:
    """The breakers of a worker, one for each engine."""

    def __init__(self, *, pause: timedelta = PAUSE) -> None:
        self._pause = pause
        self._breakers: dict[str, Breaker] = {}
        self._worker_id: UUID = clock.new_uuid()

    @asynccontextmanager
    async def turn(self, engine: str, *, db: "Database") -> AsyncGenerator[Turn]:
        """Let an attempt begin unless the engine is left alone, and learn from what comes of it."""
        before = self._breakers.get(engine, CLOSED)
        now = clock.now()
        turn = Turn(wait=wait(before, now=now, pause=self._pause))
        if turn.wait:
            yield turn
            return
        self._breakers[engine] = enter(before, now=now, pause=self._pause)
        try:
            yield turn
        finally:
            self._learn(engine, turn)
        if self._breakers[engine] != before:
            await self._tell(engine, turn, db=db)

    def _learn(self, engine: str, turn: Turn) -> None:
        # Others began and ended meanwhile: what they left counts, not what this one began with.
        breaker, now = self._breakers[engine], clock.now()
        if turn.result is None or turn.result[0].script:
            # What a test key's caller wrote says nothing of the engine.
            self._breakers[engine] = leave(breaker, now=now)
        else:
            task, result = turn.result
            self._breakers[engine] = after(breaker, result, task_id=task.id, now=now, pause=self._pause)

    async def _tell(self, engine: str, turn: Turn, *, db: "Database") -> None:
        breaker, state = self._breakers[engine], self._breakers[engine].state(clock.now())
        error = turn.result[1] if turn.result and isinstance(turn.result[1], AppError) else None
        try:
            async with db.connection() as connection:
                if breaker.retry_at is None:
                    await breakers.forget(connection, worker_id=self._worker_id, engine=engine)
                else:
                    told = Told(
                        worker_id=self._worker_id,
                        engine=engine,
                        state=state,
                        failed_tasks=len(breaker.failed),
                        error=str(error or ""),
                        retry_at=breaker.retry_at,
                    )
                    await breakers.tell(connection, told)
        except StoreUnavailable as exc:
            log.warning("engine.not_told", engine=engine, error=str(exc))
        if state is not BreakerState.CLOSED:
            log.warning("engine.left_alone", engine=engine, state=state.value, error=error)


async def pass_over(engine: str, *, delay: timedelta, parts: "WorkerParts") -> None:
    """Do what a wake-up asks for while the engine is left alone: send a task on to another engine, or wake up later."""
    moves = next_engines(parts.cards, engine, configured=parts.engine_names)
    async with parts.db.transaction() as tx:
        moved = await tasks.move_on(tx, engine, moves) if moves else None
        if moved is None:
            await jobs.wake(tx, engine, delay=delay)
        else:
            task_id, taker = moved
            await jobs.wake(tx, taker)
            log.warning("task.moved_on", task_id=task_id.hex, engine=engine, to=taker)

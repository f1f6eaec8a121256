"""Tell of changes as they come: of one task until it has ended, or of all tasks of an account."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from photoplay import clock
from photoplay.domain.errors import InvalidInput
from photoplay.domain.tasks import AccountId, State, Task, TaskId
from photoplay.flows.query import Record, count_query, record_of
from photoplay.flows.streams import ACCOUNT_PAUSE_S, require_free_stream
from photoplay.store import task_lists, tasks
from photoplay.store.accounts import Caller
from photoplay.store.task_lists import CHANGES_MAX

if TYPE_CHECKING:
    from photoplay.flows.parts import ApiParts
    from photoplay.store.database import Connection

__all__ = ["Change", "Changes", "Kind", "track_account", "track_task"]

# Who follows for longer comes back, with a key that is looked at again.
STREAM_S_MAX: Final = 3600.0
# Shorter than what proxies take for a dead connection.
SILENCE_S: Final = 15.0
# The place in the queue changes by what others do, and nobody signals that.
QUEUE_SILENCE_S: Final = 5.0
# A change is dated when it is written and seen when it is committed, up to this much later.
COMMIT_MAX: Final = timedelta(seconds=5)
REPLAY_MAX: Final = timedelta(days=1)
BEGINNING: Final = datetime.fromtimestamp(0, UTC)


class Kind(StrEnum):
    STATE = "state"
    """The task's state is another one, or this is the first word of it."""
    PROGRESS = "progress"
    """Anything else: progress, stage, place in the queue."""
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    kind: Kind
    record: Record
    """As it is now: what was passed over meanwhile is not told."""

    @property
    def at(self) -> datetime:
        """Names the change: whoever has seen it has seen all of this task until then."""
        return self.record.task.updated_at


Changes = AsyncGenerator[Change | None]
"""None stands for a while without a change."""


async def track_task(
    task_id: TaskId | None, *, caller: Caller, seen: datetime | None, parts: "ApiParts"
) -> Changes | None:
    """Return the changes of the caller's task that follow `seen`, up to its end; None if that was seen.

    Raises: InvalidInput for an unknown task and for another account's alike; RateLimited.
    """
    async with parts.db.connection() as connection:
        await count_query(connection, caller)
        task = None if task_id is None else await tasks.find(connection, task_id, account_id=caller.account_id)
    if task is None:
        raise InvalidInput("recordInfo is null", field="taskId")
    require_free_stream(task.id.hex, parts.signals)
    return None if task.state.is_terminal and seen == task.updated_at else _task_changes(task, seen, parts)


async def _task_changes(task: Task, seen: datetime | None, parts: "ApiParts") -> Changes:
    time, told = asyncio.get_running_loop().time, None
    ends_at = time() + STREAM_S_MAX
    with parts.signals.watch(task.id.hex) as watch:
        while time() < ends_at:
            async with parts.db.connection() as connection:
                record = await record_of(await tasks.read(connection, task.id), connection)
            is_news = record.task.updated_at != seen if told is None else record != told
            if is_news:
                yield _change(record, told.task if told else None)
            told = record
            if record.task.state.is_terminal or watch.is_closed:
                return
            silence_s = QUEUE_SILENCE_S if record.task.state is State.WAITING else SILENCE_S
            if not await watch.wait(within_s=silence_s):
                yield None


async def track_account(*, caller: Caller, seen: datetime | None, parts: "ApiParts") -> Changes:
    """Return the changes of all of the caller's tasks: first those that follow `seen`, or all that are unfinished.

    Some may come twice, those of the last seconds before `seen`. Raises: RateLimited.
    """
    require_free_stream(caller.account_id.hex, parts.signals)
    async with parts.db.connection() as connection:
        await count_query(connection, caller)
    return _account_changes(caller.account_id, seen, parts)


async def _account_changes(account_id: AccountId, seen: datetime | None, parts: "ApiParts") -> Changes:
    time = asyncio.get_running_loop().time
    ends_at, look = time() + STREAM_S_MAX, _Look(account_id, seen, now=clock.now())
    with parts.signals.watch(account_id.hex) as watch:
        while time() < ends_at and not watch.is_closed:
            async with parts.db.connection() as connection:
                changes = await look.again(connection)
            for change in changes:
                yield change
            if look.has_more:
                continue
            if await watch.wait(within_s=QUEUE_SILENCE_S):
                await asyncio.sleep(ACCOUNT_PAUSE_S)
            else:
                yield None


class _Look:
    """What was told of an account's tasks, and from when on to look for more."""

    def __init__(self, account_id: AccountId, seen: datetime | None, *, now: datetime) -> None:
        self._account_id = account_id
        self._told: dict[TaskId, Task] = {}
        newest = now if seen is None else max(seen, now - REPLAY_MAX)
        self._newest = newest
        self._ended_since = newest - COMMIT_MAX
        self._since = BEGINNING if seen is None else newest - COMMIT_MAX
        self.has_more = False
        """There was more than is read at once."""

    async def again(self, connection: "Connection") -> list[Change]:
        found = await task_lists.read_since(
            connection, self._account_id, since=self._since, ended_since=self._ended_since
        )
        news = [task for task in found if self._told.get(task.id) != task]
        changes = [_change(await record_of(task, connection), self._told.get(task.id)) for task in news]
        self._told = {id: task for id, task in self._told.items() if not task.state.is_terminal}
        self._told |= {task.id: task for task in found}
        self.has_more = len(found) == CHANGES_MAX
        if found:
            self._newest = max(self._newest, found[-1].updated_at)
        self._since = found[-1].updated_at if self.has_more else self._newest - COMMIT_MAX
        self._ended_since = max(self._ended_since, self._since)
        return changes


def _change(record: Record, before: Task | None) -> Change:
    if record.task.state.is_terminal:
        kind = Kind.END
    elif before is None or before.state is not record.task.state:
        kind = Kind.STATE
    else:
        kind = Kind.PROGRESS
    return Change(kind=kind, record=record)

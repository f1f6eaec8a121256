"""Follow what an account is told, live and from where a follower left off: for receivers that have no public address.

Every event that a task asks to be told of, with or without a `callBackUrl`, with the id and the body of its callback.
"""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from photoplay import clock
from photoplay.domain.callbacks import callback_id, signature_headers
from photoplay.domain.tasks import AccountId, CallbackEvent, Task, TaskId
from photoplay.flows.streams import ACCOUNT_PAUSE_S, require_free_stream
from photoplay.store import callback_log, secrets, tasks
from photoplay.store.accounts import Caller

if TYPE_CHECKING:
    from collections.abc import Mapping

    from photoplay.flows.parts import ApiParts
    from photoplay.store.database import Connection

__all__ = ["Following", "Told", "follow"]

# What commits late was timed before what is told already: no transaction of ours takes longer than a statement may.
OVERLAP: Final = timedelta(seconds=30)
PAGE: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a POST would carry now."""

    id: str
    at: datetime
    event: CallbackEvent
    task_id: TaskId
    body: bytes
    headers: "Mapping[str, str]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """A stream of events, and the time after which it misses none."""

    since: datetime
    events: "AsyncGenerator[Told | None]"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Event:
    id: str
    at: datetime
    key: str
    """Its place among events of the same moment."""
    event: CallbackEvent
    task_id: TaskId
    body: bytes
    is_wanted: bool


async def follow(*, after: datetime | None, quiet_s: float, caller: Caller, parts: "ApiParts") -> Following:
    """Follow events as they are committed from now on, with None after `quiet_s` without one.

    `after` is the time of the last event that the follower has, None for a new one; what happened up to OVERLAP
    before it can come again, with its id. Raises: RateLimited if the account has too many streams open already.
    """
    require_free_stream(caller.account_id.hex, parts.signals)
    seen: dict[str, datetime] = {}
    if after is None:
        after, seen = await _begin(caller, parts)
    events = _follow(after, seen, quiet_s=quiet_s, caller=caller, parts=parts)
    return Following(since=after, events=events)


async def _follow(
    after: datetime, seen: dict[str, datetime], *, quiet_s: float, caller: Caller, parts: "ApiParts"
) -> AsyncGenerator[Told | None]:
    with parts.signals.watch(caller.account_id.hex) as watch:
        while not watch.is_closed:
            is_quiet = True
            async for event in _read(after - OVERLAP, caller=caller, parts=parts):
                if event.id in seen:
                    continue
                seen[event.id] = event.at
                after, is_quiet = max(after, event.at), False
                yield await _sign(event, caller, parts)
            horizon = after - 2 * OVERLAP
            seen = {id: at for id, at in seen.items() if at > horizon}
            if not is_quiet:
                continue
            if await watch.wait(within_s=quiet_s):
                await asyncio.sleep(ACCOUNT_PAUSE_S)
            else:
                yield None


async def _begin(caller: Caller, parts: "ApiParts") -> tuple[datetime, dict[str, datetime]]:
    """Return the database's time, and what has been committed by then: none of that is news."""
    async with parts.db.connection() as connection:
        now = await callback_log.read_clock(connection)
    old = [event async for event in _read(now - OVERLAP, caller=caller, parts=parts)]
    return now, {event.id: event.at for event in old if event.at <= now}


async def _read(since: datetime, *, caller: Caller, parts: "ApiParts") -> AsyncGenerator[_Event]:
    """Yield what happened after `since`: the beginnings, then the ends, each in order."""
    for read in (_beginnings, _ends):
        at, key = since, ""
        while True:
            async with parts.db.connection() as connection:
                page = await read(connection, at, key, account_id=caller.account_id, parts=parts)
            for event in page:
                if event.is_wanted:
                    yield event
            if len(page) < PAGE:
                break
            at, key = page[-1].at, page[-1].key


async def _beginnings(
    connection: "Connection",
    at: datetime,
    key: str,
    *,
    account_id: AccountId,
    parts: "ApiParts",  # noqa: ARG001 - the other reader needs them
) -> list[_Event]:
    rows = await callback_log.generating_since(connection, account_id, after=at, after_id=key, count_max=PAGE)
    return [
        _Event(
            id=row.id,
            at=row.at,
            key=row.id,
            event=CallbackEvent.GENERATING,
            task_id=row.task_id,
            body=row.body,
            is_wanted=True,
        )
        for row in rows
    ]


async def _ends(
    connection: "Connection", at: datetime, key: str, *, account_id: AccountId, parts: "ApiParts"
) -> list[_Event]:
    ended = await tasks.ended_since(connection, account_id, after=at, after_id=key, count_max=PAGE)
    promised = await callback_log.bodies(connection, [_id_of(task) for task in ended])
    return [_end(task, promised.get(_id_of(task)) or parts.callback_body(task)) for task in ended]


def _end(task: Task, body: bytes) -> _Event:
    assert task.finished_at is not None, "an ended task has an end"
    event = CallbackEvent.of(task.state)
    return _Event(
        id=_id_of(task),
        at=task.finished_at,
        key=str(task.id),
        event=event,
        task_id=task.id,
        body=body,
        is_wanted=event in task.callback_events,
    )


def _id_of(task: Task) -> str:
    return callback_id(task.id.hex, CallbackEvent.of(task.state))


async def _sign(event: _Event, caller: Caller, parts: "ApiParts") -> Told:
    async with parts.db.connection() as connection:
        signing = await secrets.valid(connection, caller.account_id)
    headers = signature_headers(
        secrets=signing,
        task_id=event.task_id.hex,
        webhook_id=event.id,
        body=event.body,
        now=clock.now(),
        attempt=1,
    )
    return Told(id=event.id, at=event.at, event=event.event, task_id=event.task_id, body=event.body, headers=headers)

"""Answer what a caller may know of a task, and wait for its end where the caller wants that."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from photoplay import clock
from photoplay.domain.errors import InvalidInput, RateLimited
from photoplay.domain.tasks import State, Task, TaskId
from photoplay.domain.waiting import Outlook, estimate
from photoplay.store import accounts, run_times, tasks
from photoplay.store.accounts import Caller

if TYPE_CHECKING:
    from photoplay.flows.parts import ApiParts
    from photoplay.store.database import Connection
    from photoplay.store.signals import Watch

__all__ = ["QUERIES_MAX", "WAIT_MAX", "Record", "count_query", "query", "record_of"]

# Source: contract §3.
QUERIES_MAX: Final = 10
QUERY_WINDOW: Final = timedelta(seconds=1)
# Proxies and clients give up on a silent answer after that.
WAIT_MAX: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    task: Task
    queue_position: int | None = None
    """1 for the next to be claimed, at most 1000; None once claimed."""
    eta: timedelta | None = None
    """Until the end; None where it cannot be known, and after it."""


async def query(task_id: TaskId | None, *, caller: Caller, parts: "ApiParts", wait: timedelta = timedelta()) -> Record:
    """Return the task if it is the caller's: at once if it has ended, else when it ends or `wait` is over.

    Raises: InvalidInput for an unknown task and for another account's alike; RateLimited.
    """
    if task_id is None:
        raise InvalidInput("recordInfo is null", field="taskId")
    with parts.signals.watch(task_id.hex) as watch:
        async with parts.db.connection() as connection:
            await count_query(connection, caller)
            task = await tasks.find(connection, task_id, account_id=caller.account_id)
            if task is None:
                raise InvalidInput("recordInfo is null", field="taskId")
            if task.state.is_terminal or not wait:
                return await record_of(task, connection)
        # No connection is held meanwhile: there are fewer of them than there may be waiters.
        task = await _see_it_end(task, watch, wait=wait, parts=parts)
    async with parts.db.connection() as connection:
        return await record_of(task, connection)


async def count_query(connection: "Connection", caller: Caller) -> None:
    """Raises: RateLimited if this query is one too many."""
    if not await accounts.may_query(connection, caller.key_id, queries_max=QUERIES_MAX):
        raise RateLimited(
            f"this key asked {QUERIES_MAX} times within a second, which is the limit",
            limit=QUERIES_MAX,
            window=QUERY_WINDOW,
            retry_after=QUERY_WINDOW,
        )


async def record_of(task: Task, connection: "Connection") -> Record:
    """Return what is known of a task that was just read, with what lies before it."""
    if task.state.is_terminal:
        return Record(task=task)
    if task.state is State.WAITING:
        outlook = await run_times.look_ahead(connection, task)
    else:
        outlook = Outlook(run=await run_times.read(connection, task))
    eta = estimate(task, outlook, now=clock.now())
    return Record(task=task, queue_position=outlook.queue_position, eta=eta)


async def _see_it_end(task: Task, watch: "Watch", *, wait: timedelta, parts: "ApiParts") -> Task:
    time = asyncio.get_running_loop().time
    give_up_at = time() + wait.total_seconds()
    while not task.state.is_terminal and not watch.is_closed:
        is_changed = await watch.wait(within_s=max(0, give_up_at - time()))
        async with parts.db.connection() as connection:
            task = await tasks.read(connection, task.id)
        if not is_changed:
            break
    return task

"""End a task because its owner does not want it any more: at once if it waits, as soon as it is stopped if it runs."""

import asyncio
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from photoplay.domain.errors import InvalidInput
from photoplay.domain.outcomes import CANCELLED
from photoplay.domain.tasks import Event, State, TaskId
from photoplay.flows.settle import end
from photoplay.store import tasks
from photoplay.store.accounts import Caller

if TYPE_CHECKING:
    from photoplay.flows.parts import ApiParts
    from photoplay.store.signals import Watch

__all__ = ["Cancellation", "cancel"]

# A run that stops when asked is gone in a fraction of a second; one that has to be killed takes longer than this.
STOP_WAIT_S: Final = 2.0


class Cancellation(StrEnum):
    """What asking for the end of a task came to."""

    CANCELLED = "cancelled"
    """It has ended, and the hold is released; its engine, if it ran, has stopped."""
    REQUESTED = "requested"
    """It runs, and is being stopped; then it ends and the hold is released."""
    TOO_LATE = "too_late"
    """It had ended already, or ended by itself meanwhile; asking changed nothing."""


async def cancel(task_id: TaskId | None, *, caller: Caller, parts: "ApiParts") -> Cancellation:
    """Cancel the caller's task, and wait a little for the end of one that runs.

    The row's lock decides a race with its completion.
    Raises: InvalidInput for an unknown task and for another account's alike.
    """
    if task_id is None:
        raise InvalidInput("recordInfo is null", field="taskId")
    with parts.signals.watch(task_id.hex) as watch:
        asked = await _ask(task_id, caller=caller, parts=parts)
        return asked or await _see_it_end(task_id, watch, parts=parts)


async def _ask(task_id: TaskId, *, caller: Caller, parts: "ApiParts") -> Cancellation | None:
    """End the task, or ask its worker to; None while it has not ended."""
    async with parts.db.transaction() as tx:
        task = await tasks.lock_owned(tx, task_id, account_id=caller.account_id)
        if task is None:
            raise InvalidInput("recordInfo is null", field="taskId")
        if task.state.is_terminal:
            return Cancellation.TOO_LATE
        if task.state is State.WAITING:
            await end(tx, task, Event.CANCEL, ending=CANCELLED, parts=parts)
            return Cancellation.CANCELLED
        await tasks.ask_to_cancel(tx, task)
        return None


async def _see_it_end(task_id: TaskId, watch: "Watch", *, parts: "ApiParts") -> Cancellation:
    time = asyncio.get_running_loop().time
    give_up_at = time() + STOP_WAIT_S
    while True:
        is_changed = await watch.wait(within_s=max(0, give_up_at - time()))
        async with parts.db.connection() as connection:
            task = await tasks.read(connection, task_id)
        if task.state.is_terminal:
            return Cancellation.CANCELLED if task.state is State.CANCELLED else Cancellation.TOO_LATE
        if watch.is_closed or not is_changed:
            return Cancellation.REQUESTED

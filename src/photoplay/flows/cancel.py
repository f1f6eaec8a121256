"""End a task because its owner does not want it any more: at once if it waits, as soon as it is stopped if it runs."""

from enum import StrEnum
from typing import TYPE_CHECKING

from photoplay.domain.errors import InvalidInput
from photoplay.domain.outcomes import CANCELLED
from photoplay.domain.tasks import Event, State, TaskId
from photoplay.flows.settle import end
from photoplay.store import tasks
from photoplay.store.accounts import Caller

if TYPE_CHECKING:
    from photoplay.flows.parts import ApiParts

__all__ = ["Cancellation", "cancel"]


class Cancellation(StrEnum):
    """What asking for the end of a task came to."""

    CANCELLED = "cancelled"
    """It waited, and has ended; the hold is released."""
    REQUESTED = "requested"
    """It runs; its engine is being stopped, then it ends and the hold is released."""
    TOO_LATE = "too_late"
    """It had ended already; nothing changed."""


async def cancel(task_id: TaskId | None, *, caller: Caller, parts: "ApiParts") -> Cancellation:
    """Cancel the caller's task. The row's lock decides a race with its completion.

    Raises: InvalidInput for an unknown task and for another account's alike.
    """
    async with parts.db.transaction() as tx:
        task = None if task_id is None else await tasks.lock_owned(tx, task_id, account_id=caller.account_id)
        if task is None:
            raise InvalidInput("recordInfo is null", field="taskId")
        if task.state.is_terminal:
            return Cancellation.TOO_LATE
        if task.state is State.WAITING:
            await end(tx, task, Event.CANCEL, ending=CANCELLED, parts=parts)
            return Cancellation.CANCELLED
        await tasks.ask_to_cancel(tx, task)
        return Cancellation.REQUESTED

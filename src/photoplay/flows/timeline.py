"""Tell what happened to a task, in order, from what is known of it anyway."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from photoplay.domain.errors import InvalidInput
from photoplay.domain.tasks import State, Task, TaskId
from photoplay.flows.query import count_query
from photoplay.store import callback_log, files, tasks

if TYPE_CHECKING:
    from photoplay.flows.parts import ApiParts
    from photoplay.store.accounts import Caller
    from photoplay.store.callback_log import LoggedCallback

__all__ = ["Moment", "order_moments", "read_timeline"]

CALLBACKS_MAX = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    at: datetime
    what: str
    """`accepted`, `generating`, `stored`, an end, `callback` or `delivery`."""
    detail: str = ""


async def read_timeline(task_id: TaskId, *, caller: "Caller", parts: "ApiParts") -> list[Moment]:
    """Raises: InvalidInput for an unknown task and for another account's alike; RateLimited."""
    async with parts.db.connection() as connection:
        await count_query(connection, caller)
        task = await tasks.find(connection, task_id, account_id=caller.account_id)
        if task is None:
            raise InvalidInput("recordInfo is null", field="taskId")
        stored = [found for path in task.results if (found := await files.find_ready(connection, path)) is not None]
        callbacks = await callback_log.read(
            connection, caller.account_id, task_id=task_id, states=None, count_max=CALLBACKS_MAX
        )
    return order_moments(task, [file.created_at for file in stored], callbacks)


def order_moments(task: Task, stored: list[datetime], callbacks: "list[LoggedCallback]") -> list[Moment]:
    """Return the moments of a task, the earliest first."""
    moments = [Moment(at=task.created_at, what="accepted", detail=f"{task.price_credits} credits held")]
    if task.generating_at is not None:
        detail = f"attempt {task.attempt} of {task.attempts_max}, {task.engine}"
        moments.append(Moment(at=task.generating_at, what="generating", detail=detail))
    moments += [Moment(at=at, what="stored") for at in stored]
    if task.finished_at is not None:
        moments.append(Moment(at=task.finished_at, what=task.state.value, detail=_end(task)))
    for callback in callbacks:
        moments.append(Moment(at=callback.created_at, what="callback", detail=callback.event))
        for attempt in callback.attempts:
            outcome = attempt.error or (f"answered {attempt.status}" if attempt.status else "under way")
            moments.append(
                Moment(at=attempt.started_at, what="delivery", detail=f"attempt {attempt.number}: {outcome}")
            )
    return sorted(moments, key=lambda moment: moment.at)


def _end(task: Task) -> str:
    if task.state is State.SUCCEEDED:
        return f"{task.charged_credits} credits charged"
    return "" if task.failure is None else f"{task.failure.message}; the hold was released"

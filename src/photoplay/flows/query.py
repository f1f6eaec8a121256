"""Answer what a caller may know of a task."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from photoplay.domain.errors import InvalidInput, RateLimited
from photoplay.domain.tasks import State, Task, TaskId
from photoplay.store import accounts, tasks
from photoplay.store.accounts import Caller

if TYPE_CHECKING:
    from photoplay.flows.parts import ApiParts

__all__ = ["Record", "query"]

# Source: contract §3.
QUERIES_MAX: Final = 10
QUERY_WINDOW: Final = timedelta(seconds=1)
# Counting further costs more than the number is worth to anybody.
QUEUE_POSITION_MAX: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    task: Task
    queue_position: int | None
    """1 for the next to be claimed, at most 1000; None once claimed."""


async def query(task_id: TaskId | None, *, caller: Caller, parts: "ApiParts") -> Record:
    """Return the task if it is the caller's.

    Raises: InvalidInput for an unknown task and for another account's alike; RateLimited.
    """
    async with parts.db.connection() as connection:
        if not await accounts.may_query(connection, caller.key_id, queries_max=QUERIES_MAX):
            raise RateLimited(
                f"this key asked {QUERIES_MAX} times within a second, which is the limit",
                limit=QUERIES_MAX,
                window=QUERY_WINDOW,
                retry_after=QUERY_WINDOW,
            )
        task = None if task_id is None else await tasks.find(connection, task_id, account_id=caller.account_id)
        if task is None:
            raise InvalidInput("recordInfo is null", field="taskId")
        position = None
        if task.state is State.WAITING:
            position = 1 + await tasks.count_ahead(connection, task, count_max=QUEUE_POSITION_MAX - 1)
        return Record(task=task, queue_position=position)

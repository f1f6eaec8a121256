"""Rows of tasks. Every write that ends or extends an attempt is fenced by its claim."""

from dataclasses import fields
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast
from uuid import UUID

from photoplay.domain.errors import StaleClaim
from photoplay.domain.json import JsonObject
from photoplay.domain.outcomes import Produced
from photoplay.domain.tasks import AccountId, Claim, Event, Failure, NewTask, State, Task, TaskId, advance
from photoplay.store.database import Row, fetch, fetch_row, fetch_value

if TYPE_CHECKING:
    from photoplay.store.database import Connection

__all__ = [
    "ask_to_cancel",
    "claim",
    "count_ahead",
    "count_recent",
    "count_unfinished",
    "find",
    "finish",
    "insert",
    "keep",
    "lock_claimed",
    "lock_lost",
    "lock_owned",
    "put_back",
    "read",
    "start",
    "waiting_without_job",
]


async def insert(connection: "Connection", task: NewTask) -> None:
    values = {field.name: getattr(task, field.name) for field in fields(task)}
    await fetch(connection, "tasks_insert", **values)


async def find(connection: "Connection", task_id: TaskId, *, account_id: AccountId) -> Task | None:
    """Return the task if it is this account's."""
    row = await fetch_row(connection, "tasks_find", id=task_id, account_id=account_id)
    return None if row is None else _task(row)


async def read(connection: "Connection", task_id: TaskId) -> Task:
    row = await fetch_row(connection, "tasks_read", id=task_id)
    assert row is not None, "tasks outlive their jobs"
    return _task(row)


async def count_recent(connection: "Connection", account_id: AccountId, *, window: timedelta) -> tuple[int, timedelta]:
    """Return how many tasks the account created within the window, and when the oldest of them leaves it."""
    row = await fetch_row(connection, "tasks_count_recent", account_id=account_id, window=window)
    assert row is not None
    return int(row["created"]), cast("timedelta", row["free_in"])


async def count_unfinished(connection: "Connection", account_id: AccountId) -> int:
    return cast("int", await fetch_value(connection, "tasks_count_unfinished", account_id=account_id))


async def count_ahead(connection: "Connection", task: Task, *, count_max: int) -> int:
    """Return how many waiting tasks go before this one, counting no further than `count_max`."""
    return cast(
        "int", await fetch_value(connection, "tasks_count_ahead", created_at=task.created_at, count_max=count_max)
    )


async def claim(connection: "Connection", task_id: TaskId, *, token: UUID, lease: timedelta) -> Claim | None:
    """Take a waiting task, or return None if it is not there to be taken any more."""
    row = await fetch_row(
        connection, "tasks_claim", id=task_id, token=token, lease=lease, state=advance(State.WAITING, Event.CLAIM).value
    )
    return None if row is None else Claim(task_id=task_id, token=token, attempt=int(row["attempt"]))


async def start(connection: "Connection", claim: Claim) -> None:
    """Enter `generating`. Raises: StaleClaim."""
    state = advance(State.CLAIMED, Event.START)
    _fenced(await fetch_row(connection, "tasks_start", id=claim.task_id, claim=claim.token, state=state.value))


async def keep(connection: "Connection", claim: Claim, *, lease: timedelta, progress: int) -> bool:
    """Extend the lease, record progress, and say whether the owner asked to cancel. Raises: StaleClaim."""
    row = await fetch_row(connection, "tasks_keep", id=claim.task_id, claim=claim.token, lease=lease, progress=progress)
    return bool(_fenced(row)["cancel_asked"])


async def lock_owned(connection: "Connection", task_id: TaskId, *, account_id: AccountId) -> Task | None:
    """Return the task, locked until the transaction ends, if it is this account's."""
    row = await fetch_row(connection, "tasks_lock_owned", id=task_id, account_id=account_id)
    return None if row is None else _task(row)


async def ask_to_cancel(connection: "Connection", task: Task) -> None:
    """Tell the worker of a locked, running task to stop it; the next heartbeat reads it."""
    await fetch(connection, "tasks_ask_to_cancel", id=task.id)


async def lock_claimed(connection: "Connection", claim: Claim) -> Task:
    """Return the task, locked until the transaction ends, if this claim still owns it. Raises: StaleClaim."""
    return _task(_fenced(await fetch_row(connection, "tasks_lock_claimed", id=claim.task_id, claim=claim.token)))


async def lock_lost(connection: "Connection") -> Task | None:
    """Return one task whose lease ran out, locked until the transaction ends."""
    row = await fetch_row(connection, "tasks_lock_lost")
    return None if row is None else _task(row)


async def put_back(connection: "Connection", task: Task, *, uncounted: bool = False) -> None:
    """Let a locked, running task wait for another attempt; an uncounted one gets one more."""
    state = advance(task.state, Event.RETRY).value
    await fetch(connection, "tasks_put_back", id=task.id, state=state, more=int(uncounted))


async def finish(
    connection: "Connection", task: Task, event: Event, *, ending: Produced | Failure, balance_credits: int
) -> Task:
    """End a locked task and return it as it is now."""
    produced = ending if isinstance(ending, Produced) else None
    failure = ending if isinstance(ending, Failure) else None
    row = await fetch_row(
        connection,
        "tasks_finish",
        id=task.id,
        state=advance(task.state, event).value,
        charged_credits=task.price_credits if produced else 0,
        balance_credits=balance_credits,
        engine=produced.engine if produced else None,
        results=[produced.result] if produced else [],
        fail_code=failure.code if failure else None,
        fail_message=failure.message if failure else None,
    )
    assert row is not None, "a locked task stays"
    return _task(row)


async def waiting_without_job(connection: "Connection", *, older_than: timedelta) -> list[tuple[TaskId, int]]:
    """Return waiting tasks that no queue entry will wake, with their attempts so far."""
    rows = await fetch(connection, "tasks_waiting_without_job", older_than=older_than)
    return [(TaskId(cast("UUID", row["id"])), int(row["attempt"])) for row in rows]


def _fenced(row: Row | None) -> Row:
    if row is None:
        raise StaleClaim
    return row


def _task(row: Row) -> Task:
    code = cast("str | None", row["fail_code"])
    return Task(
        id=TaskId(cast("UUID", row["id"])),
        account_id=AccountId(cast("UUID", row["account_id"])),
        model=str(row["model"]),
        request=str(row["request"]),
        input=cast("JsonObject", row["input"]),
        callback_url=cast("str | None", row["callback_url"]),
        state=State(row["state"]),
        attempt=int(row["attempt"]),
        attempts_max=int(row["attempts_max"]),
        progress=int(row["progress"]),
        price_credits=int(row["price_credits"]),
        charged_credits=int(row["charged_credits"]),
        balance_credits=int(row["balance_credits"]),
        seed=int(row["seed"]),
        engine=cast("str | None", row["engine"]),
        results=tuple(cast("list[str]", row["results"])),
        failure=None if code is None else Failure(code=code, message=str(row["fail_message"])),
        created_at=cast("datetime", row["created_at"]),
        updated_at=cast("datetime", row["updated_at"]),
        generating_at=cast("datetime | None", row["generating_at"]),
        finished_at=cast("datetime | None", row["finished_at"]),
    )

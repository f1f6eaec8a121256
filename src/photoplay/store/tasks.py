"""Rows of tasks. Every write that ends or extends an attempt is fenced by its claim."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from photoplay.domain.errors import StaleClaim
from photoplay.domain.json import JsonObject
from photoplay.domain.outcomes import Produced
from photoplay.domain.tasks import (
    AccountId,
    CallbackEvent,
    Claim,
    Event,
    Failure,
    KeyId,
    NewTask,
    Priority,
    Stage,
    State,
    Submission,
    Task,
    TaskId,
    advance,
)
from photoplay.store.database import Row, execute_all, fetch, fetch_row, fetch_value
from photoplay.store.jobs import WakeUp
from photoplay.store.signals import send

if TYPE_CHECKING:
    from photoplay.store.database import Connection

__all__ = [
    "ask_to_cancel",
    "cancel_subject",
    "claim_next",
    "count_recent",
    "count_waiting",
    "ended_since",
    "fenced",
    "find",
    "finish",
    "from_row",
    "insert_all",
    "keep",
    "lock_claimed",
    "lock_lost",
    "lock_overdue",
    "lock_owned",
    "move_on",
    "put_back",
    "read",
    "start",
    "without_wake_up",
]


async def insert_all(connection: "Connection", new: Iterable[NewTask]) -> None:
    names = [field.name for field in fields(NewTask)]
    await execute_all(connection, "tasks_insert", [{name: getattr(task, name) for name in names} for task in new])


async def find(connection: "Connection", task_id: TaskId, *, account_id: AccountId) -> Task | None:
    """Return the task if it is this account's."""
    row = await fetch_row(connection, "tasks_find", id=task_id, account_id=account_id)
    return None if row is None else from_row(row)


async def read(connection: "Connection", task_id: TaskId) -> Task:
    row = await fetch_row(connection, "tasks_read", id=task_id)
    assert row is not None, "tasks outlive their jobs"
    return from_row(row)


async def count_recent(
    connection: "Connection", account_ids: Collection[AccountId], *, window: timedelta
) -> dict[AccountId, tuple[int, timedelta]]:
    """Return how many tasks each account created within the window, and when the oldest of them leaves it.

    An account that created none is left out.
    """
    rows = await fetch(connection, "tasks_count_recent", account_ids=account_ids, window=window)
    return {
        AccountId(cast("UUID", row["account_id"])): (int(row["created"]), cast("timedelta", row["free_in"]))
        for row in rows
    }


async def count_waiting(connection: "Connection", *, count_max: int) -> int:
    """Return how many tasks wait in all, counting no further than `count_max`."""
    return cast("int", await fetch_value(connection, "tasks_count_waiting", count_max=count_max))


async def claim_next(
    connection: "Connection", engine: str, *, token: UUID, lease: timedelta, has_room: bool = True
) -> tuple[Claim, Task] | None:
    """Take the waiting task of this engine that goes first, or return None if none waits.

    Without room, only one that its server is at work for already.
    """
    state = advance(State.WAITING, Event.CLAIM).value
    while (task_id := await fetch_value(connection, "tasks_next", engine=engine, has_room=has_room)) is not None:
        row = await fetch_row(connection, "tasks_claim", id=task_id, token=token, lease=lease, state=state)
        if row is not None:
            task = from_row(row)
            return Claim(task_id=task.id, token=token, attempt=task.attempt), task
        # Another worker was faster; there may be a next one.
    return None


async def start(connection: "Connection", claim: Claim) -> Task:
    """Enter `generating` and return the task as it is now. Raises: StaleClaim."""
    state = advance(State.CLAIMED, Event.START)
    row = await fetch_row(connection, "tasks_start", id=claim.task_id, claim=claim.token, state=state.value)
    return from_row(fenced(row))


async def keep(connection: "Connection", claim: Claim, *, lease: timedelta, progress: int, stage: Stage | None) -> bool:
    """Extend the lease, record progress, and say whether the owner asked to cancel. Raises: StaleClaim."""
    row = await fetch_row(
        connection, "tasks_keep", id=claim.task_id, claim=claim.token, lease=lease, progress=progress, stage=stage
    )
    return bool(fenced(row)["cancel_asked"])


async def lock_owned(connection: "Connection", task_id: TaskId, *, account_id: AccountId) -> Task | None:
    """Return the task, locked until the transaction ends, if it is this account's."""
    row = await fetch_row(connection, "tasks_lock_owned", id=task_id, account_id=account_id)
    return None if row is None else from_row(row)


def cancel_subject(task_id: TaskId) -> str:
    """Return what is signalled when the owner of a running task wants it to end."""
    return f"cancel-{task_id.hex}"


async def ask_to_cancel(connection: "Connection", task: Task) -> None:
    """Tell the worker of a locked, running task to stop it, as soon as the transaction commits."""
    await fetch(connection, "tasks_ask_to_cancel", id=task.id)
    await send(connection, cancel_subject(task.id))


async def lock_claimed(connection: "Connection", claim: Claim) -> Task:
    """Return the task, locked until the transaction ends, if this claim still owns it. Raises: StaleClaim."""
    return from_row(fenced(await fetch_row(connection, "tasks_lock_claimed", id=claim.task_id, claim=claim.token)))


async def lock_lost(connection: "Connection") -> Task | None:
    """Return one task whose lease ran out, locked until the transaction ends."""
    row = await fetch_row(connection, "tasks_lock_lost")
    return None if row is None else from_row(row)


async def lock_overdue(connection: "Connection", *, waiting: timedelta) -> Task | None:
    """Return one task that has been there for longer than this and waits, locked until the transaction ends."""
    row = await fetch_row(connection, "tasks_lock_overdue", waiting=waiting)
    return None if row is None else from_row(row)


async def put_back(
    connection: "Connection", task: Task, *, engine: str, delay: timedelta = timedelta(), uncounted: bool = False
) -> None:
    """Let a locked, running task wait for another attempt, by this engine; an uncounted one gets one more."""
    state = advance(task.state, Event.RETRY).value
    await fetch(connection, "tasks_put_back", id=task.id, state=state, engine=engine, more=int(uncounted), delay=delay)


async def move_on(connection: "Connection", engine: str, moves: Mapping[str, str]) -> tuple[TaskId, str] | None:
    """Send the first task that waits for this engine on to the one that its model names; return both, or None."""
    row = await fetch_row(
        connection, "tasks_move_on", engine=engine, models=list(moves), next_engines=list(moves.values())
    )
    return None if row is None else (TaskId(cast("UUID", row["id"])), str(row["engine"]))


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
        results=[produced.result] if produced else [],
        artifacts={kind: kept.path for kind, kept in produced.artifacts.items()} if produced else {},
        facts=produced.facts if produced else {},
        seed=produced.seed if produced else None,
        fail_code=failure.code if failure else None,
        fail_message=failure.message if failure else None,
    )
    assert row is not None, "a locked task stays"
    return from_row(row)


async def without_wake_up(connection: "Connection", *, older_than: timedelta) -> list[WakeUp]:
    """Return wake-ups for waiting tasks whose engine's queue is empty: theirs were lost."""
    rows = await fetch(connection, "tasks_without_wake_up", older_than=older_than)
    return [
        WakeUp(task_id=TaskId(cast("UUID", row["id"])), engine=str(row["engine"]), attempt=int(row["attempt"]))
        for row in rows
    ]


async def ended_since(
    connection: "Connection", account_id: AccountId, *, after: datetime, after_id: str, count_max: int
) -> list[Task]:
    """Return the account's tasks that ended after this moment, in order; `after_id` tells those of one moment apart."""
    values = {"after": after, "after_id": after_id, "count_max": count_max}
    return [from_row(row) for row in await fetch(connection, "tasks_ended_since", account_id=account_id, **values)]


def fenced(row: Row | None) -> Row:
    """Return the row that a fenced write found. Raises: StaleClaim if it found none."""
    if row is None:
        raise StaleClaim
    return row


def from_row(row: Row) -> Task:
    code = cast("str | None", row["fail_code"])
    submission = cast("Mapping[str, Any] | None", row["submission"])
    return Task(
        id=TaskId(cast("UUID", row["id"])),
        account_id=AccountId(cast("UUID", row["account_id"])),
        key_id=KeyId(cast("UUID", row["key_id"])),
        model=str(row["model"]),
        engine=str(row["engine"]),
        priority=Priority(row["priority"]),
        reference=cast("str | None", row["reference"]),
        request=str(row["request"]),
        input=cast("JsonObject", row["input"]),
        size=str(row["size"]),
        callback_url=cast("str | None", row["callback_url"]),
        callback_events=frozenset(CallbackEvent(event) for event in cast("list[str]", row["callback_events"])),
        state=State(row["state"]),
        attempt=int(row["attempt"]),
        attempts_max=int(row["attempts_max"]),
        progress=int(row["progress"]),
        reported_stage=None if row["stage"] is None else Stage(row["stage"]),
        submission=None if submission is None else Submission(**submission),
        cancel_asked=bool(row["cancel_asked"]),
        price_credits=int(row["price_credits"]),
        charged_credits=int(row["charged_credits"]),
        balance_credits=int(row["balance_credits"]),
        seed=int(row["seed"]),
        results=tuple(cast("list[str]", row["results"])),
        artifacts=cast("dict[str, str]", row["artifacts"]),
        facts=cast("JsonObject", row["facts"]),
        script=cast("JsonObject", row["script"]),
        failure=None if code is None else Failure(code=code, message=str(row["fail_message"])),
        created_at=cast("datetime", row["created_at"]),
        updated_at=cast("datetime", row["updated_at"]),
        generating_at=cast("datetime | None", row["generating_at"]),
        finished_at=cast("datetime | None", row["finished_at"]),
    )

"""Callbacks as a queue: promised in the transaction of what they tell, claimed when due, concluded after each delivery.

Whoever makes a callback due holds its receiver's row, so `receivers.next_at` is never later than the truth. Giving up
what is overdue does not: that leaves it too early at worst, which costs a look.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, cast
from uuid import UUID

from photoplay.domain.callbacks import FAILURES_MAX, Health, Secret, callback_id
from photoplay.domain.tasks import AccountId, CallbackEvent, TaskId
from photoplay.store import signals
from photoplay.store.database import Row, fetch, fetch_value

if TYPE_CHECKING:
    from photoplay.domain.tasks import Task
    from photoplay.store.database import Connection

__all__ = [
    "DUE",
    "Callback",
    "Delivery",
    "Standing",
    "claim",
    "conclude",
    "exhaust_overdue",
    "insert",
    "judge_receiver",
    "lock_receiver",
    "next_due",
]

# What workers that deliver watch.
DUE: Final = "callbacks"
# Source: the contract of delivery: a receiver gets so many at once of one account, a dead one gets one.
RECEIVER_AT_ONCE_MAX: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """One promise to tell, claimed for one delivery."""

    id: str
    task_id: TaskId
    account_id: AccountId
    url: str
    host: str
    body: bytes
    """The same bytes on every attempt."""
    attempt: int
    """1 for the first delivery."""
    times: int
    """How often the receiver still has to take it."""
    step: int
    """The attempt's place in the schedule, from 1: sending again by hand begins a new one."""
    secrets: Sequence[Secret]
    """Valid now, the newest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What one attempt brought."""

    duration: timedelta
    status: int | None
    """None when no answer came; then `error` says why."""
    error: str | None
    answer_head: bytes
    answer_bytes: int
    """How much of the answer was read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a callback stands after a delivery."""

    state: str
    times: int
    """How often the receiver still has to take it."""
    delay: timedelta = timedelta()
    """Until its next attempt, while it is pending."""


async def insert(
    connection: "Connection",
    task: "Task",
    *,
    event: CallbackEvent,
    host: str,
    body: bytes,
    times: int = 1,
    delay: timedelta,
) -> None:
    """Promise to tell so many times, no sooner than `delay` from now.

    An event of a task that is promised already stays as it is.
    """
    await fetch(
        connection,
        "callbacks_insert",
        id=callback_id(task.id.hex, event),
        task_id=task.id,
        account_id=task.account_id,
        event=event,
        url=task.callback_url,
        host=host,
        body=body,
        times=times,
        delay=delay,
    )
    await fetch(connection, "receivers_expect", account_id=task.account_id, host=host, delay=delay)
    await signals.send(connection, DUE)


async def claim(connection: "Connection", *, room: int, share: int, lease: timedelta) -> list[Callback]:
    """Take up to `room` callbacks that are due, so that no account has more than `share` under way. In a transaction.

    A receiver that is at its limit, or pauses, is passed over; that costs its callbacks no attempt.
    """
    limits = {"failures_max": FAILURES_MAX, "at_once_max": RECEIVER_AT_ONCE_MAX, "room": room, "share": share}
    ready = await fetch(connection, "receivers_take_ready", **limits)
    if not ready:
        return []
    held = {"account_ids": [row["account_id"] for row in ready], "hosts": [row["host"] for row in ready]}
    # Statements of their own: each sees what was committed before the receivers were held.
    claimed = await fetch(connection, "callbacks_claim_due", **limits, **held, lease=lease)
    await fetch(connection, "receivers_reschedule", **held)
    return [_callback(row) for row in claimed]


async def next_due(connection: "Connection") -> timedelta | None:
    """Return how long it is until another callback can be claimed, as far as the clock alone decides."""
    return cast("timedelta | None", await fetch_value(connection, "receivers_next_due"))


async def lock_receiver(connection: "Connection", callback: Callback) -> int:
    """Hold the receiver's row, and return how many deliveries in a row brought no answer."""
    values = {"account_id": callback.account_id, "host": callback.host}
    return cast("int", await fetch_value(connection, "receivers_lock", **values))


async def conclude(connection: "Connection", callback: Callback, delivery: Delivery, *, standing: Standing) -> None:
    """Log a delivery, and write where its callback stands; the receiver's row is held. Twice is harmless.

    A delivery that was given up for lost meanwhile is logged, and changes nothing else.
    """
    attempt = {"id": callback.id, "attempt": callback.attempt}
    next_at = await fetch_value(connection, "callbacks_conclude", **attempt, **asdict(standing))
    await fetch(
        connection,
        "deliveries_end",
        callback_id=callback.id,
        attempt=callback.attempt,
        duration_ms=round(delivery.duration / timedelta(milliseconds=1)),
        status=delivery.status,
        error=delivery.error,
        answer_head=delivery.answer_head,
        answer_bytes=delivery.answer_bytes,
        next_at=cast("datetime | None", next_at),
    )
    await fetch(connection, "receivers_reschedule", account_ids=[callback.account_id], hosts=[callback.host])


async def judge_receiver(connection: "Connection", callback: Callback, health: Health) -> None:
    """Write what is held against the callback's receiver, whose row is held."""
    await fetch(
        connection,
        "receivers_judge",
        account_id=callback.account_id,
        host=callback.host,
        failures=health.failures,
        pause=health.pause,
    )


async def exhaust_overdue(connection: "Connection", *, longest: timedelta) -> list[str]:
    """Give up callbacks that have waited longer than any schedule takes, where nobody answers; return their ids."""
    found = await fetch(connection, "callbacks_exhaust_overdue", longest=longest, failures_max=FAILURES_MAX)
    return [str(row["id"]) for row in found]


def _callback(row: Row) -> Callback:
    secrets = [row["callback_secret"], row["earlier_secret"]]
    return Callback(
        id=str(row["id"]),
        task_id=TaskId(cast("UUID", row["task_id"])),
        account_id=AccountId(cast("UUID", row["account_id"])),
        url=str(row["url"]),
        host=str(row["host"]),
        body=bytes(row["body"]),
        attempt=int(row["attempt"]),
        times=int(row["times"]),
        step=int(row["attempt"]) - int(row["schedule_after"]),
        secrets=[Secret(str(secret)) for secret in secrets if secret is not None],
    )

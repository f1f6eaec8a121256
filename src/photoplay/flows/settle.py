"""Turn one attempt's result into state, credits and a callback, in one transaction fenced by the claim."""

from datetime import timedelta
from typing import TYPE_CHECKING, assert_never

import structlog

from photoplay import clock
from photoplay.domain import credits
from photoplay.domain.errors import AppError
from photoplay.domain.outcomes import CANCELLED, Fail, Produced, Retry, Stop, Stopped, Succeed, decide
from photoplay.domain.tasks import Claim, Event, Failure, Task
from photoplay.store import callbacks, files, jobs, ledger, tasks

if TYPE_CHECKING:
    from photoplay.flows.parts import Parts, WorkerParts
    from photoplay.store.database import Connection

__all__ = ["end", "hand_back", "settle"]

log = structlog.get_logger()


async def settle(claim: Claim, result: Produced | Stopped | AppError, *, parts: "WorkerParts") -> None:
    """End the attempt: the task succeeds, fails, or waits for another attempt.

    Raises: StaleClaim if the lease has moved on; nothing was written. StoreUnavailable: call again.
    """
    async with parts.db.transaction() as tx:
        task = await tasks.lock_claimed(tx, claim)
        outcome = decide(result, attempt=task.attempt, attempts_max=task.attempts_max)
        match outcome:
            case Succeed(produced=produced):
                await end(tx, task, Event.SUCCEED, ending=produced, parts=parts)
            case Fail(failure=failure):
                await end(tx, task, Event.FAIL, ending=failure, parts=parts)
            case Stop():
                await end(tx, task, Event.CANCEL, ending=CANCELLED, parts=parts)
            case Retry(delay=delay):
                await tasks.put_back(tx, task)
                await jobs.enqueue_generation(tx, task.id, attempt=task.attempt, delay=delay)
            case _:
                assert_never(outcome)
    log.info("task.settled", task_id=task.id.hex, attempt=task.attempt, outcome=type(outcome).__name__.lower())


async def end(tx: "Connection", task: Task, event: Event, *, ending: Produced | Failure, parts: "Parts") -> Task:
    """Write the end of a locked task: credits, state, files and callback."""
    resolve = credits.post if isinstance(ending, Produced) else credits.release
    movement = resolve(task.account_id, task.id, task.price_credits)
    balance = await ledger.move(tx, movement, movement_id=clock.new_uuid())
    ended = await tasks.finish(tx, task, event, ending=ending, balance_credits=balance)
    if isinstance(ending, Produced):
        await files.keep(tx, ending.result, size_bytes=ending.size_bytes, lifetime=_lifetime(task, parts))
    await files.expire_unfinished(tx, task.id)
    if ended.callback_url is not None:
        callback_id = f"msg_{clock.new_uuid().hex}"
        delay = parts.callback_schedule[0]
        await callbacks.insert(tx, ended, id=callback_id, body=parts.callback_body(ended), delay=delay)
        await jobs.enqueue_delivery(tx, callback_id, attempt=0, delay=delay)
    return ended


def _lifetime(task: Task, parts: "Parts") -> timedelta:
    """How long a result is kept: as the card says, or less where the operator does."""
    card = parts.cards.get(task.model)
    return parts.results_lifetime if card is None else min(timedelta(days=card.retention_days), parts.results_lifetime)


async def hand_back(claim: Claim, *, parts: "WorkerParts") -> None:
    """Give an unfinished attempt back, because this worker is stopping. It does not count as an attempt.

    Raises: StaleClaim if the lease has moved on; nothing was written. StoreUnavailable.
    """
    async with parts.db.transaction() as tx:
        task = await tasks.lock_claimed(tx, claim)
        await tasks.put_back(tx, task, uncounted=True)
        await jobs.enqueue_generation(tx, task.id, attempt=task.attempt, delay=timedelta())
    log.info("task.handed_back", task_id=task.id.hex, attempt=task.attempt)

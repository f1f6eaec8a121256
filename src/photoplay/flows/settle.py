"""Turn one attempt's result into state, credits and a callback, in one transaction fenced by the claim."""

from datetime import timedelta
from typing import TYPE_CHECKING, assert_never

import structlog

from photoplay import clock
from photoplay.domain import credits
from photoplay.domain.credits import Payer
from photoplay.domain.errors import AppError
from photoplay.domain.outcomes import CANCELLED, Fail, Produced, Retry, Stop, Stopped, Succeed, decide
from photoplay.domain.routes import engine_after
from photoplay.domain.script import telling
from photoplay.domain.tasks import CallbackEvent, Claim, Event, Failure, Task
from photoplay.egress import place_of
from photoplay.store import callbacks, files, jobs, ledger, run_times, tasks
from photoplay.store.jobs import WakeUp

if TYPE_CHECKING:
    from photoplay.flows.parts import Parts, WorkerParts
    from photoplay.store.database import Connection

__all__ = ["end", "hand_back", "put_back", "settle", "start"]

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
                engine = _engine_after(result, task, parts)
                # Another engine need not be waited for.
                await put_back(
                    tx, task, engine=engine, delay=delay if engine == task.engine else timedelta(), parts=parts
                )
            case _:
                assert_never(outcome)
    log.info("task.settled", task_id=task.id.hex, attempt=task.attempt, outcome=type(outcome).__name__.lower())


def _engine_after(result: Produced | Stopped | AppError, task: Task, parts: "Parts") -> str:
    assert isinstance(result, AppError), "only what failed is tried again"
    engine = engine_after(result, task, cards=parts.cards, configured=parts.engine_names)
    if engine != task.engine:
        log.warning("task.moved_on", task_id=task.id.hex, engine=task.engine, to=engine)
    return engine


async def end(tx: "Connection", task: Task, event: Event, *, ending: Produced | Failure, parts: "Parts") -> Task:
    """Write the end of a locked task: credits, state, files and callback."""
    payer = Payer(account_id=task.account_id, key_id=task.key_id, task_id=task.id, model=task.model)
    resolve = credits.post if isinstance(ending, Produced) else credits.release
    movement = resolve(payer, task.price_credits)
    balance = await ledger.move(tx, movement, movement_id=clock.new_uuid())
    if not isinstance(ending, Produced):
        await ledger.give_back_room(tx, movement, held_at=task.created_at)
    ended = await tasks.finish(tx, task, event, ending=ending, balance_credits=balance)
    if isinstance(ending, Produced):
        lifetime = _lifetime(task, parts)
        await files.keep(tx, ending.result, size_bytes=ending.size_bytes, lifetime=lifetime)
        for kept in ending.artifacts.values():
            await files.keep(tx, kept.path, size_bytes=kept.size_bytes, lifetime=lifetime)
    await files.expire_unfinished(tx, task.id)
    await _promise(tx, ended, parts=parts)
    if isinstance(ending, Produced):
        await run_times.learn(tx, ended)
    return ended


async def start(claim: Claim, *, parts: "WorkerParts") -> None:
    """Let the engine begin: the task generates, and whoever wants to know is told. Raises: StaleClaim."""
    async with parts.db.transaction() as tx:
        await _promise(tx, await tasks.start(tx, claim), parts=parts)


async def _promise(tx: "Connection", task: Task, *, parts: "Parts") -> None:
    """Promise to tell of the state that the task has now, if its caller wants to be told of it."""
    event = CallbackEvent.of(task.state)
    if task.callback_url is None or event not in task.callback_events:
        return
    scripted = telling(task.script)
    await callbacks.insert(
        tx,
        task,
        event=event,
        host=place_of(task.callback_url),
        body=parts.callback_body(task),
        times=scripted.times,
        delay=parts.callback_schedule[0] + scripted.delay,
    )


def _lifetime(task: Task, parts: "Parts") -> timedelta:
    """How long a result is kept: as the card says, or less where the operator does."""
    card = parts.cards.get(task.model)
    return parts.results_lifetime if card is None else min(timedelta(days=card.retention_days), parts.results_lifetime)


async def put_back(
    tx: "Connection",
    task: Task,
    *,
    engine: str | None = None,
    delay: timedelta = timedelta(),
    uncounted: bool = False,
    parts: "Parts",
) -> None:
    """Let a locked, running task wait for another attempt, by the same engine or another, and queue its wake-up.

    One that its owner wants to end gets none: it ends here.
    """
    if task.cancel_asked:
        await end(tx, task, Event.CANCEL, ending=CANCELLED, parts=parts)
        return
    engine = engine or task.engine
    await tasks.put_back(tx, task, engine=engine, delay=delay, uncounted=uncounted)
    await jobs.enqueue_generation(tx, WakeUp(task_id=task.id, engine=engine, attempt=task.attempt, delay=delay))


async def hand_back(claim: Claim, *, parts: "WorkerParts") -> None:
    """Give an unfinished attempt back, because this worker is stopping. It does not count as an attempt.

    Raises: StaleClaim if the lease has moved on; nothing was written. StoreUnavailable.
    """
    async with parts.db.transaction() as tx:
        task = await tasks.lock_claimed(tx, claim)
        await put_back(tx, task, uncounted=True, parts=parts)
    log.info("task.handed_back", task_id=task.id.hex, attempt=task.attempt)

"""Deliver a callback: one signed POST, its attempt logged, the next one scheduled."""

import random
from datetime import timedelta
from typing import TYPE_CHECKING, Final, assert_never

import structlog

from photoplay import clock
from photoplay.domain.callbacks import (
    Delivered,
    Exhausted,
    Gone,
    Verdict,
    WaitUntil,
    judge,
    read_retry_after,
    signature_headers,
)
from photoplay.domain.errors import DeliveryError
from photoplay.store import callbacks, jobs
from photoplay.store.callbacks import Callback, Delivery

if TYPE_CHECKING:
    from photoplay.flows.parts import WorkerParts

__all__ = ["deliver"]

log = structlog.get_logger()

# Longer than the longest POST, so that a second worker does not send while the first still waits for its answer.
LEASE: Final = timedelta(seconds=30)


async def deliver(callback_id: str, *, parts: "WorkerParts") -> None:
    """Make one delivery, if the callback is due and nobody else is at it.

    A crash between the POST and the log leads to another POST: at least once, never silently none.
    """
    async with parts.db.connection() as connection:
        callback = await callbacks.claim(connection, callback_id, lease=LEASE)
    if callback is None:
        return
    delivery, retry_after = await _post(callback, parts)
    verdict = judge(
        delivery.status,
        attempt=callback.attempt,
        schedule=parts.callback_schedule,
        retry_after=retry_after,
        jitter=random.random(),  # noqa: S311 - spreads retries, guards nothing
    )
    await _record(callback, delivery, verdict, parts)
    log.info(
        "callback.attempted",
        task_id=callback.task_id.hex,
        attempt=callback.attempt,
        status=delivery.status,
        error=delivery.error,
        verdict=type(verdict).__name__.lower(),
    )


async def _post(callback: Callback, parts: "WorkerParts") -> tuple[Delivery, timedelta | None]:
    started_at = clock.now()
    headers = {
        "Content-Type": "application/json",
        **signature_headers(
            secret=callback.secret,
            task_id=callback.task_id.hex,
            webhook_id=callback.id,
            body=callback.body,
            now=started_at,
        ),
    }
    status, error, answer_head, retry_after = None, None, b"", None
    try:
        answer = await parts.egress.post(callback.url, body=callback.body, headers=headers)
        status, answer_head = answer.status, answer.head
        retry_after = read_retry_after(answer.retry_after, now=clock.now())
    except DeliveryError as exc:
        error = str(exc)
    delivery = Delivery(
        callback_id=callback.id,
        attempt=callback.attempt,
        started_at=started_at,
        duration=clock.now() - started_at,
        status=status,
        error=error,
        answer_head=answer_head,
    )
    return delivery, retry_after


async def _record(callback: Callback, delivery: Delivery, verdict: Verdict, parts: "WorkerParts") -> None:
    async with parts.db.transaction() as tx:
        await callbacks.log(tx, delivery)
        match verdict:
            case Delivered():
                await callbacks.conclude(tx, callback, state="delivered")
            case Gone():
                await callbacks.conclude(tx, callback, state="gone")
            case Exhausted():
                await callbacks.conclude(tx, callback, state="exhausted")
            case WaitUntil(delay=delay):
                await callbacks.conclude(tx, callback, state="pending", delay=delay)
                await jobs.enqueue_delivery(tx, callback.id, attempt=callback.attempt, delay=delay)
            case _:
                assert_never(verdict)

"""Deliver callbacks: claim what is due, make one signed POST each, log it, and write when the next one is.

The process may die after any await: the claim's lease runs out, and the callback is due again.
"""

import asyncio
import random
from datetime import timedelta
from typing import TYPE_CHECKING, Final, assert_never

import structlog

from photoplay import clock
from photoplay.domain.callbacks import (
    Again,
    Delivered,
    Exhausted,
    Gone,
    Verdict,
    WaitUntil,
    judge,
    judge_receiver,
    longest,
    read_retry_after,
    signature_headers,
)
from photoplay.domain.errors import DeliveryError, StoreUnavailable
from photoplay.store import callbacks
from photoplay.store.callbacks import Callback, Delivery, Standing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from photoplay.egress import Egress
    from photoplay.flows.parts import Parts, WorkerParts

__all__ = ["LEASE", "claim_due", "deliver", "exhaust_overdue", "post_signed"]

log = structlog.get_logger()

# The longest POST and some seconds to write down what it brought; what a killed worker had under way waits for so long.
LEASE: Final = timedelta(seconds=20)
RECORD_AGAIN_S: Final = 0.5
# An account may have twice as many deliveries under way as there are places left: alone two thirds of all, and
# however many hang, the next account finds room.
SHARE_OF_FREE: Final = 2
# The first of many should not wait until all are claimed.
BATCH_MAX: Final = 200


async def claim_due(parts: "WorkerParts", *, free: int) -> tuple["Sequence[Callback]", timedelta | None]:
    """Claim what is due, as far as places are free; return it, and how long until there can be more."""
    # A part of what is free, so that no account is given more than its share at once.
    room = min(BATCH_MAX, -(-free // 4))
    async with parts.db.transaction() as tx:
        claimed = await callbacks.claim(tx, room=room, share=free * SHARE_OF_FREE, lease=LEASE)
        return claimed, timedelta() if len(claimed) == room else await callbacks.next_due(tx)


async def deliver(callback: Callback, *, parts: "WorkerParts") -> None:
    """Make one delivery of a claimed callback.

    A crash between the POST and the log leads to another POST: at least once, never silently none.
    """
    async with asyncio.timeout(LEASE.total_seconds()):
        delivery, retry_after = await post_signed(
            callback.url,
            body=callback.body,
            headers=signature_headers(
                secrets=callback.secrets,
                task_id=callback.task_id.hex,
                webhook_id=callback.id,
                body=callback.body,
                now=clock.now(),
                attempt=callback.attempt,
            ),
            egress=parts.egress,
        )
        verdict = judge(
            delivery.status,
            attempt=callback.step,
            times=callback.times,
            schedule=parts.callback_schedule,
            retry_after=retry_after,
            jitter=random.random(),  # noqa: S311 - spreads retries, guards nothing
        )
        await _record_within_lease(callback, delivery, verdict, parts)
    log.info(
        "callback.attempted",
        task_id=callback.task_id.hex,
        callback_id=callback.id,
        attempt=callback.attempt,
        status=delivery.status,
        # With a status, the error tells where a redirect leads: the receiver's words.
        error=delivery.error if delivery.status is None else None,
        verdict=type(verdict).__name__.lower(),
    )


async def post_signed(
    url: str, *, body: bytes, headers: "Mapping[str, str]", egress: "Egress"
) -> tuple[Delivery, timedelta | None]:
    """POST once. Return what it brought, in words where it is not a 2xx, and the patience that was asked for."""
    started_at = clock.now()
    try:
        answer = await egress.post(url, body=body, headers={"Content-Type": "application/json", **headers})
    except DeliveryError as exc:
        duration = clock.now() - started_at
        return Delivery(duration=duration, status=None, error=str(exc), answer_head=b"", answer_bytes=0), None
    error = None
    if answer.location is not None:
        error = f"the callback URL: a redirect is not followed, it leads to {answer.location}"
    delivery = Delivery(
        duration=timedelta(milliseconds=answer.duration_ms),
        status=answer.status,
        error=error,
        answer_head=answer.head,
        answer_bytes=answer.size_bytes,
    )
    return delivery, read_retry_after(answer.retry_after, now=clock.now())


async def _record_within_lease(callback: Callback, delivery: Delivery, verdict: Verdict, parts: "WorkerParts") -> None:
    """Record, and while the database is away try again as long as the claim is ours; after that it is sent again."""
    while True:
        try:
            return await _record(callback, delivery, verdict, parts)
        except StoreUnavailable:
            await asyncio.sleep(RECORD_AGAIN_S)


async def _record(callback: Callback, delivery: Delivery, verdict: Verdict, parts: "WorkerParts") -> None:
    async with parts.db.transaction() as tx:
        failures = await callbacks.lock_receiver(tx, callback)
        await callbacks.judge_receiver(tx, callback, judge_receiver(verdict, status=delivery.status, failures=failures))
        await callbacks.conclude(tx, callback, delivery, standing=_standing(verdict, times=callback.times))


def _standing(verdict: Verdict, *, times: int) -> Standing:
    match verdict:
        case Delivered():
            return Standing(state="delivered", times=times)
        case Again():
            return Standing(state="pending", times=times - 1)
        case Gone():
            return Standing(state="gone", times=times)
        case Exhausted():
            return Standing(state="exhausted", times=times)
        case WaitUntil(delay=delay):
            return Standing(state="pending", times=times, delay=delay)
        case _:
            assert_never(verdict)


async def exhaust_overdue(parts: "Parts") -> None:
    """Give up what had no second turn, for as long as its schedule takes, at a receiver that never answers."""
    async with parts.db.connection() as connection:
        for callback_id in await callbacks.exhaust_overdue(connection, longest=longest(parts.callback_schedule)):
            log.warning("callback.overdue", callback_id=callback_id)

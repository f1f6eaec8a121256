"""The delivery loop: keeps what is due under way, within the places of this worker, and survives a lost database."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Final

import structlog

from photoplay.domain.errors import StoreUnavailable
from photoplay.flows.deliver import claim_due, deliver
from photoplay.flows.parts import WorkerParts
from photoplay.process import allow_descriptors
from photoplay.store.callbacks import DUE, Callback
from photoplay.store.signals import Watch

__all__ = ["DELIVERIES_MAX", "deliver_callbacks"]

log = structlog.get_logger()

# A hanging receiver holds its place for 15 s, so there must be many. One costs some 30 kB and a descriptor.
DELIVERIES_MAX: Final = 2000
# What the rest of a worker may hold open.
OTHER_FILES: Final = 256
# How late a callback is found that another worker's death or a missed signal has left.
POLL: Final = timedelta(seconds=2)
RECONNECT: Final = timedelta(seconds=0.5)


async def deliver_callbacks(parts: WorkerParts, *, stop: asyncio.Event) -> None:
    """Deliver until `stop` is set, then let what is under way finish. Cancelled, it leaves that to the leases."""
    places = min(DELIVERIES_MAX, allow_descriptors(DELIVERIES_MAX + OTHER_FILES) - OTHER_FILES)
    under_way: set[asyncio.Task[None]] = set()
    with parts.signals.watch(DUE) as watch:
        async with asyncio.TaskGroup() as group:
            forward = group.create_task(_forward(stop, watch))
            while not stop.is_set():
                claimed, wait = await _claim(parts, free=places - len(under_way))
                for callback in claimed:
                    task = group.create_task(_deliver(callback, parts))
                    under_way.add(task)
                    task.add_done_callback(under_way.discard)
                    # A place is free, and so is one at its receiver.
                    task.add_done_callback(lambda _: watch.wake())
                await watch.wait(within_s=wait.total_seconds())
            forward.cancel()


async def _claim(parts: WorkerParts, *, free: int) -> tuple[list[Callback], timedelta]:
    """Return what was claimed, and how long nothing else can be due unless a signal says so."""
    if free <= 0:
        return [], POLL
    try:
        claimed, next_due = await claim_due(parts, free=free)
    except Exception as exc:  # noqa: BLE001 - the delivery loop logs and goes on
        log.warning("deliveries.interrupted", error=exc)
        return [], RECONNECT
    return list(claimed), POLL if next_due is None else max(timedelta(), min(next_due, POLL))


async def _deliver(callback: Callback, parts: WorkerParts) -> None:
    try:
        await deliver(callback, parts=parts)
    except (StoreUnavailable, TimeoutError) as exc:
        log.warning("callback.not_recorded", callback_id=callback.id, error=exc)
    except Exception:
        log.exception("callback.failed", callback_id=callback.id)


async def _forward(stop: asyncio.Event, watch: Watch) -> None:
    with suppress(asyncio.CancelledError):
        await stop.wait()
        watch.wake()

"""The worker's three loops: clips, callbacks, and the sweep. Each survives the loss of the database."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Final, TypeAlias

import structlog
from pgqueuer import AsyncpgDriver, Queries, QueueManager

from photoplay.flows.parts import WorkerParts
from photoplay.flows.sweep import recover_lost_tasks, remake_lost_jobs, remove_expired
from photoplay.store.database import connect
from photoplay.worker.jobs import register_delivery, register_generation

__all__ = ["work"]

log = structlog.get_logger()

Register: TypeAlias = Callable[[QueueManager, WorkerParts], None]

# PgQueuer wakes by NOTIFY; this is how late a job is found when a notification was missed.
POLL: Final = timedelta(seconds=2)
# How long PgQueuer leaves a picked job of a silent worker alone. Our own leases are shorter and decide.
QUEUE_HEARTBEAT: Final = timedelta(seconds=30)
# A hanging receiver holds its place for 15 s, so there must be many.
DELIVERIES_MAX: Final = 100
SWEEP_S: Final = 2.0
# Looking for lost jobs and old files costs a scan; neither is urgent.
SWEEPS_A_CLEANING: Final = 5
RECONNECT_S: Final = 0.5


async def work(parts: WorkerParts, *, jobs_max: int, drain: timedelta, stop: asyncio.Event) -> None:
    """Run until `stop` is set, then let running work finish; what has not within `drain` is handed back."""
    async with asyncio.TaskGroup() as group:
        queues = [
            # PgQueuer wants room for two batches.
            group.create_task(_queue(register_generation, parts, stop=stop, batch=1, at_once_max=max(2, jobs_max))),
            group.create_task(
                _queue(register_delivery, parts, stop=stop, batch=DELIVERIES_MAX // 2, at_once_max=DELIVERIES_MAX)
            ),
        ]
        sweeper = group.create_task(_sweep(parts))
        await stop.wait()
        sweeper.cancel()
        _, running = await asyncio.wait(queues, timeout=drain.total_seconds())
        for queue in running:
            queue.cancel()


async def _queue(register: Register, parts: WorkerParts, *, stop: asyncio.Event, batch: int, at_once_max: int) -> None:
    """Run one queue, and start it anew whenever it ends before its time."""
    while not stop.is_set():
        try:
            await _run_queue(register, parts, stop=stop, batch=batch, at_once_max=at_once_max)
        except Exception as exc:  # noqa: BLE001 - the worker loop logs and goes on
            log.warning("queue.interrupted", error=str(exc) or type(exc).__name__)
        await _wait(stop, RECONNECT_S)


async def _run_queue(
    register: Register, parts: WorkerParts, *, stop: asyncio.Event, batch: int, at_once_max: int
) -> None:
    connection = await connect(parts.db.url)
    try:
        manager = QueueManager(Queries(AsyncpgDriver(connection)))
        register(manager, parts)
        # A manager dies with its connection; without this it would notice only at its next query.
        connection.add_termination_listener(lambda _: manager.shutdown.set())
        async with asyncio.TaskGroup() as group:
            forward = group.create_task(_forward(stop, manager.shutdown))
            await manager.run(
                dequeue_timeout=POLL,
                batch_size=batch,
                max_concurrent_tasks=at_once_max,
                shutdown_on_listener_failure=True,
                heartbeat_timeout=QUEUE_HEARTBEAT,
            )
            forward.cancel()
    finally:
        connection.terminate()


async def _forward(source: asyncio.Event, target: asyncio.Event) -> None:
    await source.wait()
    target.set()


async def _sweep(parts: WorkerParts) -> None:
    sweeps = 0
    while True:
        await _try(recover_lost_tasks, parts)
        if sweeps % SWEEPS_A_CLEANING == 0:
            await _try(remake_lost_jobs, parts)
            await _try(remove_expired, parts)
        sweeps += 1
        await asyncio.sleep(SWEEP_S)


async def _try(step: Callable[[WorkerParts], Awaitable[None]], parts: WorkerParts) -> None:
    try:
        await step(parts)
    except Exception as exc:  # noqa: BLE001 - the worker loop logs and goes on
        log.warning("sweep.failed", step=step.__name__, error=str(exc) or type(exc).__name__)


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)

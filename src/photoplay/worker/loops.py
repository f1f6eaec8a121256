"""The worker's three loops: clips, callbacks, and the sweep. Each survives the loss of the database."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog
from pgqueuer import AsyncpgDriver, Queries, QueueManager

from photoplay.flows.parts import WorkerParts
from photoplay.flows.sweep import recover_lost_tasks, remake_lost_jobs, remove_expired
from photoplay.store.database import connect
from photoplay.worker.jobs import RunningJobs, register_delivery, register_generation

__all__ = ["work"]

log = structlog.get_logger()

# PgQueuer wakes by NOTIFY; this is how late a job is found when a notification was missed.
POLL: Final = timedelta(seconds=2)
# How long PgQueuer leaves a picked job of a silent worker alone. Our own leases are shorter and decide.
QUEUE_HEARTBEAT: Final = timedelta(seconds=30)
# A hanging receiver holds its place for 15 s, so there must be many.
DELIVERIES_MAX: Final = 100
# PgQueuer wants room for two batches.
BATCHES_MIN: Final = 2
SWEEP_S: Final = 2.0
# Looking for lost jobs and old files costs a scan; neither is urgent.
SWEEPS_A_CLEANING: Final = 5
RECONNECT_S: Final = 0.5
# How soon a job that began while the others were cancelled is cancelled too.
LATECOMERS_S: Final = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lane:
    """One kind of job, and how many of it this worker takes."""

    register: Callable[[QueueManager, WorkerParts, RunningJobs], None]
    batch: int
    at_once_max: int


async def work(parts: WorkerParts, *, jobs_max: int, drain: timedelta, stop: asyncio.Event) -> None:
    """Run until `stop` is set, then let running jobs finish; what has not within `drain` is handed back."""
    running = RunningJobs()
    generation = _Lane(register=register_generation, batch=1, at_once_max=max(BATCHES_MIN, jobs_max))
    delivery = _Lane(register=register_delivery, batch=DELIVERIES_MAX // BATCHES_MIN, at_once_max=DELIVERIES_MAX)
    async with asyncio.TaskGroup() as group:
        queues = [group.create_task(_queue(lane, parts, running, stop)) for lane in (generation, delivery)]
        sweeper = group.create_task(_sweep(parts))
        await stop.wait()
        sweeper.cancel()
        _, unfinished = await asyncio.wait(queues, timeout=drain.total_seconds())
        while unfinished:
            running.cancel()
            _, unfinished = await asyncio.wait(unfinished, timeout=LATECOMERS_S)


async def _queue(lane: _Lane, parts: WorkerParts, running: RunningJobs, stop: asyncio.Event) -> None:
    """Run one queue, and start it anew whenever it ends before its time."""
    while not stop.is_set():
        try:
            await _run_queue(lane, parts, running, stop)
        except Exception as exc:  # noqa: BLE001 - the worker loop logs and goes on
            log.warning("queue.interrupted", error=str(exc) or type(exc).__name__)
        await _wait(stop, RECONNECT_S)


async def _run_queue(lane: _Lane, parts: WorkerParts, running: RunningJobs, stop: asyncio.Event) -> None:
    connection = await connect(parts.db.url)
    try:
        manager = QueueManager(Queries(AsyncpgDriver(connection)))
        lane.register(manager, parts, running)
        # A manager dies with its connection; without this it would notice only at its next query.
        connection.add_termination_listener(lambda _: manager.shutdown.set())
        async with asyncio.TaskGroup() as group:
            forward = group.create_task(_forward(stop, manager.shutdown))
            await manager.run(
                dequeue_timeout=POLL,
                batch_size=lane.batch,
                max_concurrent_tasks=lane.at_once_max,
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

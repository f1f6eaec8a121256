"""The worker's loops: clips, callbacks, and the rounds that put right and clear up. Each survives a lost database."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Final

import asyncpg
import structlog
from pgqueuer import AsyncpgDriver, Queries, QueueManager

from photoplay.flows.audit import audit_in_turn
from photoplay.flows.deliver import exhaust_overdue
from photoplay.flows.parts import WorkerParts
from photoplay.flows.retain import clear_leftovers, compare_files, forget_old_records, forget_receivers, remove_expired
from photoplay.flows.sweep import call_off_left_over, expire_overdue, recover_lost_tasks, remake_lost_jobs
from photoplay.store.database import connect
from photoplay.worker.deliveries import deliver_callbacks
from photoplay.worker.jobs import RunningJobs, register_generation

__all__ = ["work"]

log = structlog.get_logger()

# PgQueuer wakes by NOTIFY; this is how late a job is found when a notification was missed.
POLL: Final = timedelta(seconds=2)
# PgQueuer wants room for two batches.
BATCHES_MIN: Final = 2
SWEEP_S: Final = 2.0
# Looking for lost jobs and old files costs a scan; neither is urgent.
SWEEPS_A_CLEANING: Final = 5
# How often a worker asks whether it is its turn to check the ledger.
AUDIT_POLL_S: Final = 60.0
# Once an hour: it reads every row of a table and every name of a file.
COMPARISON_PAUSE_S: Final = 3600.0
RECONNECT_S: Final = 0.5
# How soon a job that began while the others were cancelled is cancelled too.
LATECOMERS_S: Final = 0.2


async def work(parts: WorkerParts, *, drain: timedelta, stop: asyncio.Event) -> None:
    """Run until `stop` is set, then let running jobs finish; what has not within `drain` is handed back."""
    running = RunningJobs()
    async with asyncio.TaskGroup() as group:
        # A queue for each engine: tasks that wait for the only GPU are not in the way of those that need none.
        clips = [group.create_task(_queue(engine, parts, running, stop)) for engine in parts.engines]
        deliveries = group.create_task(deliver_callbacks(parts, stop=stop))
        rounds = [group.create_task(round(parts)) for round in (_sweep, _compare, _audit)]
        rounds += [group.create_task(_call_off(engine, parts)) for engine in parts.engines]
        await stop.wait()
        for loop in rounds:
            loop.cancel()
        _, unfinished = await asyncio.wait((*clips, deliveries), timeout=drain.total_seconds())
        deliveries.cancel()
        while unfinished:
            running.cancel()
            _, unfinished = await asyncio.wait(unfinished, timeout=LATECOMERS_S)


async def _queue(engine: str, parts: WorkerParts, running: RunningJobs, stop: asyncio.Event) -> None:
    """Have a manager take jobs until `stop` is set. What one that was cut off has running goes on beside the next."""
    async with asyncio.TaskGroup() as managers:
        while not stop.is_set():
            shutdown = asyncio.Event()
            managers.create_task(_run_queue(engine, parts, running, shutdown))
            forward = managers.create_task(_forward(stop, shutdown))
            await shutdown.wait()
            forward.cancel()
            await _wait(stop, RECONNECT_S)


async def _run_queue(engine: str, parts: WorkerParts, running: RunningJobs, shutdown: asyncio.Event) -> None:
    """Take jobs until `shutdown` is set, or set it at the first trouble; then let those that run come to their ends."""
    try:
        async with _own_connection(parts.db.url, shutdown) as connection:
            manager = QueueManager(Queries(AsyncpgDriver(connection)))
            manager.shutdown = shutdown
            register_generation(manager, engine, parts, running)
            await manager.run(
                dequeue_timeout=POLL,
                batch_size=1,
                max_concurrent_tasks=max(BATCHES_MIN, parts.engines[engine].size),
                shutdown_on_listener_failure=True,
                # A dead worker's jobs are others' when its tasks are.
                heartbeat_timeout=parts.lease,
            )
    except Exception as exc:  # noqa: BLE001 - the worker loop logs and goes on
        log.warning("queue.interrupted", error=exc)
    finally:
        shutdown.set()


@asynccontextmanager
async def _own_connection(url: str, lost: asyncio.Event) -> "AsyncGenerator[asyncpg.Connection[asyncpg.Record]]":
    """A connection that ends, and sets `lost`, as soon as it fails in anything: an unanswered one may be open still."""
    connection = await connect(url)

    def look_at(query: asyncpg.connection.LoggedQuery) -> None:
        # Two workers that reach for the same place are told so like this; PgQueuer expects it.
        races = asyncpg.UniqueViolationError | asyncpg.DeadlockDetectedError
        if isinstance(query.exception, Exception) and not isinstance(query.exception, races):
            connection.terminate()

    connection.add_termination_listener(lambda _: lost.set())
    connection.add_query_logger(look_at)
    try:
        yield connection
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
            await _try(expire_overdue, parts)
            await _try(exhaust_overdue, parts)
            await _try(remove_expired, parts)
            await _try(forget_old_records, parts)
        sweeps += 1
        await asyncio.sleep(SWEEP_S)


async def _audit(parts: WorkerParts) -> None:
    # Apart from the sweep: reading a long ledger must not keep lost tasks waiting.
    while True:
        await asyncio.sleep(AUDIT_POLL_S)
        await _try(audit_in_turn, parts)


async def _compare(parts: WorkerParts) -> None:
    # Apart from the sweep for the same reason: many files and receivers take their time.
    while True:
        await _try(clear_leftovers, parts)
        await _try(compare_files, parts)
        await _try(forget_receivers, parts)
        await asyncio.sleep(COMPARISON_PAUSE_S)


async def _call_off(engine: str, parts: WorkerParts) -> None:
    # Apart from the sweep, and each engine by itself: a server that is away takes seconds not to answer.
    while True:
        await _try(call_off_left_over, engine, parts)
        await asyncio.sleep(SWEEP_S)


async def _try(step: Callable[..., Awaitable[object]], *given: object) -> None:
    try:
        await step(*given)
    except Exception as exc:  # noqa: BLE001 - the worker loop logs and goes on
        log.warning("sweep.failed", step=step.__name__, error=exc)


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)

"""The worker: what makes clips, delivers callbacks and sweeps."""

import asyncio
import signal
from dataclasses import replace
from datetime import timedelta
from typing import Final

import structlog

from photoplay.domain.errors import AppError
from photoplay.egress import CAPS
from photoplay.engines.engine import Places
from photoplay.engines.setup import is_warmed, open_engine_egress, open_places
from photoplay.flows.parts import WorkerParts
from photoplay.programs.shared import fields_of, run, shared_parts
from photoplay.settings import Settings
from photoplay.worker.deliveries import DELIVERIES_MAX
from photoplay.worker.loops import work

__all__ = ["run_worker"]

log = structlog.get_logger()

ENGINE_STOP: Final = timedelta(seconds=5)


def run_worker(settings: Settings) -> None:
    """Run a worker until SIGTERM."""
    run(_work(settings))


async def _work(settings: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    # Callbacks beside the pictures: a hanging receiver holds a connection for as long as it may.
    caps = replace(CAPS, in_all=CAPS.in_all + DELIVERIES_MAX)
    async with (
        shared_parts(settings, caps=caps) as shared,
        open_engine_egress(settings) as egress,
        asyncio.TaskGroup() as group,
    ):
        engines = {name: open_places(name, settings, egress=egress, stopping=stop) for name in settings.engines}
        parts = WorkerParts(
            **fields_of(shared),
            engines=engines,
            linked_engines=frozenset({"ark"} if settings.ark_pictures == "link" else ()),
            records_lifetime=timedelta(days=settings.records_days),
            lease=timedelta(seconds=settings.lease_s),
            waiting_lifetime=timedelta(hours=settings.waiting_hours),
            stopping=stop,
        )
        warming = [group.create_task(_warm(places)) for name, places in engines.items() if is_warmed(name, settings)]
        try:
            await work(parts, drain=timedelta(seconds=settings.drain_s), stop=stop)
        finally:
            for task in warming:
                task.cancel()
            for places in engines.values():
                await places.stop(ENGINE_STOP)


async def _warm(places: Places) -> None:
    try:
        await places.warm()
    except (AppError, OSError) as exc:
        # Each task says so again, to its owner; the worker still delivers and sweeps.
        log.warning("engine.not_ready", error=str(exc))

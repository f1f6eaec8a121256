"""The wiring: the only place that builds things, into the two programs that a server consists of."""

import asyncio
import signal
import socket
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import fields
from datetime import timedelta
from functools import partial
from types import FrameType
from typing import Any, Final

import structlog
import uvicorn
import uvloop
from fastapi import FastAPI

from photoplay.cli.children import API_STOP_S, BACKLOG, DRAIN_SIGNAL
from photoplay.cli.running import find_running
from photoplay.domain.errors import ConfigError, EngineUnavailable
from photoplay.egress import Egress, parse_allow
from photoplay.engines.runner import ChildLimits, EnginePool
from photoplay.files.cards import CardShelf
from photoplay.files.store import FileStore
from photoplay.flows.parts import ApiParts, Parts, WorkerParts
from photoplay.settings import Settings
from photoplay.store.database import Database
from photoplay.store.migrate import migrate
from photoplay.web.app import build_app
from photoplay.web.wire import callback_body
from photoplay.worker.loops import work

__all__ = ["run_api", "run_worker"]

log = structlog.get_logger()

ENGINES: Final = ("camera",)
# 1080p for 10 s passes at 700 MB and fails at 500.
ENGINE_LIMITS: Final = ChildLimits(memory_bytes=900 * 1024 * 1024)
ENGINE_STOP: Final = timedelta(seconds=5)
HEADER_BYTES_MAX: Final = 32 * 1024
IDLE_S: Final = 60


def run_api(settings: Settings, *, fd: int | None) -> None:
    """Run the API until SIGTERM, on an inherited listening socket or on one of its own.

    Raises: ConfigError if there is no database.
    """
    _run(_serve_api(settings, fd))


def run_worker(settings: Settings) -> None:
    """Run a worker until SIGTERM. Raises: ConfigError if there is no database."""
    _run(_serve_worker(settings))


def _run(program: Coroutine[object, object, None]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(program)


@asynccontextmanager
async def _shared_parts(settings: Settings) -> AsyncGenerator[Parts]:
    """Open what the API and the worker have in common."""
    work_dir = settings.data_dir / "work"
    files_url = f"{settings.base_url}/files/"
    work_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    url = _database_url(settings)
    await migrate(url)
    async with Database(url) as db, Egress(allow=parse_allow(settings.egress_allow)) as egress:
        yield Parts(
            db=db,
            files=FileStore(settings.data_dir / "files"),
            egress=egress,
            cards=CardShelf(settings.cards_dir),
            engine_names=frozenset(ENGINES),
            work_dir=work_dir,
            files_url=files_url,
            results_lifetime=timedelta(days=settings.results_days),
            callback_schedule=settings.callback_schedule,
            callback_body=partial(callback_body, files_url=files_url),
        )


def _fields_of(parts: Parts) -> dict[str, Any]:
    return {field.name: getattr(parts, field.name) for field in fields(parts)}


def _database_url(settings: Settings) -> str:
    url = settings.database_url.get_secret_value()
    running = find_running(settings.data_dir)
    if not url and running is not None:
        url = running.database_url
    if not url:
        raise ConfigError(
            f"no database: set PHOTOPLAY_DATABASE_URL, or start `photoplay serve` on {settings.data_dir} first"
        )
    return url


async def _serve_api(settings: Settings, fd: int | None) -> None:
    async with _shared_parts(settings) as shared:
        parts = ApiParts(
            **_fields_of(shared),
            creates=settings.creates,
            unfinished_max=settings.unfinished_max,
            uploads_lifetime=timedelta(days=settings.uploads_days),
        )
        app = build_app(parts, http_status=settings.http_status)
        asyncio.get_running_loop().add_signal_handler(DRAIN_SIGNAL, partial(_drain, app))
        config = uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            backlog=BACKLOG,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            h11_max_incomplete_event_size=HEADER_BYTES_MAX,
            timeout_keep_alive=IDLE_S,
            timeout_graceful_shutdown=API_STOP_S,
        )
        await _DrainingServer(config, app).serve(sockets=None if fd is None else [socket.socket(fileno=fd)])


class _DrainingServer(uvicorn.Server):
    """uvicorn, and an app that says so when it is told to stop."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the signature is uvicorn's
        # Not uvicorn's own: that one ends the process by the same signal again, and a clean stop should exit with 0.
        _drain(self._app)
        self.should_exit = True


def _drain(app: FastAPI) -> None:
    app.state.is_draining = True


async def _warm(pool: EnginePool) -> None:
    try:
        await pool.warm()
    except EngineUnavailable as exc:
        # Each task says so again, to its owner; the worker still delivers and sweeps.
        log.warning("engine.not_ready", error=str(exc))


async def _serve_worker(settings: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with _shared_parts(settings) as shared:
        engines = {name: EnginePool(name, size=settings.jobs_max, limits=ENGINE_LIMITS) for name in ENGINES}
        parts = WorkerParts(
            **_fields_of(shared),
            engines=engines,
            lease=timedelta(seconds=settings.lease_s),
        )
        try:
            async with asyncio.TaskGroup() as group:
                for pool in engines.values():
                    group.create_task(_warm(pool))
                await work(parts, jobs_max=settings.jobs_max, drain=timedelta(seconds=settings.drain_s), stop=stop)
        finally:
            for pool in engines.values():
                await pool.stop(ENGINE_STOP)

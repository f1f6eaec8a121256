"""What `photoplay serve` is: the database, the API and the worker, each kept running, stopped in the right order."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Final

import httpx2
import structlog

from photoplay.cli.children import API_STOP_S, BACKLOG, DRAIN_SIGNAL, Program
from photoplay.cli.running import RunningServer, announce, hold_data_dir
from photoplay.domain.errors import ConfigError
from photoplay.flows.enroll import enroll_first
from photoplay.settings import PREFIX, Settings
from photoplay.store.database import Database
from photoplay.store.embedded import EmbeddedPostgres
from photoplay.store.migrate import migrate

__all__ = ["Ready", "supervise"]

log = structlog.get_logger()

READY_TIMEOUT_S: Final = 60.0
READY_POLL_S: Final = 0.05
DATABASE_RESTART_S: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """What a server that has just come up knows of itself."""

    url: str
    is_first_start: bool


async def supervise(settings: Settings, *, on_ready: Callable[[Ready], None], stop: asyncio.Event) -> None:
    """Run the server until `stop` is set.

    Raises: ConfigError if the data directory or the port is taken, or the database does not start.
    """
    _stop_on_signals(stop)
    with ExitStack() as held:
        lock = held.enter_context(hold_data_dir(settings.data_dir))
        listener = held.enter_context(_listen(settings))
        port = int(listener.getsockname()[1])
        own = None if settings.database_url.get_secret_value() else EmbeddedPostgres(settings.data_dir)
        try:
            if own is not None:
                await own.start()
            database_url = own.url if own else settings.database_url.get_secret_value()
            is_first_start = await _prepare(database_url, settings)
            url = settings.model_copy(update={"port": port}).local_url
            announce(lock, RunningServer(pid=os.getpid(), url=url, database_url=own.url if own else ""))
            environment = _environment(settings, database_url=database_url, port=port)
            api = Program(
                "api",
                ("api", "--fd", str(listener.fileno())),
                environment=environment,
                pass_fds=(listener.fileno(),),
            )
            worker = Program("worker", ("worker",), environment=environment)
            ready = Ready(url=url, is_first_start=is_first_start)
            await _run(api, worker, own, ready=ready, on_ready=on_ready, stop=stop, drain_s=settings.drain_s)
        finally:
            if own is not None:
                await own.stop()


async def _prepare(database_url: str, settings: Settings) -> bool:
    applied = await migrate(database_url)
    if applied:
        log.info("database.migrated", applied=applied)
    async with Database(database_url) as db:
        return await enroll_first(db, data_dir=settings.data_dir, granted=settings.welcome_credits)


async def _run(
    api: Program,
    worker: Program,
    own: EmbeddedPostgres | None,
    *,
    ready: Ready,
    on_ready: Callable[[Ready], None],
    stop: asyncio.Event,
    drain_s: float,
) -> None:
    async with asyncio.TaskGroup() as group:
        keepers = [group.create_task(program.keep_running()) for program in (api, worker)]
        if own is not None:
            keepers.append(group.create_task(_keep_database(own)))
        announcer = group.create_task(_announce_ready(ready, on_ready=on_ready))
        await stop.wait()
        log.info("server.stopping")
        announcer.cancel()
        # The API goes last: while running work ends, it still answers queries, and refuses new tasks in words.
        api.signal(DRAIN_SIGNAL)
        await worker.stop(grace_s=drain_s)
        await api.stop(grace_s=API_STOP_S)
        for keeper in keepers:
            keeper.cancel()


async def _keep_database(own: EmbeddedPostgres) -> None:
    while True:
        status = await own.wait()
        log.error("database.died", status=status)
        with suppress(ConfigError):
            await own.start()
            log.info("database.restarted")
        await asyncio.sleep(DATABASE_RESTART_S)


async def _announce_ready(ready: Ready, *, on_ready: Callable[[Ready], None]) -> None:
    async with asyncio.timeout(READY_TIMEOUT_S), httpx2.AsyncClient(trust_env=False) as http:
        while True:
            with suppress(httpx2.HTTPError):
                if (await http.get(f"{ready.url}/readyz")).is_success:
                    break
            await asyncio.sleep(READY_POLL_S)
    log.info("server.ready", url=ready.url)
    on_ready(ready)


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as exc:
        listener.close()
        raise ConfigError(
            f"{settings.host}:{settings.port} cannot be listened on ({exc.strerror}); set {PREFIX}PORT or {PREFIX}HOST"
        ) from exc
    listener.listen(BACKLOG)
    return listener


def _environment(settings: Settings, *, database_url: str, port: int) -> dict[str, str]:
    """Return the environment of the parts: the same settings, with what was only decided at start."""
    inherited = dict(os.environ)  # noqa: TID251 - handed on whole: the parts read the settings themselves
    decided = {
        "DATA_DIR": str(settings.data_dir.resolve()),
        "HOST": settings.host,
        "PORT": str(port),
        "DATABASE_URL": database_url,
        "LOG_LEVEL": settings.log_level,
    }
    return {**inherited, **{PREFIX + name: value for name, value in decided.items()}}


def _stop_on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

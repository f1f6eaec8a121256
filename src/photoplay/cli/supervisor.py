"""What `photoplay serve` is: the database, the API and the worker, each kept running, stopped in the right order."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Coroutine
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Final

import httpx2
import structlog

from photoplay.cli.children import API_STOP_S, BACKLOG, DRAIN_SIGNAL, Program
from photoplay.cli.running import RunningServer, announce, hold_data_dir
from photoplay.domain.errors import ConfigError
from photoplay.domain.keys import is_loopback
from photoplay.flows.enroll import ADMIN_KEY_FILE, enroll_first, enroll_tester
from photoplay.flows.sign_in import make_link_token
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
    sign_in_url: str
    """Signs a browser on this machine in, once and for a quarter of an hour. Empty where no browser could use it."""


async def supervise(settings: Settings, *, on_ready: Callable[[Ready], None], stop: asyncio.Event) -> None:
    """Run the server until `stop` is set.

    Raises: ConfigError if the data directory or the port is taken, the database does not start, or a part refuses its
    settings.
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
            url = settings.model_copy(update={"port": port}).local_url
            ready = await _prepare(database_url, settings, url=url)
            announce(lock, RunningServer(pid=os.getpid(), url=url, database_url=own.url if own else ""))
            environment = _environment(settings, database_url=database_url, port=port)
            api = Program(
                "api",
                ("api", "--fd", str(listener.fileno())),
                environment=environment,
                pass_fds=(listener.fileno(),),
            )
            worker = Program("worker", ("worker",), environment=environment)
            await _run(api, worker, own, ready=ready, on_ready=on_ready, stop=stop, drain_s=settings.drain_s)
        finally:
            if own is not None:
                await own.stop()


async def _prepare(database_url: str, settings: Settings, *, url: str) -> Ready:
    applied = await migrate(database_url)
    if applied:
        log.info("database.migrated", applied=applied)
    async with Database(database_url) as db:
        is_first_start = await enroll_first(db, data_dir=settings.data_dir, granted=settings.welcome_credits)
        if settings.is_sandbox:
            await enroll_tester(db, data_dir=settings.data_dir)
        return Ready(url=url, is_first_start=is_first_start, sign_in_url=await _sign_in_url(db, settings, url=url))


async def _sign_in_url(db: Database, settings: Settings, *, url: str) -> str:
    """Make a link for who sits at this machine and may read its keys: the operator."""
    key_path = settings.data_dir / ADMIN_KEY_FILE
    if not is_loopback(settings.host) or not key_path.exists():
        return ""
    token = await make_link_token(db, key=key_path.read_text().strip())
    # What follows a # stays in the browser: no proxy and no log sees it.
    return f"{url}/sign-in#{token}"


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
        refusals: list[ConfigError] = []
        keepers = [group.create_task(_keep(program.keep_running(), refusals, stop)) for program in (api, worker)]
        if own is not None:
            keepers.append(group.create_task(_keep_database(own)))
        announcer = group.create_task(_keep(_announce_ready(ready, on_ready=on_ready), refusals, stop))
        await stop.wait()
        log.info("server.stopping")
        announcer.cancel()
        # The API goes last: while running work ends, it still answers queries, and refuses new tasks in words.
        api.signal(DRAIN_SIGNAL)
        await worker.stop(grace_s=drain_s)
        await api.stop(grace_s=API_STOP_S)
        for keeper in keepers:
            keeper.cancel()
    if refusals:
        raise refusals[0]


async def _keep(work: Coroutine[object, object, None], refusals: list[ConfigError], stop: asyncio.Event) -> None:
    """Do what the server cannot do without: where it fails, all is stopped in its order."""
    try:
        await work
    except ConfigError as exc:
        refusals.append(exc)
        stop.set()


async def _keep_database(own: EmbeddedPostgres) -> None:
    while True:
        status = await own.wait()
        log.error("database.died", status=status)
        with suppress(ConfigError):
            await own.start()
            log.info("database.restarted")
        await asyncio.sleep(DATABASE_RESTART_S)


async def _announce_ready(ready: Ready, *, on_ready: Callable[[Ready], None]) -> None:
    try:
        async with asyncio.timeout(READY_TIMEOUT_S), httpx2.AsyncClient(trust_env=False) as http:
            while not await _is_up(http, ready.url):  # noqa: ASYNC110 - another process sets no event of ours
                await asyncio.sleep(READY_POLL_S)
    except TimeoutError as exc:
        raise ConfigError(f"the API was not ready within {READY_TIMEOUT_S:.0f} s; its log lines say why") from exc
    log.info("server.ready", url=ready.url)
    on_ready(ready)


async def _is_up(http: httpx2.AsyncClient, url: str) -> bool:
    try:
        answer = await http.get(f"{url}/readyz")
    except httpx2.HTTPError:
        return False
    # A drained service is up as well: it is the operator's wish that it takes no work.
    return answer.is_success or answer.text.startswith("draining")


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
        "ENGINES": ",".join(settings.engines),
        "LOG_LEVEL": settings.log_level,
    }
    return {**inherited, **{PREFIX + name: value for name, value in decided.items()}}


def _stop_on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

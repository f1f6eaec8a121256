"""What tests share: a real PostgreSQL, a fresh database for each test, and the app on top of it."""

import logging
import os
import tempfile
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from io import StringIO
from pathlib import Path

import asyncpg
import httpx2
import pytest
import structlog
from hypothesis import settings

from photoplay.egress import Egress, parse_allow
from photoplay.files.cards import load_cards
from photoplay.files.room import DiskRoom
from photoplay.files.store import FileStore
from photoplay.flows.accept import Intake, open_intake
from photoplay.flows.enroll import enroll
from photoplay.flows.parts import ApiParts, WorkerParts
from photoplay.flows.recognize import Callers, open_callers
from photoplay.logs import configure
from photoplay.store.accounts import Caller
from photoplay.store.database import Database
from photoplay.store.embedded import EmbeddedPostgres
from photoplay.store.migrate import migrate
from photoplay.store.signals import Signals
from photoplay.web.wire import callback_body
from scenes import BASE_URL, LEASE, LIMITS, find_caller, make_database, open_api


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--fuzz-seconds", type=float, default=1.0, help="how long each test in tests/fuzz looks for trouble"
    )


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: tests wait for other processes half of the time."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture
def fuzz_seconds(request: pytest.FixtureRequest) -> float:
    return float(str(request.config.getoption("--fuzz-seconds")))


# No bound on the time of one example: the machine is shared, and speed is for bench/.
settings.register_profile("shared machine", deadline=None)
settings.register_profile("hundreds", deadline=None)
settings.load_profile("shared machine")


@pytest.fixture(scope="session", autouse=True)
def quiet_logs() -> None:
    """No log lines: rendering a traceback takes longer than most tests."""
    structlog.configure(processors=[], logger_factory=structlog.ReturnLoggerFactory())


@pytest.fixture
def put_back_logging() -> Generator[None]:
    """Afterwards, the logging that other tests expect."""
    root, uvicorn = logging.getLogger(), logging.getLogger("uvicorn.error")
    before, handlers, level = structlog.get_config(), root.handlers[:], uvicorn.level
    yield
    structlog.configure(**before)
    root.handlers[:] = handlers
    uvicorn.setLevel(level)


@pytest.fixture
def written_log(put_back_logging: None) -> Callable[[], str]:  # noqa: ARG001 - an order
    """Log as a server does that nobody has configured; return what tells the lines so far."""
    lines = StringIO()
    configure(format="text", level="info")
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(lines))
    return lines.getvalue


@pytest.fixture
def cluster_dir() -> Generator[Path]:
    """A folder for a PostgreSQL of the test's own."""
    with new_cluster_dir() as folder:
        yield folder


@contextmanager
def new_cluster_dir() -> Generator[Path]:
    # Not below pytest's own folder: for root the server runs as another user, and every start of another pytest
    # closes that folder to all but its owner.
    with tempfile.TemporaryDirectory(prefix="photoplay-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
async def postgres_url() -> AsyncGenerator[str]:
    """A private PostgreSQL with a migrated template database; its address."""
    with new_cluster_dir() as folder:
        server = EmbeddedPostgres(folder)
        await server.start()
        await skip_the_disk(server.url)
        await migrate(server.url)
        yield server.url
        await server.stop()


async def skip_the_disk(url: str) -> None:
    """Let commits not wait for the disk: these databases need not outlive the machine."""
    # By its superuser: the server's own role may not.
    connection = await asyncpg.connect(url.replace("//photoplay@/photoplay?", "//postgres@/postgres?"))
    try:
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            await connection.execute(f"alter system set {name} = off")
        await connection.execute("select pg_reload_conf()")
    finally:
        await connection.close()


@pytest.fixture
async def database_url(postgres_url: str) -> str:
    """The address of a database that no other test has seen."""
    return await make_database(postgres_url)


@pytest.fixture(scope="module")
async def module_database_url(postgres_url: str) -> str:
    """The address of a database for modules whose tests leave nothing behind, or sweep before they begin."""
    return await make_database(postgres_url)


@pytest.fixture
async def db(database_url: str) -> AsyncGenerator[Database]:
    async with Database(database_url) as database:
        yield database


@pytest.fixture
async def egress() -> AsyncGenerator[Egress]:
    """A way out that may reach 127.0.0.1:9, where nobody listens."""
    async with Egress(allow=parse_allow("127.0.0.1:9")) as egress:
        yield egress


@pytest.fixture
async def intake(db: Database) -> AsyncGenerator[Intake]:
    """An intake with the limits of the contract."""
    async with open_intake(db, limits=LIMITS, waiting_max=10_000) as intake:
        yield intake


@pytest.fixture
async def callers(db: Database) -> AsyncGenerator[Callers]:
    async with open_callers(db) as callers:
        yield callers


@pytest.fixture
def parts(db: Database, egress: Egress, intake: Intake, callers: Callers, tmp_path: Path) -> ApiParts:
    """An API's parts. Callbacks are tried three times, at once."""
    work_dir = tmp_path / "work"
    work_dir.mkdir()
    return ApiParts(
        db=db,
        signals=Signals(db.url),
        files=FileStore(tmp_path / "files"),
        egress=egress,
        cards=load_cards(),
        engine_names=frozenset({"camera"}),
        work_dir=work_dir,
        files_url=f"{BASE_URL}/files/",
        intake=intake,
        callers=callers,
        room=DiskRoom(tmp_path, free_bytes_min=0),
        uploads_lifetime=timedelta(days=3),
        secret_file=tmp_path / "callback-secret",
        results_lifetime=timedelta(days=14),
        callback_schedule=(timedelta(), timedelta(), timedelta()),
        callback_body=partial(callback_body, files_url=f"{BASE_URL}/files/"),
    )


@pytest.fixture
def worker(parts: ApiParts) -> WorkerParts:
    """A worker's parts beside the API's, without engines."""
    return WorkerParts(
        db=parts.db,
        signals=parts.signals,
        files=parts.files,
        egress=parts.egress,
        cards=parts.cards,
        engine_names=parts.engine_names,
        work_dir=parts.work_dir,
        files_url=parts.files_url,
        engines={},
        records_lifetime=timedelta(days=60),
        lease=LEASE,
        waiting_lifetime=timedelta(hours=24),
        results_lifetime=parts.results_lifetime,
        callback_schedule=parts.callback_schedule,
        callback_body=parts.callback_body,
    )


@pytest.fixture
async def key(db: Database) -> str:
    """A live key of an account with 1000 credits."""
    return await enroll(db, account="tester", granted=1000)


@pytest.fixture
async def caller(db: Database, key: str) -> Caller:
    """Whom that key speaks for."""
    async with db.connection() as connection:
        found = await find_caller(connection, key)
    assert found is not None
    return found


@pytest.fixture
async def api(parts: ApiParts, key: str) -> AsyncGenerator[httpx2.AsyncClient]:
    async with open_api(parts, key) as client:
        yield client

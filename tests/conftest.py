"""What tests share: a real PostgreSQL, a fresh database for each test, and the app on top of it."""

import tempfile
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path

import asyncpg
import httpx2
import pytest
import structlog
from hypothesis import settings

from photoplay.clock import new_uuid
from photoplay.domain.keys import digest_key
from photoplay.egress import Egress, parse_allow
from photoplay.files.cards import load_cards
from photoplay.files.store import FileStore
from photoplay.flows.enroll import enroll
from photoplay.flows.parts import ApiParts, WorkerParts
from photoplay.settings import CreateRate
from photoplay.store import accounts
from photoplay.store.accounts import Caller
from photoplay.store.database import Database
from photoplay.store.embedded import EmbeddedPostgres
from photoplay.store.migrate import migrate
from photoplay.web.wire import callback_body
from scenes import BASE_URL, LEASE, open_api

# No bound on the time of one example: the machine is shared, and speed is for bench/.
settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")


@pytest.fixture(scope="session", autouse=True)
def quiet_logs() -> None:
    """No log lines: rendering a traceback takes longer than most tests."""
    structlog.configure(processors=[], logger_factory=structlog.ReturnLoggerFactory())


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
        await migrate(server.url)
        yield server.url
        await server.stop()


async def make_database(postgres_url: str) -> str:
    """Return the address of a new database with the schema in place."""
    name = f"t{new_uuid().hex}"
    # From template1: a template must have no other connection.
    connection = await asyncpg.connect(postgres_url.replace("/postgres?", "/template1?"))
    try:
        await connection.execute(f"create database {name} template postgres strategy file_copy")
    finally:
        await connection.close()
    return postgres_url.replace("/postgres?", f"/{name}?")


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
def parts(db: Database, egress: Egress, tmp_path: Path) -> ApiParts:
    """An API's parts, with the limits of the contract. Callbacks are tried three times, at once."""
    work_dir = tmp_path / "work"
    work_dir.mkdir()
    return ApiParts(
        db=db,
        files=FileStore(tmp_path / "files"),
        egress=egress,
        cards=load_cards(),
        engine_names=frozenset({"camera"}),
        work_dir=work_dir,
        files_url=f"{BASE_URL}/files/",
        creates=CreateRate(20, timedelta(seconds=10)),
        unfinished_max=100,
        uploads_lifetime=timedelta(days=3),
        results_lifetime=timedelta(days=14),
        callback_schedule=(timedelta(), timedelta(), timedelta()),
        callback_body=partial(callback_body, files_url=f"{BASE_URL}/files/"),
    )


@pytest.fixture
def worker(parts: ApiParts) -> WorkerParts:
    """A worker's parts beside the API's, without engines."""
    return WorkerParts(
        db=parts.db,
        files=parts.files,
        egress=parts.egress,
        cards=parts.cards,
        engine_names=parts.engine_names,
        work_dir=parts.work_dir,
        files_url=parts.files_url,
        engines={},
        lease=LEASE,
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
        found = await accounts.find_caller(connection, sha256=digest_key(key))
    assert found is not None
    return found


@pytest.fixture
async def api(parts: ApiParts, key: str) -> AsyncGenerator[httpx2.AsyncClient]:
    async with open_api(parts, key) as client:
        yield client

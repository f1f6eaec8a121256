"""The connection pool and the SQL files: one statement a file, named parameters, named after its method."""

import json
import re
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Final, TypeAlias, cast

import asyncpg

from photoplay.domain.errors import ConfigError, InvalidInput, StoreUnavailable

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]

__all__ = [
    "SCHEMA",
    "Connection",
    "Database",
    "Row",
    "connect",
    "execute_all",
    "fetch",
    "fetch_long",
    "fetch_row",
    "fetch_value",
]

SCHEMA: Final = "photoplay"
# A pool larger than this only queues inside PostgreSQL instead of here.
POOL_CONNECTIONS_MAX: Final = 10
STATEMENT_TIMEOUT_S: Final = 30.0
# For what reads whole tables: the ledger check takes 13 s for a million postings on two busy cores.
LONG_STATEMENT_TIMEOUT_S: Final = 600.0
CONNECT_TIMEOUT_S: Final = 10.0
# A process that froze inside a transaction must not keep its locks.
SERVER_SETTINGS: Final = {"search_path": SCHEMA, "idle_in_transaction_session_timeout": "30s"}

Row: TypeAlias = asyncpg.Record

# What asyncpg raises when PostgreSQL is away, starting up, shutting down, or cut off.
_UNAVAILABLE: Final = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InterfaceError,
)


class Database:
    """A pool of connections to the one PostgreSQL. Use as an async context manager."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None

    async def __aenter__(self) -> "Database":
        self._pool = await asyncpg.create_pool(
            self.url,
            min_size=0,
            max_size=POOL_CONNECTIONS_MAX,
            command_timeout=STATEMENT_TIMEOUT_S,
            timeout=CONNECT_TIMEOUT_S,
            server_settings=SERVER_SETTINGS,
            init=_prepare,
            reset=_keep_as_it_is,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.terminate()

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator["Connection"]:
        """Lend a connection for single statements.

        Raises: StoreUnavailable if the database is away; nothing was written by the failed statement.
        """
        assert self._pool is not None, "the database is used before it is opened"
        try:
            async with self._pool.acquire(timeout=CONNECT_TIMEOUT_S) as connection:
                yield connection
        except asyncpg.CharacterNotInRepertoireError as exc:
            raise InvalidInput("A text of the request holds a NUL character") from exc
        except ValueError:
            # asyncpg's word for an argument of the wrong kind is an InterfaceError too; the database is not away then.
            raise
        except _UNAVAILABLE as exc:
            raise StoreUnavailable from exc

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator["Connection"]:
        """Lend a connection inside a transaction: all of the block is committed, or nothing.

        Raises: StoreUnavailable if the database is away; whether a commit in flight was written is unknown.
        """
        async with self.connection() as connection, connection.transaction():
            yield connection

    @asynccontextmanager
    async def snapshot(self) -> AsyncGenerator["Connection"]:
        """Lend a connection that reads everything as it was at one moment, and writes nothing.

        Raises: StoreUnavailable if the database is away.
        """
        async with self.connection() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
            yield connection


async def connect(url: str) -> "asyncpg.Connection[asyncpg.Record]":
    """Open one connection of its own, for LISTEN and for session locks.

    Raises: StoreUnavailable; ConfigError if the URL cannot be one.
    """
    try:
        connection = await asyncpg.connect(
            url, timeout=CONNECT_TIMEOUT_S, command_timeout=STATEMENT_TIMEOUT_S, server_settings=SERVER_SETTINGS
        )
    except (ValueError, OverflowError) as exc:
        # Its own words may hold the password.
        raise ConfigError("PHOTOPLAY_DATABASE_URL is not a URL such as postgresql://me@host:5432/photoplay") from exc
    except _UNAVAILABLE as exc:
        raise StoreUnavailable from exc
    await _prepare(connection)
    return connection


async def fetch(connection: "Connection", name: str, /, **values: object) -> list[Row]:
    sql, order = _statement(name)
    return await connection.fetch(sql, *(values[key] for key in order))


async def fetch_long(connection: "Connection", name: str, /) -> list[Row]:
    """Run a statement that reads whole tables and takes its time."""
    sql, _ = _statement(name)
    return await connection.fetch(sql, timeout=LONG_STATEMENT_TIMEOUT_S)


async def fetch_row(connection: "Connection", name: str, /, **values: object) -> Row | None:
    sql, order = _statement(name)
    return await connection.fetchrow(sql, *(values[key] for key in order))


async def fetch_value(connection: "Connection", name: str, /, **values: object) -> object:
    row = await fetch_row(connection, name, **values)
    return None if row is None else cast("object", row[0])


async def execute_all(connection: "Connection", name: str, rows: Iterable[Mapping[str, object]], /) -> None:
    """Run one statement for each row of values, in one exchange with the server."""
    sql, order = _statement(name)
    await connection.executemany(sql, [[row[key] for key in order] for row in rows])


@cache
def _statement(name: str) -> tuple[str, tuple[str, ...]]:
    """Read a query and turn its `:names` into PostgreSQL's numbered parameters."""
    text = (resources.files("photoplay.store") / "queries" / f"{name}.sql").read_text(encoding="utf-8")
    order: list[str] = []

    def number(match: re.Match[str]) -> str:
        key = match.group(1)
        if key not in order:
            order.append(key)
        return f"${order.index(key) + 1}"

    # A single colon only: `::` is a cast.
    return re.sub(r"(?<!:):([a-z_0-9]+)", number, text), tuple(order)


async def _prepare(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    encode: Callable[[object], str] = json.dumps
    await connection.set_type_codec("jsonb", encoder=encode, decoder=json.loads, schema="pg_catalog")


async def _keep_as_it_is(connection: "Connection") -> None:
    """Spare the exchange that undoes what nobody here does: no statement of ours changes its session."""

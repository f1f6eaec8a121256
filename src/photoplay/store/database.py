"""The connection pool and the SQL files: one statement a file, named parameters, named after its method."""

import json
import re
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Final, TypeAlias, cast

import asyncpg

from photoplay.domain.errors import StoreUnavailable

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]

__all__ = ["SCHEMA", "Connection", "Database", "Row", "connect", "fetch", "fetch_row", "fetch_value"]

SCHEMA: Final = "photoplay"
# A pool larger than this only queues inside PostgreSQL instead of here.
POOL_CONNECTIONS_MAX: Final = 10
STATEMENT_TIMEOUT_S: Final = 30.0
CONNECT_TIMEOUT_S: Final = 10.0

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
            min_size=1,
            max_size=POOL_CONNECTIONS_MAX,
            command_timeout=STATEMENT_TIMEOUT_S,
            timeout=CONNECT_TIMEOUT_S,
            server_settings={"search_path": SCHEMA},
            init=_prepare,
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
        except _UNAVAILABLE as exc:
            raise StoreUnavailable from exc

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator["Connection"]:
        """Lend a connection inside a transaction: all of the block is committed, or nothing.

        Raises: StoreUnavailable if the database is away; whether a commit in flight was written is unknown.
        """
        async with self.connection() as connection, connection.transaction():
            yield connection


async def connect(url: str) -> "asyncpg.Connection[asyncpg.Record]":
    """Open one connection of its own, for LISTEN and for session locks.

    Raises: StoreUnavailable.
    """
    try:
        connection = await asyncpg.connect(
            url, timeout=CONNECT_TIMEOUT_S, command_timeout=STATEMENT_TIMEOUT_S, server_settings={"search_path": SCHEMA}
        )
    except _UNAVAILABLE as exc:
        raise StoreUnavailable from exc
    await _prepare(connection)
    return connection


async def fetch(connection: "Connection", name: str, /, **values: object) -> list[Row]:
    sql, order = _statement(name)
    return await connection.fetch(sql, *(values[key] for key in order))


async def fetch_row(connection: "Connection", name: str, /, **values: object) -> Row | None:
    sql, order = _statement(name)
    return await connection.fetchrow(sql, *(values[key] for key in order))


async def fetch_value(connection: "Connection", name: str, /, **values: object) -> object:
    row = await fetch_row(connection, name, **values)
    return None if row is None else cast("object", row[0])


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

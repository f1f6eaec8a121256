"""Brings a database to the schema of this version: numbered, forward only, one process at a time."""

import re
from importlib import resources
from typing import TYPE_CHECKING, Final

from pgqueuer import AsyncpgDriver, Queries

from photoplay.domain.errors import ConfigError
from photoplay.store.database import SCHEMA, connect

if TYPE_CHECKING:
    from photoplay.store.database import Connection

__all__ = ["migrate"]

# Any constant does; it only has to be ours.
LOCK_KEY: Final = 0x70686F746F706C61
POSTGRES_VERSION_MIN: Final = 150_000


async def migrate(url: str) -> list[str]:
    """Apply what is missing and return the names of what was applied.

    Raises: ConfigError if the PostgreSQL is too old or was written by a newer Photoplay; StoreUnavailable.
    """
    connection = await connect(url)
    try:
        version = int(await connection.fetchval("show server_version_num"))
        if version < POSTGRES_VERSION_MIN:
            raise ConfigError(f"PostgreSQL 15 or newer is needed, got {version // 10_000}")
        await connection.execute("select pg_advisory_lock($1)", LOCK_KEY)
        await connection.execute(f"create schema if not exists {SCHEMA}")
        applied = await _apply_missing(connection)
        queue = Queries(AsyncpgDriver(connection))
        if await queue.schema_is_installed():
            await queue.upgrade()
        else:
            await queue.install()
        return applied
    finally:
        await connection.close()


async def _apply_missing(connection: "Connection") -> list[str]:
    await connection.execute(
        "create table if not exists migrations (name text primary key, applied_at timestamptz not null default now())"
    )
    done = {str(row["name"]) for row in await connection.fetch("select name from migrations")}
    scripts = _scripts()
    if unknown := sorted(done - scripts.keys()):
        raise ConfigError(f"the database was written by a newer version: it has {unknown[-1]}")
    missing = [name for name in sorted(scripts) if name not in done]
    for name in missing:
        async with connection.transaction():
            await connection.execute(scripts[name])
            await connection.execute("insert into migrations (name) values ($1)", name)
    return missing


def _scripts() -> dict[str, str]:
    folder = resources.files("photoplay.store") / "migrations"
    return {
        entry.name.removesuffix(".sql"): entry.read_text(encoding="utf-8")
        for entry in folder.iterdir()
        if re.fullmatch(r"\d{4}_\w+\.sql", entry.name)
    }

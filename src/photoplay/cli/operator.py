"""What the operator's commands share: the database they work on, and who they act as."""

import asyncio
import getpass
import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import typer

from photoplay import logs
from photoplay.cli.running import find_running, hold_data_dir
from photoplay.domain.errors import ConfigError
from photoplay.settings import Settings, read_settings
from photoplay.store.database import Database
from photoplay.store.embedded import EmbeddedPostgres
from photoplay.store.migrate import migrate

__all__ = ["actor", "on_database"]

T = TypeVar("T")


def actor() -> str:
    """Return what entries say of who made them."""
    try:
        return f"operator:{getpass.getuser()}"
    except (KeyError, OSError):
        # In a container a user may have a number and no name.
        return f"operator:{os.getuid()}"


def on_database(act: Callable[[Database], Awaitable[T]], *, is_first: bool = False) -> T:
    """Run one flow on the database that the settings mean; one that may come first makes it where there is none.

    Raises: ConfigError if there is none.
    """
    settings = read_settings()
    # What a command prints may be alone on standard output; its table or its error says what was done.
    logs.configure(format=settings.log_format, level="warning")

    async def run() -> T:
        async with _open_database(settings, is_first=is_first) as db:
            return await act(db)

    return asyncio.run(run())


@asynccontextmanager
async def _open_database(settings: Settings, *, is_first: bool) -> AsyncGenerator[Database]:
    """Open the operator's database, that of the running server, or the embedded one for the time being."""
    url = settings.database_url.get_secret_value()
    running = find_running(settings.data_dir)
    if not url and running is not None:
        url = running.database_url
    if url:
        await migrate(url)
        async with Database(url) as db:
            yield db
        return
    own = EmbeddedPostgres(settings.data_dir)
    here = settings.data_dir.absolute()
    if not own.is_made and not is_first:
        raise ConfigError(f"no server has run on the data folder {here}; PHOTOPLAY_DATA_DIR says which one is meant")
    with hold_data_dir(settings.data_dir):
        if not own.is_made:
            typer.echo(f"A new database is made in {here}", err=True)
        try:
            await own.start()
            await migrate(own.url)
            async with Database(own.url) as db:
                yield db
        finally:
            await own.stop()

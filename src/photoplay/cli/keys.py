"""`photoplay keys`: make API keys."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated

import typer

from photoplay.cli.running import find_running, hold_data_dir
from photoplay.flows.enroll import enroll
from photoplay.settings import Settings, read_settings
from photoplay.store.database import Database
from photoplay.store.embedded import EmbeddedPostgres
from photoplay.store.migrate import migrate

__all__ = ["keys"]

keys = typer.Typer(no_args_is_help=True, help="Make API keys.")


@keys.callback()
def _keys() -> None:
    """Make API keys."""


@keys.command()
def create(
    account: Annotated[str, typer.Option(help="Name of the account; it is made if there is none.")],
    credits: Annotated[int, typer.Option(min=0, max=10**15, help="Credits to grant to the account now.")] = 0,
) -> None:
    """Make a key for an account and print it, alone. It is not kept and cannot be shown again."""
    typer.echo(asyncio.run(_create(read_settings(), account=account, granted=credits)))


async def _create(settings: Settings, *, account: str, granted: int) -> str:
    async with _database(settings) as db:
        return await enroll(db, account=account, granted=granted)


@asynccontextmanager
async def _database(settings: Settings) -> AsyncGenerator[Database]:
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
    with hold_data_dir(settings.data_dir):
        own = EmbeddedPostgres(settings.data_dir)
        try:
            await own.start()
            await migrate(own.url)
            async with Database(own.url) as db:
                yield db
        finally:
            await own.stop()

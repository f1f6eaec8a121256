"""`photoplay pause`, `drain` and `resume`: what the whole service does, whatever processes it has."""

import typer

from photoplay.cli.operator import actor, on_database
from photoplay.domain.service import Mode
from photoplay.flows.operate import set_mode
from photoplay.store.database import Database

__all__ = ["drain", "pause", "resume"]


def pause() -> None:
    """Start no more tasks. Creates are accepted and wait; what runs goes on. It holds until `photoplay resume`."""
    _set(Mode.PAUSED)


def drain() -> None:
    """Refuse creates with 455. What was accepted goes on to its end. It holds until `photoplay resume`."""
    _set(Mode.DRAINING)


def resume() -> None:
    """Accept and start tasks again, after a pause or a drain."""
    _set(Mode.RUNNING)


def _set(mode: Mode) -> None:
    async def act(db: Database) -> None:
        await set_mode(db, mode, actor=actor())

    on_database(act)
    typer.echo(f"The service is {mode.value}.")

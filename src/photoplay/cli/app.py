"""The command line's outline: which commands there are, and how an error ends one."""

import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Final

import typer

from photoplay import __version__
from photoplay.cli.accounts import accounts
from photoplay.cli.callbacks import callbacks
from photoplay.cli.cancel import cancel
from photoplay.cli.cards import cards
from photoplay.cli.demo import demo
from photoplay.cli.doctor import doctor
from photoplay.cli.keys import keys
from photoplay.cli.ledger import ledger, usage
from photoplay.cli.listen import listen
from photoplay.cli.models import models
from photoplay.cli.run import run
from photoplay.cli.serve import serve
from photoplay.cli.service import drain, pause, resume
from photoplay.cli.tasks import tasks
from photoplay.client import ClientError
from photoplay.domain.errors import AppError, StoreUnavailable
from photoplay.groups import first_in
from photoplay.logs import clean

__all__ = ["main"]

NO_SUCH_TASK: Final = "recordInfo is null"
"""The wire's words for it."""


def main(*, api: Callable[..., None], worker: Callable[..., None]) -> None:
    """Run the command line. The two programs that need wiring are given."""
    app = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        help="Photoplay: post a photo and a prompt, get a clip, be told by callback.",
        epilog="Settings come from PHOTOPLAY_… variables and photoplay.toml: docs/reference/settings.md",
    )
    app.callback()(_options)
    app.command()(demo)
    app.command()(doctor)
    app.command()(serve)
    app.command()(run)
    app.add_typer(tasks, name="tasks")
    app.command()(cancel)
    app.command()(listen)
    app.add_typer(callbacks, name="callbacks")
    app.add_typer(models, name="models")
    app.add_typer(cards, name="cards")
    app.add_typer(accounts, name="accounts")
    app.add_typer(keys, name="keys")
    app.command()(usage)
    app.add_typer(ledger, name="ledger")
    app.command()(pause)
    app.command()(drain)
    app.command()(resume)
    app.command()(api)
    app.command()(worker)
    _require_text(sys.argv[1:])
    try:
        app()
    except (AppError, ClientError, BaseExceptionGroup) as exc:
        known = first_in(exc, AppError, ClientError)
        if known is None:
            raise
        typer.echo(f"photoplay: {_words(known)}", err=True)
        sys.exit(1)


def _require_text(words: Sequence[str]) -> None:
    """What is no text could be neither sent nor kept."""
    for word in words:
        try:
            word.encode()
        except UnicodeEncodeError:
            typer.echo(f"photoplay: {word!r} is not UTF-8", err=True)
            sys.exit(2)


def _words(error: Exception) -> str:
    if isinstance(error, StoreUnavailable) and error.__cause__ is not None:
        # Its own words are for callers of the API.
        reason = clean(str(error.__cause__)) or type(error.__cause__).__name__
        return f"the database cannot be reached: {reason}; PHOTOPLAY_DATABASE_URL names one of yours"
    if isinstance(error, ClientError) and str(error) == NO_SUCH_TASK:
        return "there is no such task of this account"
    return str(error)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit


def _options(
    # Before the command is looked for: whoever asks for the version names none.
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    del version

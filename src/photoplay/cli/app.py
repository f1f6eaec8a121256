"""The command line's outline: which commands there are, and how an error ends one."""

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from photoplay import __version__
from photoplay.cli.cards import cards
from photoplay.cli.demo import demo
from photoplay.cli.keys import keys
from photoplay.cli.models import models
from photoplay.cli.run import run
from photoplay.cli.serve import serve
from photoplay.client import ClientError
from photoplay.domain.errors import AppError

__all__ = ["main"]


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
    app.command()(serve)
    app.command()(run)
    app.add_typer(models, name="models")
    app.add_typer(cards, name="cards")
    app.add_typer(keys, name="keys")
    app.command()(api)
    app.command()(worker)
    try:
        app()
    except (AppError, ClientError) as exc:
        typer.echo(f"photoplay: {exc}", err=True)
        sys.exit(1)


def _options(
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit

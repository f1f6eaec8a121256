"""The `photoplay` command. The two programs are imported when they run: the other commands stay light."""

from typing import Annotated

import typer

from photoplay import logs
from photoplay.cli import app
from photoplay.settings import Settings, read_settings

__all__ = ["main"]


def main() -> None:
    """Run the command line."""
    app.main(api=api, worker=worker)


def api(
    fd: Annotated[int | None, typer.Option(help="A listening socket that was inherited.", hidden=True)] = None,
) -> None:
    """Run the API alone, on PHOTOPLAY_DATABASE_URL or the running server's database."""
    from photoplay.programs.api import run_api  # noqa: PLC0415 - 50 MB that the other commands need not carry

    run_api(_settings(), fd=fd)


def worker() -> None:
    """Run a worker alone, on PHOTOPLAY_DATABASE_URL or the running server's database."""
    from photoplay.programs.worker import run_worker  # noqa: PLC0415 - likewise

    run_worker(_settings())


def _settings() -> Settings:
    settings = read_settings()
    logs.configure(format=settings.log_format, level=settings.log_level)
    return settings


if __name__ == "__main__":
    main()

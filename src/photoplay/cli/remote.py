"""Which server a command talks to: the one that runs on the data folder, or one elsewhere."""

from typing import Annotated, TypeAlias

import typer

from photoplay.cli.running import find_running
from photoplay.client import Client
from photoplay.domain.errors import ConfigError
from photoplay.flows.enroll import KEY_FILE
from photoplay.settings import Settings, read_settings

__all__ = ["KeyOption", "ServerOption", "connect", "own_key"]

ServerOption: TypeAlias = Annotated[
    str, typer.Option(help="A server elsewhere, such as http://box:8787; needs --key. Default: the one that runs here.")
]
KeyOption: TypeAlias = Annotated[str, typer.Option(help="The API key. Default: the one in the data folder.")]


def connect(server: str, key: str) -> Client:
    """Return a client of the server. Raises: ConfigError if none is named and none runs here."""
    if server:
        if not key:
            raise ConfigError("--server needs --key, because the key in the data folder is for the server there")
        return Client(server, key)
    settings = read_settings()
    running = find_running(settings.data_dir)
    if running is None:
        raise ConfigError(
            f"no server runs on {settings.data_dir}; start one with photoplay serve, or name one: --server"
        )
    return Client(running.url, key or own_key(settings))


def own_key(settings: Settings) -> str:
    """Return the first account's key. Raises: ConfigError if it is not there."""
    path = settings.data_dir / KEY_FILE
    if not path.exists():
        raise ConfigError(f"there is no key in {settings.data_dir}; give one with --key (photoplay keys create)")
    return path.read_text().strip()

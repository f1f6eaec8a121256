"""Change a key that exists: its text, what it may be used for, or its end. What it has spent stays."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

import structlog

from photoplay import clock
from photoplay.domain.errors import InvalidInput, NotFound
from photoplay.domain.keys import RANDOM_BYTES, Terms, digest_key, is_well_formed, make_key, shown_prefix
from photoplay.flows.enroll import require_future
from photoplay.store import keys

if TYPE_CHECKING:
    from photoplay.store.database import Connection, Database
    from photoplay.store.keys import Key

__all__ = ["OVERLAP_MAX", "find_key", "limit", "revoke", "rotate"]

log = structlog.get_logger()

OVERLAP_MAX: Final = timedelta(days=30)
ID_CHARS: Final = 32


async def rotate(db: "Database", sought: str, *, overlap: timedelta) -> tuple[str, "Key"]:
    """Return a new text for the key; the old one is good for the overlap. Limits, name and what is spent stay.

    Raises: NotFound; InvalidInput if several keys are meant, it is revoked, or the overlap is too long.
    """
    if not timedelta() <= overlap <= OVERLAP_MAX:
        raise InvalidInput(f"overlap: {overlap} is not within 0 to {OVERLAP_MAX.days} days", field="overlap")
    async with db.transaction() as tx:
        key = await _lock(tx, sought)
        text = make_key(clock.new_random(RANDOM_BYTES), key.kind)
        await keys.rotate(tx, key.id, prefix=shown_prefix(text), sha256=digest_key(text), overlap=overlap)
        (rotated,) = await keys.list_all(tx, id=key.id)
    log.info("key.rotated", key_id=key.id.hex, overlap_s=overlap.total_seconds())
    return text, rotated


async def revoke(db: "Database", sought: str) -> "Key":
    """End the key, for good and at once. Raises: NotFound; InvalidInput if several keys are meant."""
    async with db.transaction() as tx:
        key = await find_key(tx, sought)
        await keys.revoke(tx, key.id)
        (revoked,) = await keys.list_all(tx, id=key.id)
    log.info("key.revoked", key_id=key.id.hex)
    return revoked


async def limit(db: "Database", sought: str, change: Callable[[Terms], Terms]) -> "Key":
    """Change what the key may be used for; it counts from the next request on.

    Raises: NotFound; InvalidInput if several keys are meant or it is revoked.
    """
    async with db.transaction() as tx:
        key = await _lock(tx, sought)
        terms = change(key.terms)
        if terms.expires_at != key.terms.expires_at:
            require_future(terms)
        await keys.limit(tx, key.id, terms)
        (limited,) = await keys.list_all(tx, id=key.id)
    log.info("key.limited", key_id=key.id.hex)
    return limited


async def find_key(connection: "Connection", sought: str) -> "Key":
    """Return the key of this id, of this beginning as lists show it, or of this whole text.

    Raises: NotFound; InvalidInput if several keys begin like that.
    """
    found = await _match(connection, sought)
    if not found:
        raise NotFound(f"There is no key {shown_prefix(sought)}; name it by its id or as lists show it")
    if len(found) > 1:
        ids = ", ".join(key.id.hex for key in found)
        raise InvalidInput(f"key: {len(found)} keys begin like that; name one by its id: {ids}", field="key")
    return found[0]


async def _match(connection: "Connection", sought: str) -> "list[Key]":
    if is_well_formed(sought):
        return await keys.list_all(connection, sha256=digest_key(sought))
    if len(sought) == ID_CHARS and all(digit in "0123456789abcdef" for digit in sought):
        return await keys.list_all(connection, id=UUID(hex=sought))
    return await keys.list_all(connection, prefix=sought)


async def _lock(tx: "Connection", sought: str) -> "Key":
    key = await find_key(tx, sought)
    await keys.lock(tx, key.id)
    (locked,) = await keys.list_all(tx, id=key.id)
    if locked.revoked_at is not None:
        raise InvalidInput(f"key: {locked.prefix} is revoked, for good; make another one", field="key")
    return locked

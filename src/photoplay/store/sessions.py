"""Sessions of browsers, and links that begin one. Only hashes are kept; who they are for is a key, by its own hash."""

from datetime import timedelta
from typing import TYPE_CHECKING, cast

from photoplay.store.database import fetch, fetch_value

if TYPE_CHECKING:
    from photoplay.store.database import Connection

__all__ = ["add", "add_link", "end", "find_key", "forget_expired", "redeem_link"]


async def add(connection: "Connection", *, sha256: bytes, key_sha256: bytes, lifetime: timedelta) -> None:
    await fetch(connection, "sessions_insert", sha256=sha256, key_sha256=key_sha256, lifetime=lifetime)


async def find_key(connection: "Connection", *, sha256: bytes) -> bytes | None:
    """Return the hash of the key that the session stands for; whether that key is still good is asked elsewhere."""
    return cast("bytes | None", await fetch_value(connection, "sessions_find", sha256=sha256))


async def end(connection: "Connection", *, sha256: bytes) -> None:
    await fetch(connection, "sessions_end", sha256=sha256)


async def add_link(connection: "Connection", *, sha256: bytes, key_sha256: bytes, lifetime: timedelta) -> None:
    await fetch(connection, "sign_in_links_insert", sha256=sha256, key_sha256=key_sha256, lifetime=lifetime)


async def redeem_link(connection: "Connection", *, sha256: bytes) -> bytes | None:
    """Return the hash of the key that the link is for, and let nobody use the link again."""
    return cast("bytes | None", await fetch_value(connection, "sign_in_links_redeem", sha256=sha256))


async def forget_expired(connection: "Connection") -> None:
    await fetch(connection, "sessions_forget_expired")
    await fetch(connection, "sign_in_links_forget_expired")

"""Let a browser in: by a key, or by a link that the server's terminal showed. And out again."""

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from photoplay import clock
from photoplay.domain.errors import Unauthorized
from photoplay.domain.keys import digest_key
from photoplay.store import sessions

if TYPE_CHECKING:
    from photoplay.store.database import Database

__all__ = ["LINK_LIFETIME", "SESSION_LIFETIME", "make_link_token", "open_session", "redeem_link"]

# A week of work without the key at hand. What ends the key ends its sessions, whatever is left of this.
SESSION_LIFETIME: Final = timedelta(days=7)
# Long enough to change to the browser.
LINK_LIFETIME: Final = timedelta(minutes=15)


async def open_session(db: "Database", *, key_sha256: bytes) -> str:
    """Begin a session that stands for a key, and return its token, which is not kept."""
    token = clock.new_token()
    async with db.connection() as connection:
        await sessions.add(connection, sha256=digest_key(token), key_sha256=key_sha256, lifetime=SESSION_LIFETIME)
    return token


async def make_link_token(db: "Database", *, key: str) -> str:
    """Return a token that signs in once, for this key."""
    token = clock.new_token()
    async with db.connection() as connection:
        await sessions.add_link(
            connection, sha256=digest_key(token), key_sha256=digest_key(key), lifetime=LINK_LIFETIME
        )
    return token


async def redeem_link(db: "Database", *, token: str) -> bytes:
    """Return the hash of the key that a link is for. Raises: Unauthorized if it was used, or is too old."""
    async with db.connection() as connection:
        key_sha256 = await sessions.redeem_link(connection, sha256=digest_key(token))
    if key_sha256 is None:
        raise Unauthorized("Unauthorized: this link was used already, or is older than 15 minutes; sign in with a key")
    return key_sha256

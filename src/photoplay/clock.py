"""The one place that reads the clock and the random source. Pure code takes what these return."""

import secrets
from datetime import UTC, datetime
from uuid import UUID, uuid4  # noqa: TID251 - the one home of identifiers

__all__ = ["new_random", "new_seed", "new_token", "new_uuid", "now"]


def now() -> datetime:
    """Return this moment, aware, in UTC."""
    return datetime.now(UTC)  # noqa: TID251 - the one home of the clock


def new_uuid() -> UUID:
    return uuid4()


def new_random(count_bytes: int) -> bytes:
    """Return bytes that nobody can guess."""
    return secrets.token_bytes(count_bytes)


def new_token() -> str:
    """Return 192 random bits as URL-safe text: the unguessable part of a link."""
    return secrets.token_urlsafe(24)


def new_seed() -> int:
    """Return a seed for an engine, 0 to 2³¹ - 1."""
    return secrets.randbelow(2**31)

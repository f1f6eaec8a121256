"""Callback secrets: one per account, two while one is rotated. Stored readable, because an HMAC needs them so."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

from photoplay.domain.callbacks import Secret
from photoplay.domain.tasks import AccountId
from photoplay.store.database import fetch_row

if TYPE_CHECKING:
    from photoplay.store.database import Connection

__all__ = ["rotate", "valid"]


async def valid(connection: "Connection", account_id: AccountId) -> list[Secret]:
    """Return the secrets that sign now, the newest first."""
    row = await fetch_row(connection, "secrets_valid", account_id=account_id)
    assert row is not None, "accounts are never removed"
    return [Secret(str(text)) for text in (row["callback_secret"], row["earlier_secret"]) if text is not None]


async def rotate(
    connection: "Connection", account_id: AccountId, *, secret: Secret, overlap: timedelta
) -> tuple[str, datetime]:
    """Make `secret` the newest; return the account's name, and until when the one before signs too."""
    values = {"account_id": account_id, "secret": secret.reveal(), "overlap": overlap}
    row = await fetch_row(connection, "secrets_rotate", **values)
    assert row is not None, "accounts are never removed"
    return str(row["name"]), cast("datetime", row["earlier_secret_until"])

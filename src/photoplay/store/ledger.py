"""Writes movements of credits: the balances and the two postings, in the caller's transaction."""

from typing import TYPE_CHECKING

from photoplay.domain.credits import Book, Movement
from photoplay.store.database import fetch, fetch_value

if TYPE_CHECKING:
    from uuid import UUID

    from photoplay.store.database import Connection

__all__ = ["move"]


async def move(connection: "Connection", movement: Movement, *, movement_id: "UUID") -> int:
    """Write one movement and return the account's balance after it, in credits.

    The account's row must not go below zero on either side: its constraints refuse that.
    """
    balance = await fetch_value(
        connection,
        "accounts_move",
        id=movement.account_id,
        available=movement.change(Book.AVAILABLE),
        held=movement.change(Book.HELD),
    )
    await fetch(
        connection,
        "postings_insert",
        movement_id=movement_id,
        reason=movement.reason.value,
        account_id=movement.account_id,
        task_id=movement.task_id,
        actor=movement.actor,
        books=[posting.book.value for posting in movement.postings],
        credits=[posting.credits for posting in movement.postings],
    )
    assert isinstance(balance, int), "accounts are never removed"
    return balance

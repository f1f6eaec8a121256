"""Writes movements of credits: balances, what keys have spent, and two postings each, in the caller's transaction."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, cast

from photoplay.domain.credits import Book, Movement, Reason
from photoplay.domain.tasks import AccountId, KeyId
from photoplay.store.database import fetch, fetch_row

if TYPE_CHECKING:
    from uuid import UUID

    from photoplay.store.database import Connection

__all__ = ["Granted", "find_grant", "give_back_room", "hold_all", "move"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """A grant or a correction that is in the ledger."""

    reason: Reason
    credits: int
    """Signed: what the account gained."""
    note: str


async def move(connection: "Connection", movement: Movement, *, movement_id: "UUID") -> int:
    """Write one movement and return the account's balance after it, in credits.

    The account's row must not go below zero on either side: its constraints refuse that.
    """
    balances = await _write(connection, {movement_id: movement}, spent={})
    return balances[movement.account_id]


async def hold_all(connection: "Connection", movements: "Mapping[UUID, Movement]") -> None:
    """Write the holds of tasks that are accepted together, and count them as spent by their keys."""
    spent: defaultdict[KeyId, int] = defaultdict(int)
    for movement in movements.values():
        assert movement.reason is Reason.HOLD, "only a task that is accepted spends"
        assert movement.payer is not None, "a hold has a task"
        spent[movement.payer.key_id] += movement.change(Book.HELD)
    await _write(connection, movements, spent=spent)


async def give_back_room(connection: "Connection", released: Movement, *, held_at: datetime) -> None:
    """Take what a released task had held off what its key has spent."""
    assert released.payer is not None, "a release has a task"
    credits = released.change(Book.AVAILABLE)
    await fetch(connection, "keys_unspend", id=released.payer.key_id, credits=credits, held_at=held_at)


async def find_grant(connection: "Connection", movement_id: "UUID") -> Granted | None:
    """Return the grant or correction of this id, if it was written."""
    row = await fetch_row(connection, "postings_find_grant", movement_id=movement_id)
    if row is None:
        return None
    return Granted(reason=Reason(row["reason"]), credits=int(row["credits"]), note=str(row["note"]))


async def _write(
    connection: "Connection", movements: "Mapping[UUID, Movement]", *, spent: Mapping[KeyId, int]
) -> dict[AccountId, int]:
    """Write movements and return the balances after them. One exchange with the server, however many there are."""
    by_account: defaultdict[AccountId, list[Movement]] = defaultdict(list)
    for movement in movements.values():
        by_account[movement.account_id].append(movement)
    postings = [(id, movement, posting) for id, movement in movements.items() for posting in movement.postings]
    payers = [movement.payer for _, movement, _ in postings]
    rows = await fetch(
        connection,
        "ledger_write",
        changed_ids=list(by_account),
        available=[sum(movement.change(Book.AVAILABLE) for movement in theirs) for theirs in by_account.values()],
        held=[sum(movement.change(Book.HELD) for movement in theirs) for theirs in by_account.values()],
        unfinished=[sum(movement.unfinished for movement in theirs) for theirs in by_account.values()],
        spender_ids=list(spent),
        spent=list(spent.values()),
        movement_ids=[id for id, _, _ in postings],
        reasons=[movement.reason.value for _, movement, _ in postings],
        account_ids=[movement.account_id for _, movement, _ in postings],
        task_ids=[payer and payer.task_id for payer in payers],
        key_ids=[payer and payer.key_id for payer in payers],
        models=[payer and payer.model for payer in payers],
        actors=[movement.actor for _, movement, _ in postings],
        notes=[movement.note for _, movement, _ in postings],
        books=[posting.book.value for _, _, posting in postings],
        credits=[posting.credits for _, _, posting in postings],
    )
    assert len(rows) == len(by_account), "accounts are never removed"
    return {AccountId(cast("UUID", row["id"])): int(row["balance_credits"]) for row in rows}

"""Give an account credits, or take back what was given by mistake: two entries with an actor and a reason."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid5

import structlog

from photoplay import clock
from photoplay.domain import credits
from photoplay.domain.credits import Book, Movement, Reason
from photoplay.domain.errors import InvalidInput, NotFound
from photoplay.domain.keys import Kind
from photoplay.domain.tasks import AccountId
from photoplay.store import accounts, ledger

if TYPE_CHECKING:
    from photoplay.store.accounts import Standing
    from photoplay.store.database import Connection, Database

__all__ = ["CREDITS_MAX", "Adjustment", "check_note", "find_account", "grant"]

log = structlog.get_logger()

CREDITS_MAX: Final = 10**15
NOTE_CHARS_MAX: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """What an operator does to a balance."""

    reason: Reason
    """Grant or correct."""
    account: str
    kind: Kind
    credits: int
    note: str
    """Why: an invoice, an apology, a slip of the pen."""
    idempotency_key: str | None = None


async def grant(db: "Database", adjustment: Adjustment, *, actor: str) -> "Standing":
    """Write the adjustment, once for each Idempotency-Key of an account, and return the account after it.

    Raises: NotFound for an unknown account; InvalidInput if the credits or the note are wrong, if more is to be taken
        back than there is, or if the Idempotency-Key was used for something else.
    """
    _check(adjustment)
    async with db.transaction() as tx:
        found = await find_account(tx, adjustment.account, kind=adjustment.kind)
        # Repetitions that come together go one by one; the balance is read after this.
        await accounts.lock(tx, found.id)
        found = await find_account(tx, adjustment.account, kind=adjustment.kind)
        movement_id = _movement_id(found.id, adjustment.idempotency_key)
        movement = _movement(found.id, adjustment, actor=actor)
        if await _is_written(tx, movement_id, movement):
            return found
        _require_covered(movement, found)
        await ledger.move(tx, movement, movement_id=movement_id)
        after = await find_account(tx, adjustment.account, kind=adjustment.kind)
    log.info("account.adjusted", account=after.name, reason=adjustment.reason.value, credits=adjustment.credits)
    return after


async def find_account(connection: "Connection", name: str, *, kind: Kind) -> "Standing":
    """Raises: NotFound."""
    found = await accounts.list_all(connection, name=name, kind=kind)
    if not found:
        raise NotFound(f"There is no {kind} account {name[:100]}")
    return found[0]


def _check(adjustment: Adjustment) -> None:
    if not 1 <= adjustment.credits <= CREDITS_MAX:
        raise InvalidInput(f"credits: {adjustment.credits} is not within 1 to {CREDITS_MAX}", field="credits")
    check_note(adjustment.note)


def check_note(note: str) -> None:
    """Raises: InvalidInput unless it gives a reason."""
    if not 1 <= len(note.strip()) <= NOTE_CHARS_MAX:
        raise InvalidInput(f"note: say why in 1 to {NOTE_CHARS_MAX} characters, got {len(note)}", field="note")


def _movement_id(account_id: AccountId, idempotency_key: str | None) -> UUID:
    """The same id for the same key, so that the ledger itself refuses a second writing."""
    return clock.new_uuid() if idempotency_key is None else uuid5(account_id, idempotency_key)


def _movement(account_id: AccountId, adjustment: Adjustment, *, actor: str) -> Movement:
    verb = {Reason.GRANT: credits.grant, Reason.CORRECT: credits.correct}[adjustment.reason]
    return verb(account_id, adjustment.credits, actor=actor, note=adjustment.note)


async def _is_written(tx: "Connection", movement_id: UUID, movement: Movement) -> bool:
    earlier = await ledger.find_grant(tx, movement_id)
    if earlier is None:
        return False
    if (earlier.reason, earlier.credits, earlier.note) != (
        movement.reason,
        movement.change(Book.AVAILABLE),
        movement.note,
    ):
        raise InvalidInput(
            "Idempotency-Key: it was used for another adjustment of this account; use a new key for a new one",
            field="Idempotency-Key",
        )
    return True


def _require_covered(movement: Movement, account: "Standing") -> None:
    taken = -movement.change(Book.AVAILABLE)
    if taken > account.balance_credits:
        raise InvalidInput(
            f"credits: {taken} cannot be taken back, the balance is {account.balance_credits}", field="credits"
        )

"""Double entry in whole credits: every movement is two postings that sum to zero.

A hold is resolved at most once, by a post or a release; the store's constraints repeat that.
"""

from dataclasses import dataclass
from enum import StrEnum

from photoplay.domain.tasks import AccountId, KeyId, TaskId

__all__ = ["Book", "Movement", "Payer", "Posting", "Reason", "correct", "grant", "hold", "post", "release"]


class Book(StrEnum):
    """The four sides that credits move between."""

    AVAILABLE = "available"
    """What an account can spend. Never below 0."""
    HELD = "held"
    """What an account's unfinished tasks will cost. Never below 0."""
    REVENUE = "revenue"
    """What finished tasks have cost."""
    ISSUED = "issued"
    """Where credits come from: minus the sum of all grants."""


class Reason(StrEnum):
    """Why credits moved."""

    GRANT = "grant"
    """The operator gave them, or they were paid for."""
    CORRECT = "correct"
    """The operator took back what was granted by mistake."""
    HOLD = "hold"
    POST = "post"
    RELEASE = "release"


@dataclass(frozen=True, slots=True, kw_only=True)
class Payer:
    """The task that moves credits, and the key that asked for it."""

    account_id: AccountId
    key_id: KeyId
    task_id: TaskId
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    book: Book
    credits: int
    """Signed: what the book gains."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """One transfer between two books."""

    reason: Reason
    account_id: AccountId
    payer: Payer | None
    """None for movements that no task caused."""
    actor: str
    """Who caused it: `task`, `operator:<user>` at the command line, or `key:<id>` of an admin key."""
    note: str
    """Why, in the actor's words; empty for what tasks do."""
    postings: tuple[Posting, Posting]

    def __post_init__(self) -> None:
        """Refuse what is not a transfer. Raises: AssertionError; that is a bug."""
        source, target = self.postings
        assert source.credits == -target.credits <= 0, f"a movement must take and give the same: {self.postings}"

    def change(self, book: Book) -> int:
        """Return what the book gains by this movement, in credits."""
        return sum(posting.credits for posting in self.postings if posting.book is book)

    @property
    def unfinished(self) -> int:
        """How many more unfinished tasks the account has after it."""
        return {Reason.HOLD: 1, Reason.POST: -1, Reason.RELEASE: -1}.get(self.reason, 0)


def grant(account_id: AccountId, credits: int, *, actor: str, note: str = "") -> Movement:
    return _move(Reason.GRANT, Book.ISSUED, Book.AVAILABLE, credits, account_id=account_id, actor=actor, note=note)


def correct(account_id: AccountId, credits: int, *, actor: str, note: str) -> Movement:
    """Take granted credits back."""
    return _move(Reason.CORRECT, Book.AVAILABLE, Book.ISSUED, credits, account_id=account_id, actor=actor, note=note)


def hold(payer: Payer, credits: int) -> Movement:
    """Set the price of an accepted task aside."""
    return _move(Reason.HOLD, Book.AVAILABLE, Book.HELD, credits, account_id=payer.account_id, payer=payer)


def post(payer: Payer, credits: int) -> Movement:
    """Charge what was held: the task succeeded."""
    return _move(Reason.POST, Book.HELD, Book.REVENUE, credits, account_id=payer.account_id, payer=payer)


def release(payer: Payer, credits: int) -> Movement:
    """Give back what was held: the task did not succeed."""
    return _move(Reason.RELEASE, Book.HELD, Book.AVAILABLE, credits, account_id=payer.account_id, payer=payer)


def _move(
    reason: Reason,
    source: Book,
    target: Book,
    credits: int,
    *,
    account_id: AccountId,
    payer: Payer | None = None,
    actor: str = "task",
    note: str = "",
) -> Movement:
    postings = (Posting(book=source, credits=-credits), Posting(book=target, credits=credits))
    return Movement(reason=reason, account_id=account_id, payer=payer, actor=actor, note=note, postings=postings)

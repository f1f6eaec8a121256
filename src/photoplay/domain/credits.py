"""Double entry in whole credits: every movement is two postings that sum to zero.

A hold is resolved at most once, by a post or a release; the store's constraints repeat that.
"""

from dataclasses import dataclass
from enum import StrEnum

from photoplay.domain.tasks import AccountId, TaskId

__all__ = ["Book", "Movement", "Posting", "Reason", "grant", "hold", "post", "release"]


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
    HOLD = "hold"
    POST = "post"
    RELEASE = "release"


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
    task_id: TaskId | None
    """None for movements that no task caused."""
    actor: str
    """Who caused it: `task`, or the operator's command."""
    postings: tuple[Posting, Posting]

    def __post_init__(self) -> None:
        """Refuse what is not a transfer. Raises: AssertionError; that is a bug."""
        source, target = self.postings
        assert source.credits == -target.credits <= 0, f"a movement must take and give the same: {self.postings}"

    def change(self, book: Book) -> int:
        """Return what the book gains by this movement, in credits."""
        return sum(posting.credits for posting in self.postings if posting.book is book)


def grant(account_id: AccountId, credits: int, *, actor: str) -> Movement:
    return _move(Reason.GRANT, Book.ISSUED, Book.AVAILABLE, credits, account_id=account_id, task_id=None, actor=actor)


def hold(account_id: AccountId, task_id: TaskId, credits: int) -> Movement:
    """Set the price of an accepted task aside."""
    return _move(Reason.HOLD, Book.AVAILABLE, Book.HELD, credits, account_id=account_id, task_id=task_id)


def post(account_id: AccountId, task_id: TaskId, credits: int) -> Movement:
    """Charge what was held: the task succeeded."""
    return _move(Reason.POST, Book.HELD, Book.REVENUE, credits, account_id=account_id, task_id=task_id)


def release(account_id: AccountId, task_id: TaskId, credits: int) -> Movement:
    """Give back what was held: the task did not succeed."""
    return _move(Reason.RELEASE, Book.HELD, Book.AVAILABLE, credits, account_id=account_id, task_id=task_id)


def _move(
    reason: Reason,
    source: Book,
    target: Book,
    credits: int,
    *,
    account_id: AccountId,
    task_id: TaskId | None,
    actor: str = "task",
) -> Movement:
    postings = (Posting(book=source, credits=-credits), Posting(book=target, credits=credits))
    return Movement(reason=reason, account_id=account_id, task_id=task_id, actor=actor, postings=postings)

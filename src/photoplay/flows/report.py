"""Tell what was moved: usage by key, model and day; the entries of one task. Read off the ledger, not off the tasks."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from photoplay.domain.errors import InvalidInput
from photoplay.store import statements

if TYPE_CHECKING:
    from photoplay.domain.statements import Entry, Usage
    from photoplay.domain.tasks import AccountId, TaskId
    from photoplay.store.database import Database

__all__ = ["DAYS_MAX", "Span", "entries", "last_days", "usage"]

# A year and a day: the number of rows is bounded by days, keys and models.
DAYS_MAX: Final = 367
DAYS_DEFAULT: Final = 31


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """UTC days, both included."""

    since: date
    until: date

    def __post_init__(self) -> None:
        """Raises: InvalidInput for a span that ends before it begins, or is too long."""
        days = (self.until - self.since).days + 1
        if days < 1:
            raise InvalidInput(f"to: {self.until} is before {self.since}", field="to")
        if days > DAYS_MAX:
            raise InvalidInput(
                f"to: {self.since} to {self.until} are {days} days, allowed are 1 to {DAYS_MAX}", field="to"
            )


def last_days(today: date, *, since: date | None, until: date | None) -> Span:
    """Return the span that is meant: what is left out is the month up to today."""
    end = until or max(today, since or today)
    return Span(since=since or end - timedelta(days=DAYS_DEFAULT - 1), until=end)


async def usage(db: "Database", span: Span, *, account_id: "AccountId | None") -> "list[Usage]":
    async with db.connection() as connection:
        return await statements.usage(connection, account_id=account_id, since=span.since, until=span.until)


async def entries(db: "Database", task_id: "TaskId | None", *, account_id: "AccountId | None") -> "list[Entry]":
    """Return what a task moved. It outlives the task's record.

    Raises: InvalidInput for an unknown task and for another account's alike.
    """
    async with db.connection() as connection:
        found = [] if task_id is None else await statements.entries(connection, task_id, account_id=account_id)
    if not found:
        raise InvalidInput("recordInfo is null: there are no entries of this task", field="taskId")
    return found

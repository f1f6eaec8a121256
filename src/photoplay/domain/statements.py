"""What the ledger tells: usage by key, model and day; the entries of a task; whether everything agrees. Pure."""

import csv
import io
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from uuid import UUID

from photoplay.domain.credits import Book, Reason

__all__ = ["Audit", "Compared", "Difference", "Entry", "Usage", "usage_csv"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What the tasks of one key and one model moved on one UTC day, in credits."""

    day: date
    account: str
    key_id: UUID
    key_name: str
    key_prefix: str
    model: str
    tasks: int
    """Accepted on this day."""
    held: int
    charged: int
    """Of tasks that succeeded on this day, whenever they were accepted."""
    given_back: int
    """Of tasks that ended without success on this day."""


def usage_csv(rows: Iterable[Usage]) -> str:
    """Return the rows as CSV below a head. Source: RFC 4180."""
    out = io.StringIO()
    writer: csv.DictWriter[str] = csv.DictWriter(out, [field.name for field in fields(Usage)])
    writer.writeheader()
    writer.writerows({**asdict(row), "key_id": row.key_id.hex} for row in rows)
    return out.getvalue()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One posting, as it stands in the ledger."""

    movement_id: UUID
    reason: Reason
    book: Book
    credits: int
    actor: str
    note: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    what: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Something that does not agree with the entries."""

    subject: str
    what: str
    found: str
    expected: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.what} is {self.found}, must be {self.expected}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What one check of the ledger compared, all of one moment, and what did not agree."""

    compared: tuple[Compared, ...]
    differences: tuple[Difference, ...]
    """The first of each kind, a hundred at most."""

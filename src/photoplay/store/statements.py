"""Reads statements off the postings, and compares these with everything that must agree with them."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Final, cast
from uuid import UUID

from photoplay.domain.credits import Book, Reason
from photoplay.domain.statements import Audit, Compared, Difference, Entry, Usage
from photoplay.domain.tasks import AccountId, TaskId
from photoplay.store.database import Row, fetch, fetch_long, fetch_row

if TYPE_CHECKING:
    from photoplay.store.database import Connection

__all__ = ["LastCheck", "audit", "begin_check", "end_check", "entries", "last_check", "usage"]

_CHECKS: Final = ("ledger_check_movements", "ledger_check_accounts", "ledger_check_keys", "ledger_check_tasks")


@dataclass(frozen=True, slots=True, kw_only=True)
class LastCheck:
    differences: int
    age_s: float


async def usage(connection: "Connection", *, account_id: AccountId | None, since: date, until: date) -> list[Usage]:
    """Return what one account's tasks moved, or everybody's, on these UTC days, both included."""
    rows = await fetch(connection, "postings_usage", account_id=account_id, since=since, until=until)
    return [
        Usage(
            day=cast("date", row["day"]),
            account=str(row["account"]),
            key_id=cast("UUID", row["key_id"]),
            key_name=str(row["key_name"]),
            key_prefix=str(row["key_prefix"]),
            model=str(row["model"]),
            tasks=int(row["tasks"]),
            held=int(row["held"]),
            charged=int(row["charged"]),
            given_back=int(row["given_back"]),
        )
        for row in rows
    ]


async def entries(connection: "Connection", task_id: TaskId, *, account_id: AccountId | None) -> list[Entry]:
    """Return the postings of a task, oldest first; none if it is not this account's."""
    rows = await fetch(connection, "postings_of_task", task_id=task_id, account_id=account_id)
    return [
        Entry(
            movement_id=cast("UUID", row["movement_id"]),
            reason=Reason(row["reason"]),
            book=Book(row["book"]),
            credits=int(row["credits"]),
            actor=str(row["actor"]),
            note=str(row["note"]),
            created_at=cast("datetime", row["created_at"]),
        )
        for row in rows
    ]


async def audit(snapshot: "Connection") -> Audit:
    """Compute from the postings what everything else must be, and compare. Reads whole tables."""
    (counts,) = await fetch_long(snapshot, "ledger_check_counts")
    differences = [_difference(row) for name in _CHECKS for row in await fetch_long(snapshot, name)]
    return Audit(compared=_compared(counts), differences=tuple(differences))


async def begin_check(connection: "Connection", *, every: timedelta) -> bool:
    """Take the turn of checking the ledger; False where somebody did within this time."""
    return bool(await fetch(connection, "ledger_checks_begin", every=every))


async def end_check(connection: "Connection", *, differences: int) -> None:
    await fetch(connection, "ledger_checks_end", differences=differences)


async def last_check(connection: "Connection") -> LastCheck | None:
    row = await fetch_row(connection, "ledger_checks_last")
    return None if row is None else LastCheck(differences=int(row["differences"]), age_s=float(row["age_s"]))


def _difference(row: Row) -> Difference:
    return Difference(
        subject=str(row["subject"]), what=str(row["what"]), found=str(row["found"]), expected=str(row["expected"])
    )


def _compared(counts: Row) -> tuple[Compared, ...]:
    said = (
        ("movements that sum to zero", "movements"),
        ("postings in them", "postings"),
        ("accounts: balance, held, unfinished tasks", "accounts"),
        ("keys: what each has spent", "keys"),
        ("unfinished tasks: held once, not resolved", "unfinished"),
        ("ended tasks: held once, resolved once, charged as they ended", "ended"),
        ("tasks in the entries, removed ones included", "paid"),
        ("credits issued", "issued"),
        ("credits available", "available"),
        ("credits held", "held"),
        ("credits of revenue", "revenue"),
    )
    return tuple(Compared(what=what, count=int(counts[column])) for what, column in said)

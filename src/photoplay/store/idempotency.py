"""Remembers which request made which task, by the caller's Idempotency-Key."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast
from uuid import UUID

from photoplay.domain.tasks import AccountId, TaskId
from photoplay.store.database import execute_all, fetch

if TYPE_CHECKING:
    from photoplay.store.database import Connection

__all__ = ["Name", "Remembered", "find_all", "forget_old", "remember_all", "try_lock_all"]


@dataclass(frozen=True, slots=True)
class Name:
    """An Idempotency-Key, which is one account's own."""

    account_id: AccountId
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    task_id: TaskId
    request_sha256: bytes


async def try_lock_all(connection: "Connection", names: Sequence[Name]) -> set[Name]:
    """Hold these names until the transaction ends, and return those that nobody else holds."""
    subjects = [f"{name.account_id.hex}:{name.key}" for name in names]
    rows = await fetch(connection, "idempotency_try_lock_all", subjects=subjects)
    return {name for name, row in zip(names, rows, strict=True) if row["is_ours"]}


async def find_all(connection: "Connection", names: Collection[Name]) -> dict[Name, Remembered]:
    """Return what the names stand for; those that were never used are left out."""
    rows = await fetch(
        connection,
        "idempotency_find_all",
        account_ids=[name.account_id for name in names],
        keys=[name.key for name in names],
    )
    return {
        Name(AccountId(cast("UUID", row["account_id"])), str(row["key"])): Remembered(
            task_id=TaskId(cast("UUID", row["task_id"])), request_sha256=bytes(row["request_sha256"])
        )
        for row in rows
    }


async def remember_all(connection: "Connection", entries: Mapping[Name, Remembered]) -> None:
    rows = [
        {
            "account_id": name.account_id,
            "key": name.key,
            "task_id": entry.task_id,
            "request_sha256": entry.request_sha256,
        }
        for name, entry in entries.items()
    ]
    await execute_all(connection, "idempotency_insert", rows)


async def forget_old(connection: "Connection") -> None:
    """Forget what is older than 24 hours. Source: contract §2."""
    await fetch(connection, "idempotency_forget_old")

"""Remembers which request made which task, by the caller's Idempotency-Key."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast
from uuid import UUID

from photoplay.domain.tasks import AccountId, TaskId
from photoplay.store.database import fetch, fetch_row, fetch_value

if TYPE_CHECKING:
    from photoplay.store.database import Connection

__all__ = ["Remembered", "find", "forget_old", "remember", "try_lock"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    task_id: TaskId
    request_sha256: bytes


async def try_lock(connection: "Connection", account_id: AccountId, key: str) -> bool:
    """Hold this key until the transaction ends, or return False at once if somebody else does."""
    return bool(await fetch_value(connection, "idempotency_try_lock", subject=f"{account_id.hex}:{key}"))


async def find(connection: "Connection", account_id: AccountId, key: str) -> Remembered | None:
    row = await fetch_row(connection, "idempotency_find", account_id=account_id, key=key)
    if row is None:
        return None
    return Remembered(task_id=TaskId(cast("UUID", row["task_id"])), request_sha256=bytes(row["request_sha256"]))


async def remember(connection: "Connection", account_id: AccountId, key: str, *, entry: Remembered) -> None:
    await fetch(
        connection,
        "idempotency_insert",
        account_id=account_id,
        key=key,
        task_id=entry.task_id,
        request_sha256=entry.request_sha256,
    )


async def forget_old(connection: "Connection") -> None:
    """Forget what is older than 24 hours. Source: contract §2."""
    await fetch(connection, "idempotency_forget_old")

"""Rows of files. A row is written before its file and removed after it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

from photoplay.domain.tasks import AccountId, TaskId
from photoplay.store.database import Row, fetch, fetch_row

if TYPE_CHECKING:
    from photoplay.store.database import Connection

__all__ = ["StoredFile", "announce", "expire_unfinished", "expired", "find_ready", "forget", "keep"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    path: str
    mime_type: str
    size_bytes: int
    original_name: str | None
    created_at: datetime
    expires_at: datetime


async def announce(
    connection: "Connection",
    path: str,
    *,
    account_id: AccountId,
    task_id: TaskId | None,
    mime_type: str,
    original_name: str | None = None,
) -> None:
    """Say that a file is about to be written. Unless it is kept, it goes within the hour."""
    await fetch(
        connection,
        "files_announce",
        path=path,
        account_id=account_id,
        task_id=task_id,
        mime_type=mime_type,
        original_name=original_name,
    )


async def keep(connection: "Connection", path: str, *, size_bytes: int, lifetime: timedelta) -> StoredFile:
    """Make a written file readable, for this long."""
    row = await fetch_row(connection, "files_keep", path=path, size_bytes=size_bytes, lifetime=lifetime)
    assert row is not None, "a file is announced before it is kept"
    return _file(row)


async def expire_unfinished(connection: "Connection", task_id: TaskId) -> None:
    """Let the sweep remove what earlier attempts of a finished task left behind."""
    await fetch(connection, "files_expire_unfinished", task_id=task_id)


async def find_ready(connection: "Connection", path: str) -> StoredFile | None:
    row = await fetch_row(connection, "files_find_ready", path=path)
    return None if row is None else _file(row)


async def expired(connection: "Connection") -> list[str]:
    return [str(row["path"]) for row in await fetch(connection, "files_expired")]


async def forget(connection: "Connection", path: str) -> None:
    await fetch(connection, "files_forget", path=path)


def _file(row: Row) -> StoredFile:
    return StoredFile(
        path=str(row["path"]),
        mime_type=str(row["mime_type"]),
        size_bytes=int(row["size_bytes"]),
        original_name=cast("str | None", row["original_name"]),
        created_at=cast("datetime", row["created_at"]),
        expires_at=cast("datetime", row["expires_at"]),
    )

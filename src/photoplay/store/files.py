"""Rows of files and of their links. A row is written before its file and removed after it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast
from uuid import UUID

from photoplay.domain.tasks import AccountId, TaskId
from photoplay.store.database import Row, fetch, fetch_row

if TYPE_CHECKING:
    from photoplay.store.database import Connection

__all__ = [
    "StoredFile",
    "announce",
    "expire_unfinished",
    "expired",
    "find_ready",
    "forget",
    "forget_expired_links",
    "keep",
    "known",
    "link",
    "ready_after",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    path: str
    """Its lasting one, whichever link it was found by."""
    account_id: AccountId
    mime_type: str
    size_bytes: int
    original_name: str | None
    created_at: datetime
    expires_at: datetime
    """When the link that it was found by ends."""


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


async def link(connection: "Connection", path: str, *, file_path: str, lifetime: timedelta, links_max: int) -> bool:
    """Let a file be found by another path as well, for this long; False where it has so many links already."""
    row = await fetch_row(
        connection, "links_insert", path=path, file_path=file_path, lifetime=lifetime, links_max=links_max
    )
    return row is not None


async def forget_expired_links(connection: "Connection") -> None:
    await fetch(connection, "links_forget_expired")


async def known(connection: "Connection", paths: Sequence[str]) -> set[str]:
    """Return those of the paths that have a row."""
    return {str(row["path"]) for row in await fetch(connection, "files_known", paths=paths)}


async def ready_after(connection: "Connection", after: str) -> list[str]:
    """Return the next paths whose files must be there, in order; empty at the end."""
    return [str(row["path"]) for row in await fetch(connection, "files_ready_after", after=after)]


def _file(row: Row) -> StoredFile:
    return StoredFile(
        path=str(row["path"]),
        account_id=AccountId(cast("UUID", row["account_id"])),
        mime_type=str(row["mime_type"]),
        size_bytes=int(row["size_bytes"]),
        original_name=cast("str | None", row["original_name"]),
        created_at=cast("datetime", row["created_at"]),
        expires_at=cast("datetime", row["expires_at"]),
    )

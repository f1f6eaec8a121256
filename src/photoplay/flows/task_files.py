"""Files that a task leaves in the file store."""

from pathlib import Path
from typing import TYPE_CHECKING

from photoplay.domain.outcomes import Kept
from photoplay.domain.tasks import Task
from photoplay.store import files

if TYPE_CHECKING:
    from photoplay.flows.parts import WorkerParts

__all__ = ["store_file"]


async def store_file(task: Task, source: Path, path: str, *, mime_type: str, parts: "WorkerParts") -> Kept:
    """Copy a local file in under this path; the row comes first, so that a crash leaves nothing that nobody knows.

    Nobody can read it until it is kept. Raises: StoreUnavailable.
    """
    async with parts.db.connection() as connection:
        await files.announce(connection, path, account_id=task.account_id, task_id=task.id, mime_type=mime_type)
    return Kept(path=path, size_bytes=await parts.files.put(path, source))

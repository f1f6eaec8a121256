"""What tests do again and again: ask for a task, run it to an end without an engine, and look at the rows."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Literal

import httpx2

from photoplay import clock
from photoplay.domain.errors import AppError
from photoplay.domain.json import JsonValue
from photoplay.domain.outcomes import Produced
from photoplay.domain.tasks import Claim, Task, TaskId
from photoplay.flows.parts import ApiParts, WorkerParts
from photoplay.flows.settle import settle
from photoplay.flows.submit import Submission
from photoplay.store import files, tasks
from photoplay.store.database import Database
from photoplay.web.app import build_app
from photoplay.web.wire import dump, parse_submission

BASE_URL = "http://photoplay.test"
MODEL = "bytedance/v1-pro-fast-image-to-video"
STILL_URL = "http://127.0.0.1:9/photo.jpg"
HOOK_URL = "http://127.0.0.1:9/hook"
CREATE = "/api/v1/jobs/createTask"
RECORD = "/api/v1/jobs/recordInfo"
# Long enough for every test; those about losing it ask for a shorter one.
LEASE = timedelta(minutes=5)
LOST = timedelta(seconds=-1)


@asynccontextmanager
async def open_api(
    parts: ApiParts, key: str | None, *, http_status: Literal["mirror", "ok"] = "mirror"
) -> AsyncGenerator[httpx2.AsyncClient]:
    """The app in process, called as a client with this key would."""
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    transport = httpx2.ASGITransport(build_app(parts, http_status=http_status), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url=BASE_URL, headers=headers) as client:
        yield client


def request(*, callback_url: str | None = None, **values: JsonValue) -> dict[str, JsonValue]:
    """A create request that is accepted, unless the values given for `input` are wrong."""
    root: dict[str, JsonValue] = {
        "model": MODEL,
        "input": {"prompt": "slow push in", "image_url": STILL_URL, **values},
    }
    return root if callback_url is None else {**root, "callBackUrl": callback_url}


def submission(
    *, callback_url: str | None = None, idempotency_key: str | None = None, **values: JsonValue
) -> Submission:
    body = dump(request(callback_url=callback_url, **values)).encode()
    return parse_submission(body, idempotency_key=idempotency_key)


async def claim(task_id: TaskId, *, db: Database, lease: timedelta = LEASE) -> Claim:
    async with db.connection() as connection:
        taken = await tasks.claim(connection, task_id, token=clock.new_uuid(), lease=lease)
    assert taken is not None, "the task was there to be claimed"
    return taken


async def begin(task_id: TaskId, *, db: Database, lease: timedelta = LEASE) -> Claim:
    """Claim the task and let its engine start."""
    taken = await claim(task_id, db=db, lease=lease)
    async with db.connection() as connection:
        await tasks.start(connection, taken)
    return taken


async def announce_clip(task_id: TaskId, *, db: Database, path: str = "") -> Produced:
    """The clip of an attempt, as the store knows it just before the attempt is settled."""
    task = await read(task_id, db=db)
    path = path or f"{clock.new_token()}/{task_id.hex}.mp4"
    async with db.connection() as connection:
        await files.announce(connection, path, account_id=task.account_id, task_id=task_id, mime_type="video/mp4")
    return Produced(result=path, size_bytes=123, engine="camera")


async def succeed(task_id: TaskId, *, parts: WorkerParts) -> Produced:
    """Run the task to its good end."""
    taken = await begin(task_id, db=parts.db)
    produced = await announce_clip(task_id, db=parts.db)
    await settle(taken, produced, parts=parts)
    return produced


async def fail(task_id: TaskId, error: AppError, *, parts: WorkerParts) -> None:
    """Run one attempt that ends with this error."""
    await settle(await begin(task_id, db=parts.db), error, parts=parts)


async def read(task_id: TaskId, *, db: Database) -> Task:
    async with db.connection() as connection:
        return await tasks.read(connection, task_id)


async def rows(db: Database, sql: str, *values: object) -> list[tuple[Any, ...]]:
    async with db.connection() as connection:
        return [tuple(row) for row in await connection.fetch(sql, *values)]


async def value(db: Database, sql: str, *values: object) -> Any:
    async with db.connection() as connection:
        return await connection.fetchval(sql, *values)


async def jobs(db: Database) -> Sequence[tuple[str, str]]:
    """Every entry of the queue: what runs it, and its subject with the attempt before."""
    found = await rows(db, "select entrypoint, dedupe_key from pgqueuer order by id")
    return [(str(entrypoint), str(key)) for entrypoint, key in found]


async def balances(db: Database) -> tuple[int, int]:
    """What the accounts can spend and what is set aside, in credits."""
    (row,) = await rows(db, "select sum(balance_credits)::int, sum(held_credits)::int from accounts")
    return row[0], row[1]


async def footprint(db: Database) -> dict[str, object]:
    """Everything that an accepted request would have changed."""
    tables = ("tasks", "postings", "idempotency", "callbacks", "pgqueuer", "files")
    counts: dict[str, object] = {name: await value(db, f"select count(*) from {name}") for name in tables}
    return {**counts, "balances": await balances(db)}

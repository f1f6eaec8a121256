"""What tests do again and again: ask for a task, run it to an end without an engine, and look at the rows."""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

import asyncpg
import httpx2

from photoplay import clock
from photoplay.domain.errors import AppError
from photoplay.domain.json import JsonObject, JsonValue
from photoplay.domain.keys import digest_key
from photoplay.domain.limits import CreateRate, Limits
from photoplay.domain.outcomes import Produced
from photoplay.domain.tasks import Claim, Task, TaskId
from photoplay.flows.accept import open_intake
from photoplay.flows.parts import ApiParts, Parts, WorkerParts
from photoplay.flows.settle import settle
from photoplay.flows.submit import Submission
from photoplay.store import accounts, files, tasks
from photoplay.store.accounts import Caller
from photoplay.store.database import Database, fetch_row
from photoplay.store.signals import Signals
from photoplay.web.app import build_app
from photoplay.web.wire import dump, parse_submission

if TYPE_CHECKING:
    from photoplay.store.database import Connection

BASE_URL = "http://photoplay.test"
MODEL = "bytedance/v1-pro-fast-image-to-video"
STILL_URL = "http://127.0.0.1:9/photo.jpg"
HOOK_URL = "http://127.0.0.1:9/hook"
CREATE = "/api/v1/jobs/createTask"
RECORD = "/api/v1/jobs/recordInfo"
# Long enough for every test; those about losing it ask for a shorter one.
LEASE = timedelta(minutes=5)
LOST = timedelta(seconds=-1)
# Those of the contract.
LIMITS = Limits(creates=CreateRate(20, timedelta(seconds=10)), unfinished_max=100)
# What a test of a few seconds may take on a busy machine.
HOUR_IS_NEAR_S = 40
NO_RATE = Limits(creates=None, unfinished_max=100_000)


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
    *,
    callback_url: str | None = None,
    idempotency_key: str | None = None,
    root: JsonObject | None = None,
    **values: JsonValue,
) -> Submission:
    """Such a request, parsed. `root` is what it says beside its input."""
    body = dump({**request(callback_url=callback_url, **values), **(root or {})}).encode()
    return parse_submission(body, idempotency_key=idempotency_key)


@asynccontextmanager
async def limited(parts: ApiParts, limits: Limits = LIMITS, *, waiting_max: int = 10_000) -> AsyncGenerator[ApiParts]:
    """The same parts with other limits."""
    async with open_intake(parts.db, limits=limits, waiting_max=waiting_max) as intake:
        yield replace(parts, intake=intake)


@asynccontextmanager
async def listening(parts: Parts) -> AsyncGenerator[Signals]:
    """The parts' signals, heard while the block runs."""
    async with asyncio.TaskGroup() as group:
        listener = group.create_task(parts.signals.listen())
        with parts.signals.watch("anything") as watch:
            # Everybody is woken once when listening begins.
            assert await watch.wait(within_s=20)
        yield parts.signals
        listener.cancel()


def let_the_hour_change() -> None:
    """Wait for the next UTC hour, and with it perhaps the next day, where it is so near that a test may run into it."""
    left_s = 3600 - clock.now().timestamp() % 3600
    if left_s < HOUR_IS_NEAR_S:
        time.sleep(left_s + 1)


async def find_caller(connection: "Connection", key: str) -> Caller | None:
    """Return whom a key speaks for."""
    sha256 = digest_key(key)
    return (await accounts.find_callers(connection, {sha256})).get(sha256)


def closed_signals() -> Signals:
    """Signals of a process that stops: nobody waits for any."""
    signals = Signals("")
    signals.close()
    return signals


async def claim(task_id: TaskId, *, db: Database, lease: timedelta = LEASE) -> Claim:
    """Claim this very task, whichever goes first."""
    token = clock.new_uuid()
    async with db.connection() as connection:
        row = await fetch_row(connection, "tasks_claim", id=task_id, token=token, lease=lease, state="claimed")
    assert row is not None, "the task was there to be claimed"
    return Claim(task_id=task_id, token=token, attempt=row["attempt"])


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


async def make_database(postgres_url: str) -> str:
    """Return the address of a new database with the schema in place."""
    name = f"t{clock.new_uuid().hex}"
    # From template1: a template must have no other connection.
    connection = await asyncpg.connect(postgres_url.replace("/photoplay?", "/template1?"))
    try:
        await connection.execute(f"create database {name} template photoplay strategy file_copy")
    finally:
        await connection.close()
    return postgres_url.replace("/photoplay?", f"/{name}?")

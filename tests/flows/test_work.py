"""The worker's loops: what one of them waits for, or loses, holds up none of the others."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import httpx2
import pytest

from photoplay.domain.keys import Kind
from photoplay.domain.tasks import State, Task, TaskId
from photoplay.engines.runner import EnginePool
from photoplay.files.store import FileStore
from photoplay.flows.enroll import enroll
from photoplay.flows.parts import ApiParts, WorkerParts
from photoplay.flows.submit import submit
from photoplay.store.accounts import Caller
from photoplay.store.database import Database
from photoplay.worker.loops import work
from scenes import CREATE, LOST, begin, listening, open_api, read, rows, submission

LONG_S = 60.0
# The queue's own connection, not those that make or look for wake-ups.
QUEUE = (
    "select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
    " and query ~* 'pgqueuer' and query !~* 'insert|tasks'"
)


@dataclass(frozen=True, slots=True)
class Site:
    """A worker at work, with two places for the sandbox, and its API."""

    api: httpx2.AsyncClient
    worker: WorkerParts

    async def create(self, **script: object) -> TaskId:
        answer = (await self.api.post(CREATE, json={"model": "sandbox/image-to-video", "input": script})).json()
        assert answer["code"] == 200, answer
        return TaskId(UUID(answer["data"]["taskId"]))

    async def look(self, task_id: TaskId) -> Task:
        return await read(task_id, db=self.worker.db)

    async def wait_for(self, task_id: TaskId, state: State) -> Task:
        with self.worker.signals.watch(task_id.hex) as watch:
            async with asyncio.timeout(LONG_S):
                while (task := await self.look(task_id)).state is not state:
                    await watch.wait(within_s=1)
        return task


class EndlessFiles(FileStore):
    """A file store whose names take for ever to read."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.is_read = asyncio.Event()

    async def paths(self, *, older_than: datetime) -> AsyncIterator[Sequence[str]]:
        self.is_read.set()
        await asyncio.Event().wait()
        async for batch in super().paths(older_than=older_than):
            yield batch


@pytest.fixture
async def site(parts: ApiParts, worker: WorkerParts, db: Database) -> AsyncGenerator[Site]:
    names, stop = frozenset({"sandbox"}), asyncio.Event()
    key = await enroll(db, account="tester", granted=0, kind=Kind.TEST)
    pool = EnginePool("sandbox", size=2)
    async with (
        open_api(replace(parts, engine_names=names), key) as api,
        listening(parts),
        asyncio.TaskGroup() as group,
    ):
        worker = replace(worker, engine_names=names, engines={"sandbox": pool})
        group.create_task(work(worker, drain=timedelta(), stop=stop))
        yield Site(api, worker)
        stop.set()
    await pool.stop(timedelta())


async def lose_connection(db: Database) -> None:
    assert await rows(db, f"select pg_terminate_backend(pid) from ({QUEUE}) as queue")


async def lose_statement(db: Database) -> None:
    """Let a statement of the queue fail on a connection that is still there."""
    waiting = f"select pid from ({QUEUE} and wait_event_type = 'Lock') as queue"
    async with asyncio.timeout(LONG_S), db.transaction() as tx:
        await tx.execute("lock table pgqueuer in access exclusive mode")
        while not await rows(db, f"select pg_cancel_backend(pid) from pg_sleep(0.1), ({waiting}) as waiting"):
            pass


@pytest.mark.parametrize("lose", [lose_connection, lose_statement])
async def test_a_queue_that_lost_the_database_takes_tasks_while_a_clip_goes_on(
    lose: Callable[[Database], Awaitable[None]], site: Site
) -> None:
    long = await site.create(seconds=300)
    await site.wait_for(long, State.GENERATING)
    await lose(site.worker.db)
    await site.wait_for(await site.create(), State.SUCCEEDED)
    after = await site.look(long)

    assert (after.state, after.attempt) == (State.GENERATING, 1)


async def test_lost_tasks_do_not_wait_for_the_comparison_of_files(
    parts: ApiParts, caller: Caller, worker: WorkerParts, tmp_path: Path
) -> None:
    files, stop = EndlessFiles(tmp_path / "files"), asyncio.Event()
    async with asyncio.timeout(LONG_S), listening(parts), asyncio.TaskGroup() as group:
        group.create_task(work(replace(worker, files=files), drain=timedelta(), stop=stop))
        await files.is_read.wait()
        task_id = await submit(submission(), caller=caller, parts=parts)
        with parts.signals.watch(task_id.hex) as watch:
            lost = await begin(task_id, db=parts.db, lease=LOST)
            while (task := await read(task_id, db=parts.db)).state is not State.WAITING:
                await watch.wait(within_s=LONG_S)
        stop.set()

    assert (task.attempt, lost.attempt) == (1, 1)

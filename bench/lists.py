"""What a page of 50 tasks costs in a table of a million, by its filters, and what finding a place in the queue costs.

One account owns all of them, which is the worst case. Of a thousand tasks one has failed and one is of another model.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

from machine import load, machine
from photoplay import clock
from photoplay.domain.keys import digest_key
from photoplay.domain.tasks import State, Task
from photoplay.flows.enroll import enroll
from photoplay.store import accounts, run_times, task_lists
from photoplay.store.accounts import Caller
from photoplay.store.database import Database
from photoplay.store.embedded import EmbeddedPostgres
from photoplay.store.migrate import migrate
from photoplay.store.task_lists import Cursor, Filters

if TYPE_CHECKING:
    from photoplay.store.database import Connection

PAGE: Final = 50
WAITING: Final = 1000
MODEL: Final = "bytedance/v1-pro-fast-image-to-video"
RARE: Final = "photoplay/camera-image-to-video"
FILL: Final = """
insert into tasks (
    id, account_id, key_id, model, engine, priority, reference, request, input, size, attempt, attempts_max,
    price_credits, charged_credits, balance_credits, seed, progress, state, results, fail_code, fail_message,
    created_at, finished_at
)
select
    gen_random_uuid(), $1, case when n % 1000 = 1 then $3::uuid else $2::uuid end,
    case when n % 1000 = 2 then $5::text else $4::text end, 'camera', 0, case when n % 10 = 0 then 'order ' || n end,
    repeat('x', 500), '{}', '720p 5 s', 1, 3, 16, case when kind.state = 'succeeded' then 16 else 0 end, 0, 1, 100,
    kind.state, case when kind.state = 'succeeded' then array['a/b.mp4'] else '{}'::text[] end,
    case when kind.state = 'failed' then '500' end, case when kind.state = 'failed' then 'it crashed' end,
    now() - n * interval '1 s', case when kind.state <> 'waiting' then now() - n * interval '1 s' end
from generate_series(1, $6) as n
cross join lateral (
    select case when n <= $7 then 'waiting' when n % 1000 = 3 then 'failed' else 'succeeded' end as state
) as kind
"""


def main() -> None:
    arguments = _arguments()
    print(machine())
    asyncio.run(_bench(arguments.tasks, arguments.rounds))
    print(f"load         {load()} at the end")


async def _bench(tasks: int, rounds: int) -> None:
    with tempfile.TemporaryDirectory(prefix="photoplay-") as folder:
        server = EmbeddedPostgres(Path(folder))
        await server.start()
        try:
            await migrate(server.url)
            async with Database(server.url) as db:
                caller, key_id = await _fill(db, tasks)
                print(f"{tasks} tasks of one account, {WAITING} of them waiting; {rounds} rounds")
                print(f"{'a page of ' + str(PAGE):<28}{'ms best':>9}{'median':>9}")
                for name, filters, cursor in _cases(key_id, tasks):
                    await _time(name, rounds, db, lambda c, f=filters, k=cursor: _page(c, caller, f, k))
                await _time("the last place in the queue", rounds, db, await _place(db, caller))
        finally:
            await server.stop()


async def _fill(db: Database, tasks: int) -> tuple[Caller, object]:
    """Return who owns the tasks, and the id of a key that made few of them."""
    key = await enroll(db, account="bench", granted=0)
    other = await enroll(db, account="bench", granted=0)
    async with db.connection() as connection:
        hashes = [digest_key(key), digest_key(other)]
        callers = await accounts.find_callers(connection, hashes)
        caller, rare = (callers[sha256] for sha256 in hashes)
        values = (caller.account_id, caller.key_id, rare.key_id, MODEL, RARE, tasks, WAITING)
        await connection.execute(FILL, *values, timeout=1800)
        await connection.execute("update accounts set unfinished_tasks = $1", WAITING)
        await connection.execute("insert into run_times values ('camera', $1, '720p 5 s', 10, 2.5)", MODEL)
        await connection.execute("vacuum analyze tasks", timeout=1800)
    return caller, rare.key_id


def _cases(key_id: object, tasks: int) -> list[tuple[str, Filters, Cursor | None]]:
    middle = clock.now() - timedelta(seconds=tasks // 2)
    fail = (State.FAILED, State.CANCELLED, State.EXPIRED)
    return [
        ("the newest", Filters(), None),
        ("from the middle on", Filters(), Cursor(created_at=middle, id=clock.new_uuid())),  # pyright: ignore[reportArgumentType] - any id
        ("state=success", Filters(states=(State.SUCCEEDED,)), None),
        ("state=fail, 1 in 1000", Filters(states=fail), None),
        ("state=queuing, none", Filters(states=(State.CLAIMED,)), None),
        ("model, 1 in 1000", Filters(model=RARE), None),
        ("model, and it failed: none", Filters(model=RARE, states=fail), None),
        ("model, unknown", Filters(model="nobody/nothing"), None),
        ("key, 1 in 1000", Filters(key_ids=(key_id,)), None),  # pyright: ignore[reportArgumentType] - read from a row
        ("clientReference", Filters(reference=f"order {tasks // 20 * 10}"), None),
        ("created in one hour", Filters(after=middle, before=middle + timedelta(hours=1)), None),
    ]


async def _page(connection: "Connection", caller: Caller, filters: Filters, cursor: Cursor | None) -> list[Task]:
    async with connection.transaction(readonly=True):
        return await task_lists.read_page(connection, caller.account_id, filters, cursor=cursor, limit=PAGE)


async def _place(db: Database, caller: Caller) -> "Callable[[Connection], Awaitable[object]]":
    async with db.connection() as connection:
        waiting = await _page(connection, caller, Filters(states=(State.WAITING,)), None)
    return lambda connection: run_times.look_ahead(connection, waiting[0])


async def _time(name: str, rounds: int, db: Database, call: "Callable[[Connection], Awaitable[object]]") -> None:
    times: list[float] = []
    async with db.connection() as connection:
        for _ in range(rounds):
            start = time.perf_counter()
            await call(connection)
            times.append((time.perf_counter() - start) * 1000)
    print(f"{name:<28}{min(times):>9.2f}{median(times):>9.2f}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=1_000_000, help="tasks in the table (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=25, help="reads of each kind (default: %(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    main()

"""How long things take as the tables grow: claiming, asking, and from the answer to the engine's start.

At each size, as many tasks wait (all of one account) as have finished. Sizes share one run and one server; each figure
stands beside the one of the empty tables.
"""

import argparse
import asyncio
import json
import tempfile
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from time import perf_counter
from typing import Final

from http_load import percentile, run_clients
from machine import load, machine
from photoplay import clock
from photoplay.domain.keys import Kind
from photoplay.flows.enroll import enroll
from photoplay.store import tasks
from photoplay.store.database import Database
from photoplay.store.migrate import migrate
from processes import free_port, postgres, python, wait_for_port

MODEL: Final = "sandbox/image-to-video"
FLOOD: Final = "flood"
# Each may ask ten times a second, and no question should wait for that.
KEYS: Final = 200
FILL: Final = """
    insert into tasks (
        id, account_id, key_id, model, engine, priority, request, input, size, state, attempts_max, attempt,
        price_credits, charged_credits, balance_credits, seed, results,
        generating_at, finished_at, created_at, updated_at
    )
    select gen_random_uuid(), account_id, keys.id, 'sandbox/image-to-video', 'sandbox', 0,
        '{"model":"sandbox/image-to-video","input":{}}', '{"outcome":"succeed","seconds":0.0}', '', state, 3,
        case state when 'succeeded' then 1 else 0 end, 1, case state when 'succeeded' then 1 else 0 end, 0, 1,
        case state when 'succeeded' then array['a/b.mp4'] else '{}' end, ended_at, ended_at,
        now() - interval '1 day' + number * interval '10 ms', now()
    from keys join accounts on accounts.id = account_id and accounts.name = $1,
        generate_series($2::bigint + 1, $3::bigint) as number,
        (values ('waiting', null), ('succeeded', now())) as ends (state, ended_at)
"""
WAKE_UPS: Final = """
    insert into pgqueuer (priority, entrypoint, payload, execute_after, dedupe_key, status)
    select 0, 'generate-sandbox', convert_to(replace(id::text, '-', ''), 'UTF8'), now(), id || ':0', 'queued'
    from tasks where state = 'waiting'
    on conflict do nothing
"""


def main() -> None:
    arguments = _arguments()
    with (
        tempfile.TemporaryDirectory(prefix="photoplay-") as folder,
        postgres(Path(folder)) as (url, runner),
    ):
        print(machine(), flush=True)
        runner.run(_measure(url, folder, arguments.sizes, arguments.repeats))
        print(f"load {load()} at the end")


async def _measure(url: str, folder: str, sizes: Sequence[int], repeats: int) -> None:
    await migrate(url)
    port = free_port()
    settings = {
        "PHOTOPLAY_DATABASE_URL": url,
        "PHOTOPLAY_DATA_DIR": folder,
        "PHOTOPLAY_PORT": str(port),
        "PHOTOPLAY_CREATE_RATE": "off",
        "PHOTOPLAY_UNFINISHED_MAX": str(10**9),
        "PHOTOPLAY_WAITING_MAX": str(10**9),
        "PHOTOPLAY_ENGINES": "sandbox",
        "PHOTOPLAY_LOG_LEVEL": "error",
    }
    empty: dict[str, float] = {}
    print(f"{'tasks':>22}{'':>10}{'p50 ms':>9}{'p99 ms':>9}{'p99 / empty':>13}")
    async with Database(url) as db:
        await enroll(db, account=FLOOD, kind=Kind.TEST, granted=0)
        keys = [await enroll(db, account="asker", kind=Kind.TEST, granted=10**6) for _ in range(KEYS)]
        filled = 0
        for size in sizes:
            await _fill(db, filled, size)
            filled = size
            with python("-m", "photoplay", "api", **settings):
                api = wait_for_port(port)
                # Nobody works on them yet.
                paths = [(f"/api/v1/jobs/recordInfo?taskId={await _create(api, key)}", key) for key in keys]
                figures = {"claim": await _claim(db, repeats), "query": await _ask(api, paths, repeats)}
                with python("-m", "photoplay", "worker", **settings):
                    figures["pickup"] = await _pick_up(db, api, keys, repeats)
            for name, values in figures.items():
                p50, p99 = (percentile(values, share) for share in (0.5, 0.99))
                ratio = p99 / empty.setdefault(name, p99)
                print(f"{size:>9} waiting + done{name:>10}{p50:>9.2f}{p99:>9.2f}{ratio:>13.2f}", flush=True)


async def _fill(db: Database, filled: int, size: int) -> None:
    """Bring the waiting and the finished tasks of the flood to so many each."""
    async with db.connection() as connection:
        await connection.execute(FILL, FLOOD, filled, size, timeout=600)
        await connection.execute(WAKE_UPS, timeout=600)
        await connection.execute(
            "update accounts set unfinished_tasks = $2::int, held_credits = $2::int where name = $1",
            FLOOD,
            size,
            timeout=60,
        )
        await connection.execute("vacuum analyze tasks", timeout=600)
        await connection.execute("vacuum analyze pgqueuer", timeout=600)


async def _claim(db: Database, repeats: int) -> list[float]:
    """Claim, and undo it: milliseconds of the claim alone."""
    latencies: list[float] = []
    for _ in range(repeats):
        async with db.connection() as connection:
            transaction = connection.transaction()
            await transaction.start()
            began = perf_counter()
            claimed = await tasks.claim_next(
                connection, "sandbox", token=clock.new_uuid(), lease=clock.now() - clock.now()
            )
            latencies.append((perf_counter() - began) * 1000)
            assert claimed is not None
            await transaction.rollback()
    return latencies


async def _ask(api: str, paths: Sequence[tuple[str, str]], repeats: int) -> list[float]:
    """Ask for waiting tasks, one after the other: milliseconds of the answer."""
    questions = cycle(_get(path, key) for path, key in paths)
    seen = await run_clients(api, [lambda: next(questions)], requests_max=repeats)
    return list(seen.latencies_ms)


async def _pick_up(db: Database, api: str, keys: Sequence[str], repeats: int) -> list[float]:
    """From the answer to the engine's start, one task at a time; the flood's tasks are claimed in between."""
    latencies: list[float] = []
    for number in range(repeats):
        task_id = await _create(api, keys[number % len(keys)])
        answered = clock.now().timestamp()
        while True:
            async with db.connection() as connection:
                began = await connection.fetchval(
                    "select extract(epoch from generating_at)::float8 from tasks where id = $1", task_id
                )
            if began is not None:
                break
            await asyncio.sleep(0.005)
        if number:  # the first one waited for those of the asking, and for the engine's process
            latencies.append((float(began) - answered) * 1000)
    return latencies


async def _create(api: str, key: str) -> str:
    body = json.dumps({"model": MODEL, "input": {}}).encode()
    head = f"POST /api/v1/jobs/createTask HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
    return await _data(
        api, f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    )


async def _data(api: str, request: bytes) -> str:
    host, _, port = api.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        return json.loads(await reader.readexactly(length))["data"]["taskId"]
    finally:
        writer.close()


def _get(path: str, key: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n".encode()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[0, 100_000, 1_000_000], help="waiting, and finished")
    parser.add_argument("--repeats", type=int, default=300, help="measurements of each (default: %(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    main()

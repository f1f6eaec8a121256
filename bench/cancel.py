"""How long it takes to cancel a clip in the middle: until its engine's process is gone, and until the answer is there.

A real server on a fresh data folder, real clips of 1080p and 10 s; the answer comes when the credits are back.
"""

import argparse
import os
import platform
import tempfile
import threading
import time
from pathlib import Path
from statistics import median
from typing import Final

import psutil

from machine import load
from photoplay.cli.serve import EXAMPLE_MODEL, sample_photo
from photoplay.client import Client
from photoplay.flows.enroll import KEY_FILE
from processes import serving

LOOK_S: Final = 0.002


def main() -> None:
    arguments = _arguments()
    print(f"{os.cpu_count()} cores, load {load()}, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory(prefix="photoplay-") as folder:
        data_dir = Path(folder) / "data"
        with serving(data_dir) as server:
            key = (data_dir / KEY_FILE).read_text().strip()
            with Client(server.url, key) as client:
                _bench(client, server.process, arguments.rounds)
    print(f"load         {load()} at the end")


def _bench(client: Client, server: psutil.Process, rounds: int) -> None:
    photo, gone, answered = client.upload(sample_photo()), list[float](), list[float]()
    before = client.call("GET", "/api/v1/chat/credit")
    for _ in range(rounds):
        task_id = client.create(
            EXAMPLE_MODEL, {"prompt": "slow push in", "image_url": photo, "resolution": "1080p", "duration": "10"}
        )
        while client.record(task_id).progress < 10:
            time.sleep(0.1)
        engine = max(_engines(server), key=lambda process: process.cpu_times().user)
        watcher = threading.Thread(target=_wait_until_gone, args=(engine, gone))
        start = time.perf_counter()
        watcher.start()
        outcome = client.cancel(task_id)
        answered.append(time.perf_counter() - start)
        watcher.join()
        assert outcome == "cancelled", outcome
        assert client.call("GET", "/api/v1/chat/credit") == before
    print(f"{rounds} clips cancelled in the middle; seconds after the request was sent")
    print(f"{'':<38}{'best':>7}{'median':>8}{'worst':>7}")
    for name, times in (("the engine's process is gone", gone), ("the answer is there, the credits back", answered)):
        print(f"{name:<38}{min(times):>7.3f}{median(times):>8.3f}{max(times):>7.3f}")


def _engines(server: psutil.Process) -> list[psutil.Process]:
    return [child for child in server.children(recursive=True) if "photoplay.engines.child" in child.cmdline()]


def _wait_until_gone(engine: psutil.Process, times: list[float]) -> None:
    start = time.perf_counter()
    while engine.is_running() and engine.status() != psutil.STATUS_ZOMBIE:
        time.sleep(LOOK_S)
    times.append(time.perf_counter() - start)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10, help="clips to cancel (default: %(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    main()

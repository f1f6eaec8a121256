"""What a server holds in memory while it has nothing to do: the proportional share (PSS) of each of its processes."""

import argparse
import tempfile
import time
from collections import Counter
from pathlib import Path

import psutil

from machine import machine
from processes import serving


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=40, help="of rest after the start (default: %(default)s)")
    arguments = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory(prefix="photoplay-") as folder, serving(Path(folder) / "data") as server:
        time.sleep(arguments.seconds)
        found = Counter[str]()
        for process in (server.process, *server.process.children(recursive=True)):
            found[_part(process)] += process.memory_full_info().pss
    counted = sum(found[part] for part in ("API", "worker", "PostgreSQL"))
    for part, size in (*found.most_common(), ("API + worker + PostgreSQL", counted)):
        print(f"{part:<26}{size / 1e6:>6.0f} MB")


def _part(process: psutil.Process) -> str:
    arguments = process.cmdline()
    if "postgres" in process.name():
        return "PostgreSQL"
    if "photoplay.engines.child" in arguments:
        return "warm engine"
    return {"api": "API", "worker": "worker", "serve": "supervisor"}[arguments[arguments.index("photoplay") + 1]]


if __name__ == "__main__":
    main()

"""Ten thousand tasks under a kill every three seconds, and every promise checked at the end."""

import argparse
import sys
import tempfile
from pathlib import Path

from machine import machine

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from crash.soak import soak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=10_000, help="how many (default: %(default)s)")
    parser.add_argument("--every", type=float, default=3, help="seconds between blows (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="decides orders and blows (default: %(default)s)")
    arguments = parser.parse_args()
    print(machine(), flush=True)
    with tempfile.TemporaryDirectory(prefix="photoplay-") as folder:
        print(soak(Path(folder), tasks=arguments.tasks, blow_every_s=arguments.every, seed=arguments.seed))


if __name__ == "__main__":
    main()

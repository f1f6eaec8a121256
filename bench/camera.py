"""How near the camera engine comes to its floor: x264 alone, with the same settings, on frames that are ready.

Rounds alternate between the two, so that a busy neighbour slows both.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from statistics import median

from av.video.frame import VideoFrame
from PIL import Image

from photoplay.engines.camera import CameraEngine
from photoplay.engines.camera.direction import direct
from photoplay.engines.camera.path import plan, windows
from photoplay.engines.camera.render import develop, open_still, sample
from photoplay.engines.engine import Order
from photoplay.media.clip import FPS, ClipWriter, blank_frame, planes_of
from photoplay.media.sizes import BUDGETS, Size, output_size


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    wall_s: float
    cpu_s: float


def main() -> None:
    arguments = _arguments()
    if arguments.peak:
        _run_and_print_peak(Path(arguments.peak), arguments)
        return
    with tempfile.TemporaryDirectory() as folder:
        still = Path(folder) / "still.png"
        with Image.open(arguments.still) as image:
            image.convert("RGB").save(still)
        _compare(still, arguments)


def _compare(still: Path, arguments: argparse.Namespace) -> None:
    order = _order(still, arguments)
    size, ready = _ready_frames(order)
    print(_machine())
    print(f"{size.width_px}x{size.height_px}, {len(ready)} frames, {arguments.prompt!r}, {arguments.rounds} rounds")
    engine = CameraEngine()
    engine.warm()
    alone: list[Cost] = []
    whole: list[Cost] = []
    for _ in range(arguments.rounds):
        alone.append(_cost(lambda: _encode(order.output, size, ready)))
        whole.append(_cost(lambda: engine.run(order, _ignore)))
    print(f"{'':<12}{'frames/s best':>15}{'median':>9}{'CPU s best':>12}{'median':>9}")
    _line("x264 alone", alone, len(ready))
    _line("engine", whole, len(ready))
    print(
        f"ratio        engine / x264 alone: frames/s {_share(alone, whole, _wall):.2f}, CPU s {_more(alone, whole):.2f}"
    )
    print(f"clip         {order.output.stat().st_size / 1e6:.2f} MB")
    print(f"peak memory  {_peak_mib(still, arguments)} MiB, engine alone in a process of its own")
    print(f"load         {_load()} at the end")


def _order(still: Path, arguments: argparse.Namespace) -> Order:
    return Order(
        still=still,
        prompt=arguments.prompt,
        resolution=arguments.resolution,
        duration_s=arguments.duration,
        seed=1,
        output=still.with_name("clip.mp4"),
    )


def _ready_frames(order: Order) -> tuple[Size, list[VideoFrame]]:
    assert order.still is not None, "the bench films a still"
    rgb = open_still(order.still)
    picture_size = Size(width_px=rgb.shape[1], height_px=rgb.shape[0])
    size = output_size(picture_size, resolution=order.resolution)
    direction = direct(order.prompt, seed=order.seed)
    travel = plan(direction, still=picture_size, output=size, duration_s=order.duration_s)
    picture = develop(rgb, travel, output=size)
    frames: list[VideoFrame] = []
    for window in windows(travel, frames=FPS * order.duration_s):
        frame = blank_frame(size)
        sample(picture, window, planes_of(frame))
        frames.append(frame)
    return size, frames


def _encode(output: Path, size: Size, frames: list[VideoFrame]) -> None:
    with ClipWriter(output, size) as writer:
        for frame in frames:
            writer.add(frame)


def _cost(work: Callable[[], object]) -> Cost:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Cost(wall_s=time.perf_counter() - wall, cpu_s=time.process_time() - cpu)


def _wall(cost: Cost) -> float:
    return cost.wall_s


def _cpu(cost: Cost) -> float:
    return cost.cpu_s


def _line(name: str, costs: list[Cost], frames: int) -> None:
    walls, cpus = sorted(map(_wall, costs)), sorted(map(_cpu, costs))
    print(f"{name:<12}{frames / walls[0]:>15.1f}{frames / median(walls):>9.1f}{cpus[0]:>12.2f}{median(cpus):>9.2f}")


def _share(alone: list[Cost], whole: list[Cost], of: Callable[[Cost], float]) -> float:
    return median(map(of, alone)) / median(map(of, whole))


def _more(alone: list[Cost], whole: list[Cost]) -> float:
    return 1 / _share(alone, whole, _cpu)


def _peak_mib(still: Path, arguments: argparse.Namespace) -> str:
    child = [sys.executable, __file__, "--peak", str(still), "--prompt", arguments.prompt]
    child += ["--resolution", arguments.resolution, "--duration", str(arguments.duration)]
    return subprocess.run(child, check=True, capture_output=True, text=True, timeout=600).stdout.strip()


def _run_and_print_peak(still: Path, arguments: argparse.Namespace) -> None:
    CameraEngine().run(_order(still, arguments), _ignore)
    # Not getrusage: a child's figure there starts at what its parent had in memory, and ours holds every frame.
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    peak = next((line for line in lines if line.startswith("VmHWM:")), None)
    print(int(peak.split()[1]) // 1024 if peak else "unknown")


def _machine() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    model = next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine()
    )
    return f"{model}, {os.cpu_count()} cores, load {_load()}, Python {platform.python_version()}"


def _load() -> str:
    return " ".join(f"{load:.2f}" for load in os.getloadavg())


def _ignore(share: float) -> None:
    del share


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="alternating rounds (default: %(default)s)")
    parser.add_argument("--resolution", choices=list(BUDGETS), default="720p", help="default: %(default)s")
    parser.add_argument("--duration", type=int, default=5, help="seconds of clip (default: %(default)s)")
    parser.add_argument("--prompt", default="slow push in", help="default: %(default)s")
    sample_photo = str(files("photoplay") / "samples" / "coffee.jpg")
    parser.add_argument("--still", default=sample_photo, help="a photo (default: the packaged one)")
    parser.add_argument("--peak", default="", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()

"""How near the camera engine comes to its floor, and what else there is.

Four ways to the same number of frames, by turns so that a busy neighbour slows all of them: x264 alone on frames that
are ready, at its preset veryfast and with the engine's own settings; ffmpeg's zoompan filter; the engine. Needs the
`dev` dependencies.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from statistics import median

import av
import imageio_ffmpeg  # pyright: ignore[reportMissingTypeStubs] - it has none
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image

from machine import load, machine
from photoplay.engines.camera import CameraEngine
from photoplay.engines.camera.direction import direct
from photoplay.engines.camera.film import Plan
from photoplay.engines.camera.planes import open_still
from photoplay.engines.camera.stage import prepare
from photoplay.engines.engine import Order
from photoplay.media.clip import FPS, ClipWriter, Format, encoder_options
from photoplay.media.frame import planes_of
from photoplay.media.sizes import BUDGETS, Size, output_size

CONTRACT_PROMPT = (
    "A cinematic close-up sequence of a single elegant ceramic coffee cup with saucer on a rustic wooden table near a "
    "sunlit window, hot rich espresso poured in a thin golden stream from above, gradually filling the cup in distinct "
    "stages: empty with faint steam, 1/4 filled with dark crema, half-filled with swirling coffee and rising steam, "
    "3/4 filled nearing the rim, perfectly full just below overflow with glossy surface and soft bokeh highlights; "
    "ultra-realistic, warm golden-hour light, shallow depth of field, photorealism, detailed textures, subtle steam "
    "wisps, serene inviting atmosphere --ar 16:9 --q 2 --style raw"
)


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
    print(machine())
    print(f"{size.width_px}x{size.height_px}, {len(ready)} frames, {order.prompt[:60]!r}, {arguments.rounds} rounds")
    engine = CameraEngine()
    engine.warm()
    plain = order.output.with_name("veryfast.mp4")
    ways: dict[str, Callable[[], object]] = {
        "veryfast": lambda: _encode_veryfast(plain, size, ready),
        "x264 as ours": lambda: _encode(order.output, size, ready),
        "zoompan": lambda: _zoompan(still, order.output, size, len(ready)),
        "engine": lambda: engine.run(order, _ignore),
    }
    costs: dict[str, list[Cost]] = {name: [] for name in ways}
    for _ in range(arguments.rounds):
        for name, way in ways.items():
            costs[name].append(_cost(way))
    print(f"{'':<12}{'frames/s best':>15}{'median':>9}{'CPU s best':>12}{'median':>9}")
    for name, found in costs.items():
        _line(name, found, len(ready))
    whole = costs["engine"]
    for name in ("veryfast", "x264 as ours"):
        alone = costs[name]
        print(f"share        of {name}, frames/s: median {_share(alone, whole, median):.2f}, ", end="")
        print(f"best {_share(alone, whole, min):.2f}; CPU s, {name} / engine: {_cpu(alone) / _cpu(whole):.2f}")
    print(f"cores        kept busy: veryfast {_busy(costs['veryfast']):.2f}, engine {_busy(whole):.2f}")
    for name, clip in (("veryfast", plain), ("engine", order.output)):
        print(f"clip         {name}: {clip.stat().st_size / 1e6:.2f} MB, VMAF {_vmaf(clip, size, ready)}")
    print(f"jitter       engine {_jitter(Path(still.parent), engine=engine):.4f} px, ", end="")
    print(f"zoompan {_jitter(Path(still.parent), engine=None):.4f} px")
    print(f"peak memory  {_peak_mib(still, arguments)} MiB, engine alone in a process of its own")
    print(f"load         {load()} at the end")


def _order(still: Path, arguments: argparse.Namespace) -> Order:
    return Order(
        still=still,
        prompt=CONTRACT_PROMPT if arguments.prompt == "contract" else arguments.prompt,
        resolution=arguments.resolution,
        duration_s=arguments.duration,
        seed=1,
        output=still.with_name("clip.mp4"),
    )


def _ready_frames(order: Order) -> tuple[Size, list[VideoFrame]]:
    assert order.still is not None, "the bench films a still"
    rgb = open_still(order.still)
    still = Size(width_px=rgb.shape[1], height_px=rgb.shape[0])
    plan = Plan(
        direction=direct(order.prompt, seed=order.seed, duration_s=order.duration_s),
        still=still,
        output=output_size(still, resolution=order.resolution),
        duration_s=order.duration_s,
        fps=FPS,
        seed=order.seed,
    )
    with ThreadPoolExecutor(1) as helper:
        film = prepare(rgb, plan, end=None, helper=helper)
        return plan.output, [film.draw(number) for number in range(plan.frames)]


def _encode(output: Path, size: Size, frames: list[VideoFrame]) -> None:
    with ClipWriter(output, size) as writer:
        for frame in frames:
            writer.add(frame)


def _encode_veryfast(output: Path, size: Size, frames: list[VideoFrame]) -> None:
    """As the engine does, but for what it takes from the preset."""
    options = {**encoder_options(Format.H264, fps=FPS), "x264-params": "no-dct-decimate=1"}
    with av.open(str(output), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream(options.pop("codec"), rate=FPS)  # pyright: ignore[reportUnknownMemberType] - untyped keywords
        assert isinstance(stream, VideoStream), "the codec is one of pictures"
        stream.width, stream.height, stream.pix_fmt = size.width_px, size.height_px, "yuv420p"
        stream.options = dict[str, object](options)
        for number, frame in enumerate([*frames, None]):
            if frame is not None:
                frame.pts = number
            container.mux(stream.encode(frame))  # pyright: ignore[reportUnknownMemberType,reportUnknownArgumentType] - PyAV leaves its Packet's parameter open


def _zoompan(still: Path, output: Path, size: Size, frames: int) -> None:
    """The usual recipe: a slow zoom to the middle, by the same encoder with the same settings."""
    zoom = f"zoompan=z='1+0.2*on/{frames}':x='iw/2-(iw/zoom/2)':y='ih/2-(ih/zoom/2)'"
    shape = f":d={frames}:s={size.width_px}x{size.height_px}:fps={FPS},format=yuv420p"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", "-i", str(still), "-vf", zoom + shape]
    command += ["-c:v", "libx264", "-preset", "veryfast", "-crf", "19", "-threads", "2"]
    command += ["-x264-params", "no-dct-decimate=1", str(output)]
    subprocess.run(command, check=True, timeout=600)


def _vmaf(clip: Path, size: Size, frames: list[VideoFrame]) -> str:
    """Compare the engine's clip with what was drawn, where the binary can."""
    ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    filters = subprocess.run([ffmpeg, "-hide_banner", "-filters"], check=True, capture_output=True, text=True).stdout
    if " libvmaf " not in filters:
        return "not measured: this ffmpeg has no libvmaf"
    shape = f"{size.width_px}x{size.height_px}"
    command = [ffmpeg, "-i", str(clip), "-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", shape, "-r", str(FPS), "-i", "-"]
    # Frame by frame: the two containers count time in different steps. What one says of its colours and the other does
    # not would be converted first.
    steps = f"setpts=N/({FPS}*TB),setparams=range=tv:colorspace=bt709"
    pairs = f"[0:v]{steps}[made];[1:v]{steps}[drawn];[made][drawn]libvmaf=n_threads=2"
    child = subprocess.Popen(
        [*command, "-lavfi", pairs, "-f", "null", "-"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    raw = b"".join(
        plane.tobytes()
        for frame in frames
        for planes in [planes_of(frame)]
        for plane in (planes.luma, planes.blue, planes.red)
    )
    _, told = child.communicate(raw, timeout=600)
    scores = [line for line in told.decode().splitlines() if "VMAF score" in line]
    return f"{float(scores[0].rpartition(':')[2]):.1f}" if scores else "not measured"


def _jitter(folder: Path, *, engine: CameraEngine | None) -> float:
    """RMS distance of dots, found again in the finished clip, from the smooth way that each of them goes."""
    places = [(x, y) for x in (420.0, 640.0, 860.0) for y in (240.0, 360.0, 480.0)]
    rows, columns = np.mgrid[0:720, 0:1280] + 0.5
    grey = np.full((720, 1280), 30.0)
    for x, y in places:
        grey += 215 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 4.0**2))
    still, clip = folder / "dots.png", folder / "dots.mp4"
    Image.fromarray(np.repeat(np.rint(grey).astype(np.uint8)[:, :, None], 3, axis=2)).save(still)
    if engine is None:
        _zoompan(still, clip, Size(width_px=1280, height_px=720), 120)
    else:
        order = Order(still=still, prompt="slow push in", resolution="720p", duration_s=5, seed=1, output=clip)
        engine.run(order, _ignore)
    tracks = _tracks(clip, places)
    time_ = np.linspace(-1, 1, len(tracks))
    stray = [
        tracks[:, dot] - np.polynomial.chebyshev.Chebyshev.fit(time_, tracks[:, dot], 12)(time_) for dot in range(18)
    ]
    return float(np.sqrt(np.mean(np.square(stray))))


def _tracks(clip: Path, places: list[tuple[float, float]]) -> NDArray[np.float64]:
    """Shape: (frames, 18), x and y of each dot."""
    found: list[list[float]] = []
    near = [list(place) for place in places]
    with av.open(str(clip), "r") as container:
        for frame in container.decode(video=0):
            luma = planes_of(frame).luma.astype(np.float64)
            near = [list(_centroid(luma, x, y)) for x, y in near]
            found.append([value for place in near for value in place])
    return np.array(found)


def _centroid(luma: NDArray[np.float64], x: float, y: float) -> tuple[float, float]:
    left, top = round(x) - 22, round(y) - 22
    weight = np.clip(luma[top : top + 44, left : left + 44] - 45, 0, None)
    rows, columns = np.mgrid[0:44, 0:44] + 0.5
    total = float(weight.sum())
    return left + float((weight * columns).sum()) / total, top + float((weight * rows).sum()) / total


def _cost(work: Callable[[], object]) -> Cost:
    wall, cpu = time.perf_counter(), _cpu_s()
    work()
    return Cost(wall_s=time.perf_counter() - wall, cpu_s=_cpu_s() - cpu)


def _cpu_s() -> float:
    """Of this process and of those that it waited for."""
    own, others = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime


def _line(name: str, costs: list[Cost], frames: int) -> None:
    walls, cpus = sorted(cost.wall_s for cost in costs), sorted(cost.cpu_s for cost in costs)
    print(f"{name:<12}{frames / walls[0]:>15.1f}{frames / median(walls):>9.1f}{cpus[0]:>12.2f}{median(cpus):>9.2f}")


def _share(alone: list[Cost], whole: list[Cost], of: Callable[[list[float]], float]) -> float:
    return of([cost.wall_s for cost in alone]) / of([cost.wall_s for cost in whole])


def _cpu(costs: list[Cost]) -> float:
    return median(cost.cpu_s for cost in costs)


def _busy(costs: list[Cost]) -> float:
    """Above what the neighbours leave free, nothing gets faster."""
    return median(cost.cpu_s / cost.wall_s for cost in costs)


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


def _ignore(share: float) -> None:
    del share


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="alternating rounds (default: %(default)s)")
    parser.add_argument("--resolution", choices=list(BUDGETS), default="720p", help="default: %(default)s")
    parser.add_argument("--duration", type=int, default=5, help="seconds of clip (default: %(default)s)")
    parser.add_argument(
        "--prompt", default="slow push in", help="`contract` for the wire contract's own (default: %(default)s)"
    )
    sample_photo = str(files("photoplay") / "samples" / "coffee.jpg")
    parser.add_argument("--still", default=sample_photo, help="a photo (default: the packaged one)")
    parser.add_argument("--peak", default="", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()

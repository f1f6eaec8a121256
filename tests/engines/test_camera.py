"""The camera engine's clips, read back and measured."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from importlib.resources import files
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from photoplay.domain.errors import EngineRejected, StillRejected
from photoplay.engines.camera import CameraEngine
from photoplay.engines.camera.direction import direct
from photoplay.engines.camera.path import Window, plan, windows
from photoplay.engines.camera.render import develop, open_still, sample
from photoplay.engines.engine import Clip, Engine, Order
from photoplay.media.clip import blank_frame, planes_of, read_back
from photoplay.media.sizes import Size

Luma = NDArray[np.float64]
Film = Callable[..., Clip]

HD = Size(width_px=1280, height_px=720)


def ignore(share: float) -> None:
    del share


def save(path: Path, rgb: NDArray[np.uint8]) -> Path:
    Image.fromarray(rgb).save(path)
    return path


def luma_of(path: Path) -> list[Luma]:
    with av.open(str(path), "r") as container:
        return [planes_of(frame).luma.astype(np.float64) for frame in container.decode(video=0)]


def shift(before: Luma, after: Luma) -> tuple[float, float]:
    """Return how far the picture moved, right and down, in pixels."""
    (dx, dy), _ = cv2.phaseCorrelate(before, after)
    return dx, dy


@pytest.fixture(scope="session")
def coffee(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stills") / "coffee.png"
    with Image.open(str(files("photoplay") / "samples" / "coffee.jpg")) as image:
        image.convert("RGB").save(path)
    return path


@pytest.fixture
def film(tmp_path: Path, coffee: Path) -> Film:
    def run(
        prompt: str,
        *,
        still: Path = coffee,
        resolution: str = "720p",
        duration_s: int = 1,
        seed: int = 1,
        name: str = "c",
    ) -> Clip:
        order = Order(
            still=still,
            prompt=prompt,
            resolution=resolution,
            duration_s=duration_s,
            seed=seed,
            output=tmp_path / f"{name}.mp4",
        )
        return CameraEngine().run(order, ignore)

    return run


def test_a_clip_is_what_was_ordered(film: Film) -> None:
    clip = film("slow push in", duration_s=5)
    facts = read_back(clip.path)

    assert (facts.codec, facts.fps, facts.frames, facts.duration_s) == ("h264", 24.0, 120, 5.0)
    assert (facts.width_px, facts.height_px) == (clip.width_px, clip.height_px) == (1104, 832)
    assert (clip.fps, clip.frames) == (24, 120)
    with av.open(str(clip.path), "r") as container:
        context = container.streams.video[0].codec_context
        assert context.pix_fmt == "yuv420p"
        assert (context.color_primaries, context.color_trc, context.colorspace, context.color_range) == (1, 1, 1, 1)
    assert clip.path.read_bytes().index(b"moov") < clip.path.read_bytes().index(b"mdat")


@pytest.mark.parametrize(
    ("width_px", "height_px", "resolution", "expected"),
    [
        (1920, 1080, "1080p", (1920, 1080)),
        (300, 500, "720p", (720, 1280)),
        (64, 64, "720p", (960, 960)),
        (4000, 200, "720p", (1472, 624)),
        (16, 16, "1080p", (1440, 1440)),
    ],
)
def test_every_shape_of_picture_is_filmed(
    film: Film, tmp_path: Path, width_px: int, height_px: int, resolution: str, expected: tuple[int, int]
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (height_px, width_px, 3), dtype=np.uint8)
    still = save(tmp_path / "still.png", cv2.blur(noise, (5, 5)).astype(np.uint8))

    facts = read_back(film("fast pan right, tilt up", still=still, resolution=resolution).path)

    assert (facts.width_px, facts.height_px, facts.frames) == (*expected, 24)


def test_the_first_frame_is_the_still(film: Film, coffee: Path) -> None:
    first = luma_of(film("push in").path)[0]

    with Image.open(coffee) as image:
        red, green, blue = np.moveaxis(np.asarray(image, dtype=np.float64), 2, 0)
    luma = 16 + 219 / 255 * (0.2126 * red + 0.7152 * green + 0.0722 * blue)
    # 600x400 cut to the ratio of 1104x832, by another resampler than the engine's.
    width = 400 * 1104 / 832
    cut = Image.fromarray(luma.astype(np.float32)).resize(
        (1104, 832), Image.Resampling.BICUBIC, box=(300 - width / 2, 0, 300 + width / 2, 400)
    )
    error = np.mean((first - np.asarray(cut)) ** 2)
    assert 10 * np.log10(219**2 / error) > 35


@pytest.mark.parametrize(
    ("prompt", "right", "down"),
    [("pan right", -1, 0), ("pan left", 1, 0), ("tilt up", 0, 1), ("tilt down", 0, -1), ("static shot", 0, 0)],
)
def test_the_picture_moves_against_the_camera(film: Film, prompt: str, right: int, down: int) -> None:
    frames = luma_of(film(prompt).path)

    moved = shift(frames[0], frames[12])
    assert np.round(np.divide(moved, 4)).clip(-1, 1).tolist() == [right, down]


@pytest.mark.parametrize(("prompt", "sense"), [("push in", 1), ("pull out", -1)])
def test_zooming_moves_every_point_straight_from_the_middle_or_to_it(film: Film, prompt: str, sense: int) -> None:
    frames = luma_of(film(prompt).path)

    places, moved = flow(frames[0], frames[10])
    arms = places - (552, 416)
    outwards = (arms * moved).sum(axis=1) / (arms**2).sum(axis=1)
    assert len(places) > 50
    assert np.median(outwards) * sense > 0.01
    assert np.mean(outwards * sense > 0) > 0.95


def flow(before: Luma, after: Luma) -> tuple[Luma, Luma]:
    """Follow corners from one frame to another; return their places and how far they moved, in pixels."""
    first, second = before.astype(np.uint8), after.astype(np.uint8)
    corners = np.asarray(cv2.goodFeaturesToTrack(first, 200, 0.02, 20), dtype=np.float32)
    found, status, _ = cv2.calcOpticalFlowPyrLK(first, second, corners, corners.copy())
    kept = np.asarray(status).ravel() == 1
    start = corners.reshape(-1, 2).astype(np.float64)
    return start[kept], (np.asarray(found, dtype=np.float64).reshape(-1, 2) - start)[kept]


def dots(path: Path) -> list[tuple[float, float]]:
    """Draw soft dots on grey; return their middles, edges-based like a window."""
    rows, columns = np.mgrid[0:720, 0:1280] + 0.5
    places = [(x, y) for x in (420.0, 640.0, 860.0) for y in (240.0, 360.0, 480.0)]
    grey = np.full((720, 1280), 30.0)
    for x, y in places:
        grey += 215 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 4.0**2))
    save(path, np.repeat(np.rint(grey).astype(np.uint8)[:, :, None], 3, axis=2))
    return places


def centroid(luma: Luma, x: float, y: float) -> tuple[float, float]:
    left, top = round(x) - 22, round(y) - 22
    weight = np.clip(luma[top : top + 44, left : left + 44] - 45, 0, None)
    rows, columns = np.mgrid[0:44, 0:44] + 0.5
    return left + (weight * columns).sum() / weight.sum(), top + (weight * rows).sum() / weight.sum()


def stray_px(path: list[Window], frames: Iterable[Luma], places: list[tuple[float, float]]) -> float:
    """Return the RMS distance, an axis, between where dots are and where the path puts them."""
    errors: list[float] = []
    for window, luma in zip(path, frames, strict=True):
        scale = 1280 / window.width
        for x, y in places:
            expected = ((x - window.left) * scale, (y - window.top) * scale)
            errors.extend(np.subtract(centroid(luma, *expected), expected).tolist())
    return float(np.sqrt(np.mean(np.square(errors))))


@pytest.mark.parametrize("prompt", ["slow push in", "slow pan left, tilt down", "fast pull out"])
def test_sampling_follows_the_path_within_a_hundredth_of_a_pixel(tmp_path: Path, prompt: str) -> None:
    still = tmp_path / "dots.png"
    places = dots(still)
    travel = plan(direct(prompt, seed=1), still=HD, output=HD, duration_s=5)
    path = windows(travel, frames=60)
    picture = develop(open_still(still), travel, output=HD)

    def frames() -> Iterator[Luma]:
        for window in path:
            planes = planes_of(blank_frame(HD))
            sample(picture, window, planes)
            yield planes.luma.astype(np.float64)

    assert stray_px(path, frames(), places) <= 0.01


@pytest.mark.parametrize("prompt", ["slow push in", "slow pan left"])
def test_the_clip_follows_the_path_within_a_twentieth_of_a_pixel(film: Film, tmp_path: Path, prompt: str) -> None:
    still = tmp_path / "dots.png"
    places = dots(still)
    path = windows(plan(direct(prompt, seed=1), still=HD, output=HD, duration_s=5), frames=120)

    assert stray_px(path, luma_of(film(prompt, still=still, duration_s=5).path), places) <= 0.05


def test_colour_moves_with_the_light(tmp_path: Path) -> None:
    # A soft edge from yellow to blue is in the same place in luma and in chroma, however the camera moves.
    share = 1 / (1 + np.exp(-(np.arange(1280) - 640) / 12))[None, :, None]
    soft = np.array([250, 250, 20]) * (1 - share) + np.array([20, 20, 250]) * share
    still = save(tmp_path / "edge.png", np.repeat(np.rint(soft).astype(np.uint8), 720, axis=0))
    travel = plan(direct("pan right, push in", seed=1), still=HD, output=HD, duration_s=5)
    picture = develop(open_still(still), travel, output=HD)

    offsets: list[float] = []
    for window in windows(travel, frames=60):
        planes = planes_of(blank_frame(HD))
        sample(picture, window, planes)
        # Chroma column i sits on luma column 2i.
        offsets.append(crossing(planes.luma[360]) - 2 * crossing(planes.blue[180]))
    # Eight bits a level cost the measurement a tenth of a pixel; chroma sited elsewhere would be half a pixel off.
    assert abs(np.mean(offsets)) < 0.25
    assert abs(np.mean(offsets[:10]) - np.mean(offsets[-10:])) < 0.1


def crossing(line: NDArray[np.uint8]) -> float:
    """Return where, between columns, a line passes the middle of its two levels: a fit through the slope there."""
    share = (line - float(line[0])) / (float(line[-1]) - float(line[0]))
    steep = np.flatnonzero(np.abs(share - 0.5) < 0.25)
    slope, offset = np.polyfit(steep, share[steep] - 0.5, 1)
    return float(-offset / slope)


@pytest.mark.parametrize("prompt", ["pull out", "fast pan left, fast tilt down"])
def test_no_border_ever_shows(film: Film, tmp_path: Path, prompt: str) -> None:
    still = save(tmp_path / "red.png", np.full((400, 600, 3), (200, 60, 40), dtype=np.uint8))

    with av.open(str(film(prompt, still=still).path), "r") as container:
        for frame in container.decode(video=0):
            planes = planes_of(frame)
            assert max(int(np.ptp(plane)) for plane in (planes.luma, planes.blue, planes.red)) <= 1


def test_colours_survive(film: Film, tmp_path: Path) -> None:
    still = save(tmp_path / "red.png", np.full((90, 160, 3), (200, 60, 40), dtype=np.uint8))

    with av.open(str(film("static shot", still=still).path), "r") as container:
        frame = next(container.decode(video=0))
        rgb = frame.to_ndarray(format="rgb24", src_colorspace="ITU709", dst_color_range="JPEG")
    assert np.abs(rgb[100, 100].astype(int) - (200, 60, 40)).max() <= 3


def test_the_same_order_and_seed_make_the_same_bytes(film: Film) -> None:
    first, second, other = (digest(film("a cup", seed=seed, name=f"{at}").path) for at, seed in enumerate((1, 1, 2)))

    assert first == second
    assert first != other


def test_the_bytes_do_not_depend_on_what_the_memory_held(coffee: Path, tmp_path: Path) -> None:
    # glibc fills fresh memory with this; what is read before it is written shows as other bytes.
    digests = {film_with_memory_of(fill, coffee, tmp_path / f"{fill}.mp4") for fill in ("1", "85", "170")}

    assert len(digests) == 1


def film_with_memory_of(fill: str, still: Path, output: Path) -> str:
    program = (
        "import sys; from pathlib import Path; from photoplay.engines.camera import CameraEngine;"
        "from photoplay.engines.engine import Order;"
        "CameraEngine().run(Order(still=Path(sys.argv[1]), prompt='a cup', resolution='720p', duration_s=1, seed=1,"
        " output=Path(sys.argv[2])), lambda share: None)"
    )
    command = [sys.executable, "-c", program, str(still), str(output)]
    subprocess.run(command, env={"MALLOC_PERTURB_": fill}, check=True, timeout=60)
    return digest(output)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_progress_rises_from_frame_to_frame_and_ends_at_one(tmp_path: Path, coffee: Path) -> None:
    shares: list[float] = []
    output = tmp_path / "c.mp4"
    order = Order(still=coffee, prompt="", resolution="720p", duration_s=1, seed=1, output=output)

    CameraEngine().run(order, lambda share: shares.append(share if not output.exists() else share + 1))

    assert shares == [*(done / 24 for done in range(24)), 2.0]


def test_stopping_in_the_middle_leaves_no_file(tmp_path: Path, coffee: Path) -> None:
    order = Order(still=coffee, prompt="", resolution="720p", duration_s=1, seed=1, output=tmp_path / "c.mp4")

    def stop(share: float) -> None:
        if share > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        CameraEngine().run(order, stop)
    assert list(tmp_path.iterdir()) == []


def test_facts_are_plain_json_and_say_what_was_understood(film: Film) -> None:
    facts = json.loads(json.dumps(film("slow pan left", seed=9).facts))

    assert facts["direction"] == {"source": "prompt", "motions": [{"move": "pan_left", "pace": 0.6}]}
    assert (facts["engine"], facts["seed"], facts["encoder"]["crf"]) == ("camera", 9, "19")


@pytest.mark.parametrize("content", [None, b"", b"\x89PNG\r\n\x1a\n", b"GIF89a"])
def test_an_unreadable_still_is_rejected(film: Film, tmp_path: Path, content: bytes | None) -> None:
    still = tmp_path / "still.png"
    if content is not None:
        still.write_bytes(content)

    with pytest.raises(StillRejected, match="expected a readable PNG") as caught:
        film("", still=still)
    assert str(tmp_path) not in str(caught.value)


def test_a_truncated_still_is_rejected(film: Film, tmp_path: Path, coffee: Path) -> None:
    still = tmp_path / "still.png"
    still.write_bytes(coffee.read_bytes()[:50_000])

    with pytest.raises(StillRejected, match="expected a readable PNG"):
        film("", still=still)


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"resolution": "480p"}, "resolution: 480p is not one of 720p, 1080p"),
        ({"duration_s": 0}, "duration: must be above 0 s, got 0"),
        ({"duration_s": -5}, "duration: must be above 0 s, got -5"),
    ],
)
def test_an_order_that_it_does_not_offer_is_rejected(film: Film, wrong: dict[str, str | int], text: str) -> None:
    with pytest.raises(EngineRejected, match=text):
        film("", **wrong)


def test_it_is_an_engine_and_warms_twice() -> None:
    engine: Engine = CameraEngine()

    engine.warm()
    engine.warm()

    assert (engine.name, engine.version) == ("camera", "1")


# VmHWM rather than getrusage: the latter counts what the parent had in memory when it started the child.
MEASURE = """
import sys
from pathlib import Path
from photoplay.engines.camera import CameraEngine
from photoplay.engines.engine import Order
still, duration_s, output = sys.argv[1:]
order = Order(
    still=Path(still), prompt="push in", resolution="720p", duration_s=int(duration_s), seed=1, output=Path(output)
)
CameraEngine().run(order, lambda share: None)
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(status["VmHWM"].split()[0])
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
def test_memory_does_not_grow_with_the_duration(tmp_path: Path, coffee: Path) -> None:
    def peak_kib(duration_s: int) -> int:
        arguments = [sys.executable, "-c", MEASURE, str(coffee), str(duration_s), str(tmp_path / "c.mp4")]
        return int(subprocess.run(arguments, check=True, capture_output=True, timeout=60).stdout)

    assert peak_kib(10) <= 1.15 * peak_kib(5)

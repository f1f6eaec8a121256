"""The camera engine's clips, read back and measured."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from photoplay.domain.errors import EngineRejected, StillRejected
from photoplay.domain.json import JsonValue
from photoplay.engines.camera import CameraEngine
from photoplay.engines.camera.ambience import Effect
from photoplay.engines.camera.controls import read_controls, steer
from photoplay.engines.camera.direction import direct
from photoplay.engines.camera.film import Film as Made
from photoplay.engines.camera.film import Plan
from photoplay.engines.camera.moves import AXES, Move
from photoplay.engines.camera.planes import open_still
from photoplay.engines.camera.stage import prepare
from photoplay.engines.engine import Artifact, Clip, Engine, Order
from photoplay.media.clip import read_back
from photoplay.media.frame import planes_of, rgb_of
from photoplay.media.sizes import Size, output_size

Luma = NDArray[np.float64]
Film = Callable[..., Clip]


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
        **controls: JsonValue,
    ) -> Clip:
        order = Order(
            still=still,
            prompt=prompt,
            resolution=resolution,
            duration_s=duration_s,
            seed=seed,
            output=tmp_path / f"{name}.mp4",
            controls=controls,
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


@pytest.mark.parametrize(
    "prompt",
    ["push in", "pan left, rain, snow, fog", "truck right, steam, sunlight, bokeh", "orbit, film grain, vignette"],
)
def test_the_first_frame_is_the_still_cut_to_the_ratio(film: Film, coffee: Path, prompt: str) -> None:
    first = luma_of(film(prompt, duration_s=5).path)[0]
    camera = made(open_still(coffee), prompt).shot.sight.camera

    with Image.open(coffee) as image:
        red, green, blue = np.moveaxis(np.asarray(image, dtype=np.float64), 2, 0)
    luma = 16 + 219 / 255 * (0.2126 * red + 0.7152 * green + 0.0722 * blue)
    # Cut by another resampler than the engine's. Lengths of the camera are in widths of the largest window.
    unit = 600 / (2 * camera.half[0])
    left, top = 300 + (camera.centre[0] - 0.5 / camera.crop) * unit, 200 + camera.centre[1] * unit
    tall = 832 / 1104 / camera.crop * unit
    box = (max(left, 0), max(top - tall / 2, 0), left + unit / camera.crop, min(top + tall / 2, 400))
    cut = Image.fromarray(luma.astype(np.float32)).resize((1104, 832), Image.Resampling.BICUBIC, box=box)
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


def made(still: NDArray[np.uint8], prompt: str, *, fps: int = 12, **controls: JsonValue) -> Made:
    """Prepare a film of five seconds, without a file."""
    size = Size(width_px=still.shape[1], height_px=still.shape[0])
    plan = Plan(
        direction=steer(direct(prompt, seed=1), read_controls(controls)),
        still=size,
        output=output_size(size, resolution="720p"),
        duration_s=5,
        fps=fps,
        seed=1,
    )
    with ThreadPoolExecutor(1) as helper:
        return prepare(still, plan, end=None, helper=helper)


def even_depth(x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
    """No relief, but not known to be none."""
    del y
    return np.ones_like(x)


def luma(film: Made, number: int) -> Luma:
    frame = film.draw(number)
    return planes_of(frame).luma.astype(np.float64)


def expected_px(film: Made, number: int, x: float, y: float) -> tuple[float, float]:
    """Say where a place of the still, in shares of it, is in a frame: from the lens alone, not from maps."""
    camera = film.shot.sight.camera
    lens, scale = camera.lens, camera.crop * np.exp(camera.lens.zoom[number])
    across = (
        (2 * x - 1) * camera.half[0] - camera.centre[0] - camera.towards[0] - lens.pan[number] - lens.across[number]
    )
    down = (2 * y - 1) * camera.half[1] - camera.centre[1] - camera.towards[1] - lens.tilt[number] - lens.down[number]
    across, down = (way / (1 - lens.forward[number]) for way in (across, down))
    across, down = (way + to for way, to in zip((across, down), camera.towards, strict=True))
    cos, sin = np.cos(lens.roll[number]), np.sin(lens.roll[number])
    turned = (across * cos + down * sin) * scale, (down * cos - across * sin) * scale
    return 1280 * (turned[0] + 0.5), 1280 * turned[1] + 360


def stray_px(film: Made, frames: Iterable[Luma], places: list[tuple[float, float]]) -> float:
    """Return the RMS distance, an axis, between where dots are and where the path puts them."""
    errors: list[float] = []
    for number, seen in enumerate(frames):
        for x, y in places:
            expected = expected_px(film, number, x / 1280, y / 720)
            errors.extend(np.subtract(centroid(seen, *expected), expected).tolist())
    return float(np.sqrt(np.mean(np.square(errors))))


@pytest.mark.parametrize(
    "prompt",
    ["slow push in", "slow pan left, tilt down", "fast pull out", "roll left", "truck right, crane up", "handheld"],
)
def test_sampling_follows_the_path_within_a_fiftieth_of_a_pixel(tmp_path: Path, prompt: str) -> None:
    places = dots(still := tmp_path / "dots.png")
    film = made(open_still(still), prompt)

    assert stray_px(film, (luma(film, number) for number in range(60)), places) <= 0.02


def test_bending_by_depth_adds_no_jitter(tmp_path: Path) -> None:
    # The same flat picture, drawn by way of the maps that depth needs.
    places = dots(still := tmp_path / "dots.png")
    film = made(open_still(still), "slow push in, truck left")
    even = replace(film.shot.sight, relief=even_depth)
    bent = replace(film, shot=replace(film.shot, sight=even))

    assert not even.is_flat
    assert stray_px(bent, (luma(bent, number) for number in range(60)), places) <= 0.02


@pytest.mark.parametrize("prompt", ["slow push in", "slow pan left"])
def test_the_clip_follows_the_path_within_a_twentieth_of_a_pixel(film: Film, tmp_path: Path, prompt: str) -> None:
    places = dots(still := tmp_path / "dots.png")
    clip = film(prompt, still=still, duration_s=5)

    assert stray_px(made(open_still(still), prompt, fps=24), luma_of(clip.path), places) <= 0.05


@pytest.mark.parametrize("bends", [False, True])
def test_colour_moves_with_the_light(bends: bool) -> None:
    # A soft edge from yellow to blue is in the same place in luma and in chroma, however the camera moves.
    share = 1 / (1 + np.exp(-(np.arange(1280) - 640) / 12))[None, :, None]
    soft = np.array([250, 250, 20]) * (1 - share) + np.array([20, 20, 250]) * share
    film = made(np.repeat(np.rint(soft).astype(np.uint8), 720, axis=0), "pan right, push in")
    if bends:
        sight = replace(film.shot.sight, relief=even_depth)
        film = replace(film, shot=replace(film.shot, sight=sight))

    offsets: list[float] = []
    for number in range(60):
        frame = film.draw(number)
        planes = planes_of(frame)
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


@pytest.mark.parametrize("move", list(AXES))
def test_no_border_ever_shows(film: Film, tmp_path: Path, move: Move) -> None:
    still = save(tmp_path / "red.png", np.full((400, 600, 3), (200, 60, 40), dtype=np.uint8))

    with av.open(str(film("", still=still, move=str(move), strength=2.0).path), "r") as container:
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

    assert shares == [0.0, *(done / 24 for done in range(24)), 2.0]


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

    assert facts["direction"]["source"] == "prompt"
    assert facts["direction"]["phases"][0]["motions"] == [{"move": "pan_left", "pace": 0.6}]
    assert (facts["engine"], facts["seed"], facts["encoder"]["crf"]) == ("camera", 9, "19")


def test_the_pictures_that_come_with_a_clip_are_its_own(film: Film) -> None:
    clip = film("fast push in, rain")
    poster, last = (Image.open(clip.artifacts[artifact]) for artifact in (Artifact.POSTER, Artifact.LAST_FRAME))

    assert (poster.format, last.format) == ("JPEG", "PNG")
    assert poster.size == last.size == (clip.width_px, clip.height_px)
    with av.open(str(clip.path), "r") as container:
        frames = [rgb_of(frame) for frame in container.decode(video=0)]
    for picture, number in ((poster, 12), (last, 23)):
        error = np.mean((np.asarray(picture.convert("RGB"), np.float64) - frames[number]) ** 2)
        assert 10 * np.log10(255**2 / error) > 32


@pytest.mark.parametrize("fps", [24, 25, 30])
@pytest.mark.parametrize("format", ["h264", "av1"])
def test_every_rate_and_format_is_exact(film: Film, fps: int, format: str) -> None:
    facts = read_back(film("push in", duration_s=2, fps=fps, format=format).path)

    assert (facts.fps, facts.frames, facts.duration_s) == (fps, 2 * fps, 2.0)
    assert facts.codec in ({"h264"} if format == "h264" else {"av1", "libdav1d", "libaom-av1"})


def test_a_clip_ends_with_the_picture_that_it_was_given(film: Film, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    soft = np.asarray(
        cv2.resize(rng.integers(0, 256, (9, 12, 3), dtype=np.uint8), (1104, 832), interpolation=cv2.INTER_CUBIC)
    )
    end = save(tmp_path / "end.png", soft.astype(np.uint8))
    clip = film("push in, rain", end_still=str(end), duration_s=2, effects="none")

    last = np.asarray(Image.open(clip.artifacts[Artifact.LAST_FRAME]), np.float64)
    error = np.mean((last - soft) ** 2)
    assert 10 * np.log10(255**2 / error) > 30


def test_a_loop_ends_where_it_began(film: Film) -> None:
    frames = luma_of(film("push in, truck left, snow, vignette", loop=True, duration_s=3).path)

    assert np.abs(frames[0] - frames[-1]).mean() < 0.5 * np.abs(frames[0] - frames[len(frames) // 2]).mean()
    assert np.abs(frames[0] - frames[-1]).mean() < 2.5


def odd_stills() -> dict[str, NDArray[np.uint8]]:
    rng = np.random.default_rng(0)
    grey = np.asarray(cv2.blur(rng.integers(0, 256, (300, 400), dtype=np.uint8), (3, 3)), dtype=np.uint8)
    return {
        "flat": np.full((400, 600, 3), (200, 60, 40), np.uint8),
        "black": np.zeros((360, 640, 3), np.uint8),
        "white": np.full((300, 300, 3), 255, np.uint8),
        "noise": rng.integers(0, 256, (360, 640, 3), dtype=np.uint8),
        "16x16": rng.integers(0, 256, (16, 16, 3), dtype=np.uint8),
        "4000x200": np.repeat(rng.integers(0, 256, (200, 4000, 1), dtype=np.uint8), 3, axis=2),
        "200x4000": rng.integers(0, 256, (4000, 200, 3), dtype=np.uint8),
        "grey": np.repeat(grey[:, :, None], 3, axis=2),
        "huge": rng.integers(0, 256, (64, 64, 3), dtype=np.uint8).repeat(64, axis=0).repeat(64, axis=1),
    }


@pytest.mark.parametrize("name", odd_stills())
@pytest.mark.parametrize("move", [Move.ORBIT_LEFT, Move.DOLLY_ZOOM])
def test_an_odd_still_is_filmed_with_every_effect_at_once(film: Film, tmp_path: Path, name: str, move: Move) -> None:
    still = save(tmp_path / "odd.png", odd_stills()[name])

    clip = film("", still=still, move=str(move), strength=2.0, effects=",".join(Effect))

    assert read_back(clip.path).frames == 24


@pytest.mark.parametrize("mode", ["RGBA", "L", "P", "LA", "I;16"])
def test_a_png_of_another_kind_is_filmed_as_it_looks(film: Film, tmp_path: Path, mode: str) -> None:
    Image.new(mode, (160, 90)).save(tmp_path / "odd.png")

    assert read_back(film("push in", still=tmp_path / "odd.png").path).frames == 24


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
        ({"duration_s": -5}, "duration: must be above 0 s, got -5"),
    ],
)
def test_an_order_that_it_does_not_offer_is_rejected(film: Film, wrong: dict[str, str | int], text: str) -> None:
    with pytest.raises(EngineRejected, match=text):
        film("", **wrong)


def test_what_a_card_leaves_open_is_the_cameras_to_choose(film: Film) -> None:
    clip = film("pan left", resolution="", duration_s=0)

    assert (clip.width_px * clip.height_px, clip.frames) == pytest.approx((1280 * 720, 5 * 24), rel=0.02)


def test_it_is_an_engine_and_warms_twice() -> None:
    engine: Engine = CameraEngine()

    engine.warm()
    engine.warm()

    assert (engine.name, engine.version) == ("camera", "6")


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

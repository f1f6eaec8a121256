# /// script
# requires-python = ">=3.11"
# dependencies = ["photoplay", "scikit-image"]
# ///
"""Makes the pictures of docs/explanation/camera.md: what the camera engine does with eleven stills.

`uv run --frozen --with scikit-image python bench/contact_sheet.py`; the photos are those that scikit-image carries, the
drawings are made here. With `--clips FOLDER` the clips are kept.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from photoplay.engines.camera import CameraEngine
from photoplay.engines.engine import Order
from photoplay.media.frame import rgb_of

Rgb = NDArray[np.uint8]

IMAGES: Final = Path(__file__).parent.parent / "docs" / "images"
STRIP_PX: Final = 900
SHOWN: Final = (0.0, 0.5, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    name: str
    still: Callable[[], Rgb]
    prompt: str


def photo(name: str) -> Callable[[], Rgb]:
    def read() -> Rgb:
        with Image.open(str(files("skimage") / "data" / name)) as image:
            return np.asarray(image.convert("RGB"))

    return read


def coffee() -> Rgb:
    with Image.open(str(files("photoplay") / "samples" / "coffee.jpg")) as image:
        return np.asarray(image.convert("RGB"))


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def landscape() -> Rgb:
    """Mountains behind a lake at sunset, by noise."""
    random = np.random.default_rng(5)
    height, width = 1000, 1778
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    low, high = np.array([252, 196, 140], np.float32), np.array([70, 110, 180], np.float32)
    share = np.clip(y / 560, 0, 1)[:, :, None] ** 1.3
    picture = high * (1 - share) + low * share
    clouds = np.zeros((height, width), np.float32)
    for k in range(7):
        coarse = random.random((3 * 2**k, 4 * 2**k)).astype(np.float32)
        clouds += np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.float32) * 0.58**k
    veil = np.clip((clouds - 1.25) * 1.5, 0, 0.7) * np.clip(1.1 - y / 560, 0, 1)
    picture = picture * (1 - veil[:, :, None]) + np.array([255, 232, 214], np.float32) * veil[:, :, None]
    for depth, (base, tone) in enumerate(((430, (128, 128, 158)), (490, (84, 92, 122)), (545, (44, 56, 72)))):
        ridge = np.full(width, float(base))
        for k in range(7):
            peaks = random.random((1, 6 * 2**k)).astype(np.float32) * np.float32(150 * 0.55**k * (1 - 0.18 * depth))
            line = cv2.resize(peaks, (width, 1), interpolation=cv2.INTER_LINEAR)
            ridge -= np.asarray(line, np.float64)[0]
        ground = np.array(tone, np.float32) + (y / 25)[:, :, None]
        below = y > ridge.astype(np.float32)[None, :]
        picture = np.asarray(np.where(below[:, :, None], ground, picture), dtype=np.float32)
    shore = 600
    lake = picture[shore : shore - (height - shore) : -1] * 0.72 + np.array([10, 22, 40], np.float32) * 0.5
    ripple = (np.sin(y[shore:] ** 0.9 * 0.9 + 6 * np.sin(x[shore:] / 90)) * 5)[:, :, None]
    picture[shore:] = lake + ripple
    grainy = picture + random.normal(0, 3.0, (height, width, 3))
    return np.asarray(cv2.GaussianBlur(grainy.clip(0, 255).astype(np.uint8), (0, 0), 0.8), dtype=np.uint8)


def clutter() -> Rgb:
    """Shelves full of boxes, tins and books, unevenly lit, with the noise of a camera."""
    random = np.random.default_rng(8)
    height, width = 1000, 1500
    picture = np.full((height, width, 3), (112, 92, 74), np.float32)
    for shelf in range(4):
        floor = 250 * (shelf + 1) - 12
        left = 10
        while left < width - 60:
            wide, tall = int(random.integers(40, 170)), int(random.integers(80, 215))
            tone = random.uniform(40, 220, 3).astype(np.float32)
            bright = np.linspace(1.15, 0.6, wide, dtype=np.float32)[None, :, None]
            right = min(left + wide, width)
            picture[floor - tall : floor, left:right] = tone * bright[:, : right - left]
            for line in range(int(random.integers(1, 5))):
                at = floor - tall + 14 + line * 16
                picture[at : at + 5, left + 8 : max(left + 9, right - 10)] *= 0.55
            left += wide + int(random.integers(2, 16))
        picture[floor : floor + 16] = (70, 52, 40)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    light = 0.45 + 0.75 * np.exp(-(((x - 560) / 700) ** 2) - ((y - 380) / 520) ** 2)
    noisy = picture * light[:, :, None] + random.normal(0, 6, picture.shape)
    return np.asarray(cv2.GaussianBlur(noisy.clip(0, 255).astype(np.uint8), (0, 0), 0.9), dtype=np.uint8)


def poster() -> Rgb:
    image = Image.new("RGB", (900, 1200), (244, 236, 220))
    draw = ImageDraw.Draw(image)
    draw.rectangle((60, 60, 840, 700), fill=(200, 62, 46))
    draw.ellipse((250, 180, 650, 580), fill=(248, 206, 96))
    for row, (text, size) in enumerate(
        (("NIGHT MARKET", 104), ("Friday 21 June, 18 to 24 h", 52), ("Old harbour, hall 3", 52))
    ):
        draw.text((70, 760 + row * 130), text, font=font(size), fill=(38, 34, 40))
    draw.line((60, 1140, 840, 1140), fill=(38, 34, 40), width=6)
    return np.asarray(image)


def drawing() -> Rgb:
    image = Image.new("RGB", (1200, 900), (252, 251, 246))
    draw = ImageDraw.Draw(image)
    ink = (40, 44, 60)
    draw.line((0, 690, 1200, 660), fill=ink, width=5)
    draw.polygon(
        [(380, 690), (380, 430), (560, 300), (740, 430), (740, 680)], outline=ink, fill=(236, 222, 198), width=6
    )
    draw.polygon([(340, 440), (560, 270), (780, 440)], outline=ink, fill=(186, 84, 70), width=6)
    draw.rectangle((520, 530, 600, 684), outline=ink, fill=(120, 86, 62), width=5)
    draw.rectangle((420, 500, 490, 570), outline=ink, fill=(160, 200, 226), width=5)
    draw.rectangle((640, 330, 690, 400), outline=ink, fill=(186, 84, 70), width=5)
    draw.ellipse((930, 90, 1070, 230), outline=ink, fill=(250, 210, 90), width=5)
    draw.line((900, 680, 900, 520), fill=(110, 78, 54), width=18)
    draw.ellipse((800, 340, 1000, 560), outline=ink, fill=(120, 160, 96), width=5)
    return np.asarray(image)


def screenshot() -> Rgb:
    image = Image.new("RGB", (1600, 900), (246, 247, 250))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 1600, 64), fill=(32, 38, 56))
    draw.text((28, 16), "Orders", font=font(30), fill=(255, 255, 255))
    draw.rectangle((0, 64, 260, 900), fill=(232, 235, 242))
    for row, text in enumerate(("Overview", "Orders", "Customers", "Stock", "Reports")):
        draw.text((32, 100 + row * 58), text, font=font(24), fill=(60, 70, 92))
    for column in range(3):
        left = 300 + column * 430
        draw.rounded_rectangle((left, 100, left + 400, 250), 14, fill=(255, 255, 255), outline=(214, 219, 230), width=2)
        draw.text((left + 24, 122), ("Today", "This week", "Open")[column], font=font(22), fill=(110, 120, 140))
        draw.text((left + 24, 160), ("128", "1 043", "17")[column], font=font(56), fill=(24, 32, 52))
    for row in range(10):
        top = 290 + row * 58
        draw.line((300, top, 1560, top), fill=(214, 219, 230), width=2)
        for column, text in enumerate((f"#{4711 + row}", "Lena Example", "2 items", "paid" if row % 3 else "open")):
            draw.text((320 + column * 310, top + 16), text, font=font(22), fill=(52, 60, 80))
    return np.asarray(image)


ENTRIES: Final = (
    Entry(
        name="product",
        still=coffee,
        prompt="A cinematic close-up of a coffee cup near a sunlit window, subtle steam, soft bokeh, golden hour",
    ),
    Entry(name="product-orbit", still=coffee, prompt="orbit around the cup"),
    Entry(name="portrait", still=photo("astronaut.png"), prompt="slow push in, dust motes floating, sunlight"),
    Entry(name="cat", still=photo("chelsea.png"), prompt="handheld, soft snow falls"),
    Entry(name="landscape", still=landscape, prompt="slow truck right over the lake, drifting clouds, rippling water"),
    Entry(name="clutter", still=clutter, prompt="arc shot past the shelves, film grain"),
    Entry(name="man", still=photo("camera.png"), prompt="truck left, then push in, heavy rain"),
    Entry(name="poster", still=poster, prompt="tilt down, then push in, vignette"),
    Entry(name="drawing", still=drawing, prompt="crane up, smoke from the chimney, snow"),
    Entry(name="night", still=photo("rocket.jpg"), prompt="dolly zoom, fog, candle light"),
    Entry(name="screenshot", still=screenshot, prompt="pan right, zoom in"),
)


def film(entry: Entry, folder: Path) -> Path:
    still = folder / f"{entry.name}.png"
    Image.fromarray(entry.still()).save(still)
    output = folder / f"{entry.name}.mp4"
    order = Order(still=still, prompt=entry.prompt, resolution="720p", duration_s=5, seed=1, output=output)
    clip = CameraEngine().run(order, lambda _: None)
    print(f"{entry.name:14} {clip.facts['scene']} {clip.facts['travel']}", file=sys.stderr)
    return output


def strip(clip: Path) -> Image.Image:
    with av.open(str(clip), "r") as container:
        frames = [Image.fromarray(rgb_of(frame)) for frame in container.decode(video=0)]
    shown = [frames[round(share * (len(frames) - 1))] for share in SHOWN]
    width = STRIP_PX // len(shown)
    height = round(shown[0].height * width / shown[0].width)
    sheet = Image.new("RGB", (width * len(shown), height))
    for column, frame in enumerate(shown):
        sheet.paste(frame.resize((width, height), Image.Resampling.LANCZOS), (column * width, 0))
    return sheet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, help="keep the clips here")
    parser.add_argument("names", nargs="*", help="only these")
    arguments = parser.parse_args()
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.clips or Path(temporary)
        folder.mkdir(exist_ok=True)
        for entry in ENTRIES:
            if not arguments.names or entry.name in arguments.names:
                strip(film(entry, folder)).save(IMAGES / f"camera-{entry.name}.webp", quality=72, method=6)


if __name__ == "__main__":
    main()

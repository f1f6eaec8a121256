"""Stills of every kind, made here by Pillow or by hand, against the real decoder in its own process."""

import asyncio
import os
import struct
import zlib
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Final

import pytest
from PIL import Image, ImageCms, ImageOps

from photoplay.domain.errors import StillRejected
from photoplay.media.still import Still, StillLimits, prepare_still

RED: Final = (255, 0, 0)
GREEN: Final = (0, 255, 0)
BLUE: Final = (0, 0, 255)
WHITE: Final = (255, 255, 255)
GREY: Final = (128, 128, 128)
NEAR: Final = 6
"""JPEG and colour conversion may move a level by this much."""

SRGB: Final = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType] - a C type that Pillow does not declare
RED_IS_GREEN: Final = SRGB.replace(b"rXYZ", b"swap").replace(b"gXYZ", b"rXYZ").replace(b"swap", b"gXYZ")
"""A profile whose first primary is green and whose second is red."""


def encode(image: Image.Image, kind: str, **options: object) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def plain(mode: str, colour: object, size: tuple[int, int] = (32, 24)) -> Image.Image:
    return Image.new(mode, size, colour)  # pyright: ignore[reportArgumentType] - one helper for every mode


def png(width: int, height: int, *, depth: int, colour_type: int, rows: bytes, transparent: bytes = b"") -> bytes:
    """Source: PNG 3rd ed. 11.2.1, 11.3.1.1."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    holes = ((b"tRNS", transparent),) if transparent else ()
    chunks = ((b"IHDR", header), *holes, (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


def png_header(width: int, height: int) -> bytes:
    return png(width, height, depth=8, colour_type=2, rows=b"")


def webp_header(width: int, height: int) -> bytes:
    """Source: RFC 9649 2.7."""
    chunk = bytes(4) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"RIFF" + struct.pack("<I", 22) + b"WEBPVP8X" + struct.pack("<I", 10) + chunk


def two_halves(mode: str = "RGB") -> Image.Image:
    """Red on the left, blue on the right with a green corner below, 40 x 20 px."""
    image = Image.new("RGB", (40, 20), RED)
    image.paste(BLUE, (20, 0, 40, 20))
    image.paste(GREEN, (30, 15, 40, 20))
    return image.convert(mode)


def animation() -> bytes:
    return encode(plain("RGB", RED), "WEBP", save_all=True, append_images=[plain("RGB", BLUE)], lossless=True)


def turned(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encode(two_halves(), "PNG", exif=exif)


def palette_with_hole() -> bytes:
    image = plain("RGB", RED).quantize(4)
    return encode(image, "PNG", transparency=image.getpixel((0, 0)))


def jpeg_bomb() -> bytes:
    """Sixty kilobytes whose five hundred scans each cost a pass over sixteen megapixels."""
    data = encode(plain("L", 77, (4000, 4000)), "JPEG", progressive=True)
    scan = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + scan * 500 + data[-2:]


def chunk_names(path: Path) -> set[bytes]:
    data, at, names = path.read_bytes(), 8, set[bytes]()
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        names.add(data[at + 4 : at + 8])
        at += length + 12
    return names


async def prepare(folder: Path, data: bytes, limits: StillLimits | None = None) -> Still:
    source = folder / "sent"
    source.write_bytes(data)
    return await prepare_still(source, folder / "still.png", limits=limits or StillLimits())


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def level(still: Still, at: tuple[int, int] = (0, 0)) -> Sequence[int]:
    with Image.open(still.path) as image:
        assert (image.format, image.mode) == ("PNG", "RGB")
        assert image.size == (still.width_px, still.height_px)
        value = image.getpixel(at)
    assert isinstance(value, tuple)
    return [int(channel) for channel in value]


@pytest.mark.parametrize(
    ("data", "kind", "colour"),
    [
        pytest.param(encode(plain("RGB", RED), "JPEG"), "JPEG", RED, id="jpeg"),
        pytest.param(encode(plain("L", 128), "JPEG"), "JPEG", GREY, id="grey jpeg"),
        pytest.param(encode(plain("CMYK", (0, 255, 255, 0)), "JPEG"), "JPEG", RED, id="cmyk jpeg"),
        pytest.param(encode(plain("RGB", RED), "JPEG", progressive=True), "JPEG", RED, id="progressive jpeg"),
        pytest.param(encode(plain("RGB", RED), "PNG"), "PNG", RED, id="png"),
        pytest.param(encode(plain("1", 1), "PNG"), "PNG", WHITE, id="1-bit png"),
        pytest.param(encode(plain("I;16", 128 * 257), "PNG"), "PNG", GREY, id="16-bit grey png"),
        pytest.param(
            png(16, 16, depth=16, colour_type=2, rows=(b"\0" + b"\xff\xff\0\0\0\0" * 16) * 16),
            "PNG",
            RED,
            id="16-bit rgb png",
        ),
        pytest.param(
            png(16, 16, depth=16, colour_type=0, rows=(b"\0" + b"\x80\x80" * 16) * 16, transparent=b"\x80\x80"),
            "PNG",
            WHITE,
            id="16-bit grey png with a transparent level",
        ),
        pytest.param(
            png(16, 16, depth=16, colour_type=0, rows=(b"\0" + b"\x80\x80" * 16) * 16, transparent=b"\x80\x81"),
            "PNG",
            GREY,
            id="16-bit grey png with another transparent level",
        ),
        pytest.param(encode(two_halves("P"), "PNG"), "PNG", RED, id="palette png"),
        pytest.param(palette_with_hole(), "PNG", WHITE, id="palette png with a transparent colour"),
        pytest.param(encode(plain("RGBA", (0, 0, 0, 0)), "PNG"), "PNG", WHITE, id="transparent png"),
        pytest.param(encode(plain("RGBA", (0, 0, 0, 127)), "PNG"), "PNG", GREY, id="half transparent png"),
        pytest.param(encode(plain("LA", (0, 127)), "PNG"), "PNG", GREY, id="half transparent grey png"),
        pytest.param(encode(plain("RGB", BLUE), "WEBP", lossless=True), "WebP", BLUE, id="webp"),
        pytest.param(encode(plain("RGBA", (0, 0, 0, 0)), "WEBP"), "WebP", WHITE, id="transparent webp"),
        pytest.param(animation(), "WebP", RED, id="first frame of an animated webp"),
        pytest.param(encode(plain("RGB", RED), "JPEG", icc_profile=RED_IS_GREEN), "JPEG", GREEN, id="profile"),
        pytest.param(encode(plain("RGBA", RED), "PNG", icc_profile=RED_IS_GREEN), "PNG", GREEN, id="alpha and profile"),
        pytest.param(encode(plain("L", 128), "JPEG", icc_profile=SRGB), "JPEG", GREY, id="grey with an rgb profile"),
        pytest.param(encode(plain("RGB", RED), "PNG", icc_profile=b"junk"), "PNG", RED, id="broken profile"),
        pytest.param(
            encode(plain("CMYK", (0, 255, 255, 0)), "JPEG", icc_profile=SRGB), "JPEG", RED, id="profile of another kind"
        ),
    ],
)
async def test_every_kind_of_picture_becomes_plain_rgb(
    tmp_path: Path, data: bytes, kind: str, colour: Sequence[int]
) -> None:
    still = await prepare(tmp_path, data)

    assert still.kind == kind
    assert level(still) == pytest.approx(colour, abs=NEAR)
    assert files(tmp_path) == ["sent", "still.png"]


async def test_picture_lying_on_its_side_is_set_upright(tmp_path: Path) -> None:
    still = await prepare(tmp_path, turned(6))

    assert (still.width_px, still.height_px) == (20, 40)
    assert level(still, (0, 0)) == list(RED)
    assert level(still, (19, 39)) == list(BLUE)


@pytest.mark.parametrize("orientation", range(1, 9))
async def test_every_orientation_is_applied(tmp_path: Path, orientation: int) -> None:
    data = turned(orientation)
    with Image.open(BytesIO(data)) as sent:
        expected = ImageOps.exif_transpose(sent).tobytes()
    still = await prepare(tmp_path, data)

    with Image.open(still.path) as image:
        assert image.tobytes() == expected


async def test_broken_exif_is_no_reason_to_refuse(tmp_path: Path) -> None:
    still = await prepare(tmp_path, encode(plain("RGB", RED), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff"))

    assert level(still) == pytest.approx(RED, abs=NEAR)


async def test_metadata_is_gone(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010E] = "where I live"
    data = encode(plain("RGB", RED), "JPEG", exif=exif, icc_profile=SRGB, dpi=(300, 300), comment=b"mine")
    still = await prepare(tmp_path, data)

    assert chunk_names(still.path) == {b"IHDR", b"IDAT", b"IEND"}


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
async def test_what_hangs_behind_a_picture_goes_no_further(tmp_path: Path, kind: str) -> None:
    hidden = b"PK\x03\x04<script>alert(1)</script><?php ?>%PDF-1.7"
    still = await prepare(tmp_path, encode(plain("RGB", RED), kind) + hidden)

    assert level(still) == pytest.approx(RED, abs=NEAR)
    assert chunk_names(still.path) == {b"IHDR", b"IDAT", b"IEND"}
    assert b"script" not in still.path.read_bytes()


async def test_large_picture_is_shrunk_in_proportion(tmp_path: Path) -> None:
    still = await prepare(tmp_path, encode(plain("L", 128, (6000, 1500)), "PNG"))

    assert (still.width_px, still.height_px) == (4096, 1024)
    assert level(still) == list(GREY)


async def test_smallest_picture_is_accepted(tmp_path: Path) -> None:
    still = await prepare(tmp_path, encode(plain("RGB", RED, (16, 16)), "PNG"))

    assert (still.width_px, still.height_px) == (16, 16)


NOT_A_PICTURE: Final = "image_url: the file is not a JPEG, PNG or WebP picture"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(b"", NOT_A_PICTURE, id="empty"),
        pytest.param(b"<!doctype html><p>Not found", NOT_A_PICTURE, id="html"),
        pytest.param(encode(plain("P", 1), "GIF"), NOT_A_PICTURE, id="gif"),
        pytest.param(b"RIFF\x24\0\0\0WAVEfmt ", NOT_A_PICTURE, id="wav"),
        pytest.param(
            encode(plain("RGB", RED, (15, 15)), "PNG"),
            "image_url: 15 x 15 px is under the minimum of 16 px a side",
            id="small",
        ),
        pytest.param(png_header(9000, 100), "image_url: 9000 x 100 px is over the limit of 8192 px a side", id="long"),
        pytest.param(
            png_header(6400, 6400), "image_url: 6400 x 6400 px is over the limit of 40 megapixels", id="megapixels"
        ),
        pytest.param(
            webp_header(16000, 9000), "image_url: 16000 x 9000 px is over the limit of 8192 px a side", id="long webp"
        ),
        pytest.param(
            webp_header(6400, 6400), "image_url: 6400 x 6400 px is over the limit of 40 megapixels", id="large webp"
        ),
        pytest.param(webp_header(100, 100), "image_url: the WebP is broken or truncated", id="webp without pixels"),
        pytest.param(
            png_header(8192, 20),
            "image_url: 8192 x 20 px is too narrow: shrunk to 4096 px, its short side has 10 px, the minimum is 16",
            id="narrow",
        ),
        pytest.param(
            encode(two_halves(), "JPEG")[:-40], "image_url: the JPEG is broken or truncated", id="truncated jpeg"
        ),
        pytest.param(
            encode(two_halves(), "PNG")[:-40], "image_url: the PNG is broken or truncated", id="truncated png"
        ),
        pytest.param(
            encode(two_halves(), "WEBP")[:-40], "image_url: the WebP is broken or truncated", id="truncated webp"
        ),
        pytest.param(b"\xff\xd8\xff\xe0", "image_url: the JPEG is broken or truncated", id="head only"),
        pytest.param(png_header(100, 100), "image_url: the PNG is broken or truncated", id="no pixels"),
    ],
)
async def test_what_cannot_be_used_is_rejected(tmp_path: Path, data: bytes, words: str) -> None:
    with pytest.raises(StillRejected) as raised:
        await prepare(tmp_path, data)

    assert str(raised.value) == words
    assert files(tmp_path) == ["sent"]


async def test_too_much_memory_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(StillRejected, match="image_url: needs more than the limit of 96 MiB to decode"):
        await prepare(tmp_path, encode(plain("RGB", RED, (6000, 6000)), "PNG"), StillLimits(memory_bytes=96 * 2**20))

    assert files(tmp_path) == ["sent"]


async def test_too_much_processor_time_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(StillRejected, match="image_url: decoding takes more than 1 s of processor time"):
        await prepare(tmp_path, jpeg_bomb(), StillLimits(cpu=timedelta(seconds=1)))

    assert files(tmp_path) == ["sent"]


@pytest.fixture
def bottomless(tmp_path: Path) -> Path:
    """A file that starts like a picture and never ends: whoever reads it waits."""
    path = tmp_path / "sent"
    os.mkfifo(path)
    return path


def has_reader(fifo: Path) -> bool:
    with suppress(OSError):  # ENXIO: nobody has the other end open
        os.close(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
        return True
    return False


@pytest.mark.parametrize(
    ("wall_s", "deadline_s", "error"),
    [pytest.param(0.5, 10.0, StillRejected, id="wall limit"), pytest.param(10.0, 0.5, TimeoutError, id="cancelled")],
)
async def test_decoder_that_hangs_is_killed(
    bottomless: Path, wall_s: float, deadline_s: float, error: type[Exception]
) -> None:
    target = bottomless.with_name("still.png")
    limits = StillLimits(wall=timedelta(seconds=wall_s))
    writer = os.open(bottomless, os.O_RDWR)
    os.write(writer, encode(plain("RGB", RED), "PNG")[:12])
    try:
        with pytest.raises(error):
            async with asyncio.timeout(deadline_s):
                await prepare_still(bottomless, target, limits=limits)
    finally:
        os.close(writer)

    assert not has_reader(bottomless)
    assert files(bottomless.parent) == ["sent"]

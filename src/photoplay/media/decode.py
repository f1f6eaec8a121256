"""The child's side of checking a still: decode one picture under limits and write it again as a plain PNG.

`python -m photoplay.media.decode` with the request, a JSON object, as its one argument; one JSON line on stdout says
what became of it. Imports Pillow and nothing else of weight: a start costs a caller's time. The picture's bytes are
parsed only behind `seal()`, so everything that a parser may need is open and imported before.
"""

import io
import json
import resource
import struct
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import BinaryIO, Final

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from photoplay.media.webp import webp_size
from photoplay.process import die_with_parent, limit
from photoplay.seal import seal

__all__ = ["DecodeReply", "DecodeRequest", "decode", "main"]

_OPENERS: Final[Mapping[str, Callable[[io.BytesIO], Image.Image]]] = {
    "JPEG": JpegImageFile,
    "PNG": PngImageFile,
    "WebP": WebPImageFile,
}

# How the three formats mark a colour profile. Source: ICC.1 annex B.4; PNG 3rd ed. 11.3.2.3; RFC 9649 2.7.1.4.
_PROFILE_MARKS: Final = (b"ICC_PROFILE", b"iCCP", b"ICCP")

# What to hand to a profile, in this order; a grey picture with an RGB profile is common and harmless.
_PROFILE_MODES: Final[Mapping[str, Sequence[str]]] = {"RGB": ("RGB",), "L": ("L", "RGB"), "CMYK": ("CMYK",)}

_ORIENTATION_TAG: Final = 0x0112
"""Source: Exif 2.32, 4.6.4 A."""

_TURNS: Final[Mapping[int, Image.Transpose]] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# The largest PNG that a picture within the limits can become, and then some.
_OUTPUT_BYTES_MAX: Final = 256 * 1024 * 1024


class _Rejected(Exception):
    """The picture cannot be used, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeRequest:
    """What the parent asks for."""

    kind: str
    """JPEG, PNG or WebP, by the magic bytes."""
    source: str
    output: str
    side_px_min: int
    side_px_max: int
    pixels_max: int
    output_side_px_max: int
    memory_bytes: int
    cpu_s: int
    parent_pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeReply:
    """What became of it."""

    rejected: str = ""
    """Why the picture cannot be used, without its name. Empty: it was written."""
    width_px: int = 0
    height_px: int = 0


def main() -> int:
    request = DecodeRequest(**json.loads(sys.argv[1]))
    die_with_parent(request.parent_pid)
    limit(resource.RLIMIT_CORE, 0)
    limit(resource.RLIMIT_CPU, request.cpu_s)
    limit(resource.RLIMIT_FSIZE, _OUTPUT_BYTES_MAX)
    limit(resource.RLIMIT_AS, request.memory_bytes)
    with Path(request.output).open("wb") as output:
        sent = Path(request.source).read_bytes()
        _import_what_is_needed(sent)
        seal()
        reply = decode(sent, output, request)
    sys.stdout.write(json.dumps(asdict(reply)) + "\n")
    return 0


def _import_what_is_needed(sent: bytes) -> None:
    """Load what Pillow loads late: nothing can be opened behind the seal. Profiles are rare, and their code is slow."""
    import_module("PIL.TiffImagePlugin")  # reads EXIF
    if any(mark in sent for mark in _PROFILE_MARKS):
        import_module("PIL.ImageCms")


def decode(sent: bytes, output: BinaryIO, request: DecodeRequest) -> DecodeReply:
    """Write the picture as a plain PNG, or say why not: whatever the bytes are, there is a reply."""
    try:
        image = _read(sent, request)
        image.save(output, format="PNG", compress_level=1)
        return DecodeReply(width_px=image.width, height_px=image.height)
    except _Rejected as exc:
        return DecodeReply(rejected=str(exc))
    except MemoryError:
        return DecodeReply(rejected=f"needs more than the limit of {request.memory_bytes // 2**20} MiB to decode")


def _read(sent: bytes, request: DecodeRequest) -> Image.Image:
    """Shape: 8-bit sRGB, upright, opaque, first frame.

    Raises: _Rejected.
    """
    plain, turn, profile = _load(sent, request)
    # Colours and turns come after shrinking: there is less to do.
    plain.thumbnail((request.output_side_px_max, request.output_side_px_max), Image.Resampling.LANCZOS)
    if turn is not None:
        plain = plain.transpose(turn)
    opaque = _opaque(plain, profile)
    opaque.info = {}  # Pillow would write the old profile and resolution again
    return opaque


def _load(sent: bytes, request: DecodeRequest) -> tuple[Image.Image, Image.Transpose | None, bytes]:
    """Decode everything; return pixels, turn and colour profile. The decoder's own buffers are freed on return.

    Raises: _Rejected.
    """
    try:
        if request.kind == "WebP" and (size := webp_size(sent)):
            _check_size(*size, request)
        with _OPENERS[request.kind](io.BytesIO(sent)) as image:
            _check_size(image.width, image.height, request)
            image.load()
            profile = image.info.get("icc_profile")
            return _plain(image), _turn(image), profile if isinstance(profile, bytes) else b""
    except (_Rejected, MemoryError):
        raise
    except Exception as exc:
        raise _Rejected(f"the {request.kind} is broken or truncated") from exc


def _check_size(width: int, height: int, request: DecodeRequest) -> None:
    size, short, long = f"{width} x {height} px", min(width, height), max(width, height)
    if short < request.side_px_min:
        raise _Rejected(f"{size} is under the minimum of {request.side_px_min} px a side")
    if long > request.side_px_max:
        raise _Rejected(f"{size} is over the limit of {request.side_px_max} px a side")
    if width * height > request.pixels_max:
        raise _Rejected(f"{size} is over the limit of {request.pixels_max / 1e6:g} megapixels")
    shrunk = round(short * min(1.0, request.output_side_px_max / long))
    if shrunk < request.side_px_min:
        raise _Rejected(
            f"{size} is too narrow: shrunk to {request.output_side_px_max} px, its short side has {shrunk} px, "
            f"the minimum is {request.side_px_min}"
        )


def _turn(image: Image.Image) -> Image.Transpose | None:
    try:
        return _TURNS.get(image.getexif().get(_ORIENTATION_TAG, 1))
    except (OSError, SyntaxError, ValueError, TypeError, KeyError, struct.error):
        return None  # as browsers do: a broken note about the picture is not a broken picture


def _plain(image: Image.Image) -> Image.Image:
    """Shape: L, RGB, RGBA or CMYK, 8 bits a channel."""
    if image.mode.startswith("I"):
        return _from_16_bits(image.convert("I"), image.info.get("transparency"))
    if image.has_transparency_data:
        return image.convert("RGBA")
    return image.copy() if image.mode in {"L", "CMYK"} else image.convert("RGB")


def _from_16_bits(image: Image.Image, transparent: object) -> Image.Image:
    # Pillow's own conversion of 16 bits clips at 255; 257 maps 65535 to 255.
    grey = image.point(lambda level: level * (1 / 257) + 0).convert("L")
    if not isinstance(transparent, int):
        return grey
    alpha = image.point([0 if level == transparent else 255 for level in range(65536)], "L")
    return Image.merge("RGBA", (grey, grey, grey, alpha))


def _opaque(image: Image.Image, profile: bytes) -> Image.Image:
    """Shape: RGB, sRGB colours, on white."""
    if image.mode != "RGBA":
        return _srgb(image, profile)
    paper = Image.new("RGB", image.size, "white")
    paper.paste(_srgb(image.convert("RGB"), profile), mask=image.getchannel("A"))
    return paper


def _srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """A profile that is broken, or made for other pixels, is ignored: browsers show such a picture too."""
    for mode in _PROFILE_MODES[image.mode] if profile else ():
        converted = _from_profile(image.convert(mode), profile)
        if converted is not None:
            return converted
    return image.convert("RGB")


def _from_profile(image: Image.Image, profile: bytes) -> Image.Image | None:
    from PIL import ImageCms  # noqa: PLC0415 - see _import_what_is_needed

    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        target = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType] - a C type that Pillow does not declare
        return ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):
        return None


if __name__ == "__main__":
    sys.exit(main())

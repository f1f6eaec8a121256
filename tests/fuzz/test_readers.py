"""The three readers of strangers' bytes, under whatever comes: a value, or a refusal in words; never anything else."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import strategies as st
from PIL import Image, ImageCms

from fuzz.looking import look
from photoplay.domain.errors import InvalidInput, MalformedBody, TargetForbidden
from photoplay.domain.json import JsonValue
from photoplay.egress.addresses import is_public
from photoplay.egress.target import parse_address, parse_target
from photoplay.media.decode import DecodeRequest, decode
from photoplay.media.still import find_kind
from photoplay.media.webp import webp_size
from photoplay.web.strict import parse_json

TOKENS = [
    *("{", "}", "[", "]", ",", ":", '"', "\\", "0", "1", "-", ".", "e", "E", "+", " ", "\n", "\t", "/"),
    *("true", "false", "null", "NaN", "Infinity", '"a"', '"a":', "\\u0000", "\\ud800", "\\udc00", "\x00", "\ufeff"),
    *("1e999", "9" * 5000, "[" * 70, '{"a":' * 70, "]" * 70, "}" * 70, "😀", "é"),
]
json_texts = st.lists(st.sampled_from(TOKENS), max_size=40).map("".join).map(str.encode)
jsons = st.one_of(st.binary(max_size=300), json_texts, st.tuples(json_texts, st.binary(max_size=3)).map(b"".join))

PARTS = [
    *("http", "https", "ftp", "HTTP", ":", "//", "/", "\\", "@", "?", "#", "%", "%2e", "%00", ".", "..", "-", "_"),
    *("127.0.0.1", "localhost", "0x7f", "0177", "2130706433", "1", "0", "255", "8.8.8.8", "80", "443", ":80", ":22"),
    *("::1", "::ffff:", "fe80::1%eth0", "2606:4700:4700::1111", "64:ff9b::", "2002:7f00:1::", "[", "]"),
    *("example", "com", "xn--", "é", "。", "①", "\u00ad", "\u200d", "user", " ", "\t", "\r\n", "\x00", "a" * 70),
]
urls = st.one_of(
    st.lists(st.sampled_from(PARTS), max_size=12).map("".join),
    st.lists(st.sampled_from(PARTS), max_size=10).map("".join).map("http://{}".format),
    st.text(max_size=60).map("https://{}".format),
    st.text(max_size=60),
)


def check_json(body: bytes) -> None:
    try:
        value = parse_json(body)
    except (MalformedBody, InvalidInput):
        return
    # Another reader, less strict, sees the same in what is accepted; and it can travel on.
    assert value == json.loads(body)
    assert json.loads(json.dumps(value, allow_nan=False).encode()) == value
    assert depth(value) <= 64


def depth(value: JsonValue) -> int:
    if isinstance(value, str) or not isinstance(value, (Mapping, Sequence)):
        return 0
    return 1 + max((depth(item) for item in (value.values() if isinstance(value, Mapping) else value)), default=0)


def check_url(text: str) -> None:
    try:
        target = parse_target(text, allow=frozenset(), field="image_url")
    except (InvalidInput, TargetForbidden):
        return
    again = urlsplit(target.url)
    assert (again.scheme, again.hostname, again.username) == (target.scheme, target.place.host, None)
    assert target.place.port == (again.port or {"http": 80, "https": 443}[again.scheme])
    assert target.place.port in {80, 443}
    assert parse_target(target.url, allow=frozenset(), field="image_url") == target
    address = parse_address(target.place.host)
    assert address is None or is_public(ip_address(target.place.host))


def sample(kind: str, **options: Any) -> bytes:
    out = BytesIO()
    Image.effect_mandelbrot((48, 32), (-2, -1, 1, 1), 20).convert("RGB").save(out, kind, **options)
    return out.getvalue()


def samples() -> list[bytes]:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType] - a C type that Pillow does not declare
    exif = Image.Exif()
    exif[0x0112] = 6
    rich: dict[str, Any] = {"icc_profile": profile, "exif": exif}
    return [
        *(sample("JPEG"), sample("JPEG", progressive=True, **rich), sample("PNG"), sample("PNG", **rich)),
        *(sample("WEBP"), sample("WEBP", lossless=True, **rich)),
    ]


@st.composite
def spoilt_pictures(draw: st.DrawFn) -> bytes:
    """A picture with a few bytes changed, most of them in its head, perhaps cut, doubled or with another behind it."""
    data = bytearray(draw(st.sampled_from(SAMPLES)))
    for _ in range(draw(st.integers(0, 8))):
        reach = draw(st.sampled_from([64, 1024, len(data)]))
        place = draw(st.integers(0, min(reach, len(data)) - 1))
        data[place : place + draw(st.integers(0, 4))] = draw(st.binary(max_size=6))
    if draw(st.booleans()):
        del data[draw(st.integers(0, len(data))) :]
    return bytes(data) + draw(st.sampled_from([b"", b"\xff\xd9", *SAMPLES[:1]]))


SAMPLES = samples()
REQUEST = DecodeRequest(
    kind="",
    source="",
    output="",
    side_px_min=16,
    side_px_max=2048,
    pixels_max=10**6,
    output_side_px_max=512,
    memory_bytes=2**30,
    cpu_s=1,
    parent_pid=0,
)


def check_picture(data: bytes, folder: Path) -> None:
    source = folder / "sent"
    source.write_bytes(data)
    check_webp_size(data)
    kind = find_kind(source)
    if kind is None:
        return
    output = BytesIO()
    reply = decode(data, output, replace(REQUEST, kind=kind))
    if reply.rejected:
        return
    assert min(reply.width_px, reply.height_px) >= 16
    assert max(reply.width_px, reply.height_px) <= 512
    with Image.open(output) as written:
        assert (written.format, written.mode, written.size) == ("PNG", "RGB", (reply.width_px, reply.height_px))


def check_webp_size(data: bytes) -> None:
    """What is read of a size is what Pillow finds, where that finds any."""
    size = webp_size(data)
    if size is not None and size[0] * size[1] > REQUEST.pixels_max:
        return
    try:
        with Image.open(BytesIO(data), formats=["WEBP"]) as image:
            assert image.size == size
    except (OSError, SyntaxError, ValueError):
        pass


def test_json_is_read_or_refused(fuzz_seconds: float) -> None:
    look(jsons, check_json, seconds=fuzz_seconds)


def test_a_url_is_rebuilt_or_refused(fuzz_seconds: float) -> None:
    look(urls, check_url, seconds=fuzz_seconds)


# Pillow warns of what it then refuses or reads.
@pytest.mark.filterwarnings("ignore")
def test_a_picture_is_written_anew_or_refused(fuzz_seconds: float, tmp_path: Path) -> None:
    look(spoilt_pictures(), lambda data: check_picture(data, tmp_path), seconds=fuzz_seconds)

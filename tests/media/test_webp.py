"""The size of a WebP, read from its head, against what Pillow finds."""

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from photoplay.media.webp import webp_size


def webp(size: tuple[int, int], *, mode: str = "RGB", **options: object) -> bytes:
    file = BytesIO()
    Image.new(mode, size, "teal").save(file, "WEBP", **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (b"VP8 ", {}),
        (b"VP8L", {"lossless": True}),
        (b"VP8X", {"mode": "RGBA", "exif": b"Exif"}),
        (b"VP8X", {"save_all": True, "append_images": [Image.new("RGB", (300, 20), "red")]}),
    ],
    ids=["lossy", "lossless", "extended", "animated"],
)
@pytest.mark.parametrize("size", [(300, 20), (16, 16), (1, 1), (20, 300), (16383, 1)])
def test_the_size_is_what_the_head_says(kind: bytes, options: dict[str, object], size: tuple[int, int]) -> None:
    if "append_images" in options:
        options = {**options, "append_images": [Image.new("RGB", size, "red")]}
    data = webp(size, **options)  # pyright: ignore[reportArgumentType] - each is of its own type

    assert data[12:16] == kind
    assert webp_size(data) == size


@given(st.binary(max_size=40) | st.binary(max_size=40).map(webp((16, 16))[:16].__add__))
def test_whatever_comes_has_a_size_or_none(data: bytes) -> None:
    size = webp_size(data)

    assert size is None or all(0 <= side <= 2**24 for side in size)

"""The still as another server takes it: bytes, small enough."""

import base64
import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from photoplay.domain.errors import StillRejected

__all__ = ["Picture", "data_url", "read_picture"]

# Nobody sees a difference at the first; the last still looks like the picture.
_QUALITIES = (95, 90, 80, 70)


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    data: bytes
    mime_type: str
    name: str


def data_url(data: bytes, mime_type: str) -> str:
    """Source: RFC 2397."""
    return f"data:{mime_type};base64,{base64.b64encode(data).decode('ascii')}"


def read_picture(path: Path, *, bytes_max: int) -> Picture:
    """Return a PNG that the server itself wrote as it is, or as a JPEG where it would be too large.

    Raises: StillRejected if it stays too large.
    """
    data = path.read_bytes()
    if len(data) <= bytes_max:
        return Picture(data=data, mime_type="image/png", name="still.png")
    with Image.open(path) as image:
        for quality in _QUALITIES:
            out = io.BytesIO()
            image.save(out, format="JPEG", quality=quality)
            if out.tell() <= bytes_max:
                return Picture(data=out.getvalue(), mime_type="image/jpeg", name="still.jpg")
    raise StillRejected(f"still: it is over {bytes_max} bytes as a JPEG too")

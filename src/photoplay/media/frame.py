"""One picture of a clip: its planes, its colours as people see them, and as a picture file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane
from numpy.typing import NDArray

from photoplay.domain.errors import EngineUnavailable
from photoplay.media.sizes import Size

__all__ = ["BT709", "LIMITED", "Planes", "blank_frame", "frame_of", "planes_of", "rgb_of", "save_picture"]

# ITU-T H.273: primaries, transfer and matrix 1 are BT.709; FFmpeg's range 1 is limited, 16-235 and 16-240.
BT709: Final = 1
LIMITED: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Planes:
    """The three planes of one 4:2:0 frame, BT.709 limited range, chroma sited to the left.

    Shape: luma (height, width) uint8, 16-235; blue and red (height/2, width/2) uint8, 16-240.
    """

    luma: NDArray[np.uint8]
    blue: NDArray[np.uint8]
    red: NDArray[np.uint8]


def blank_frame(size: Size) -> VideoFrame:
    """Allocate a yuv420p frame; its planes hold whatever the memory held."""
    frame = VideoFrame(size.width_px, size.height_px, "yuv420p")
    frame.color_range = LIMITED
    frame.colorspace = frame.color_primaries = frame.color_trc = BT709
    return frame


def planes_of(frame: VideoFrame) -> Planes:
    """Look at a frame's own memory, past the padding at the end of each line: writing here fills the frame."""
    luma, blue, red = (_view(plane) for plane in frame.planes)
    return Planes(luma=luma, blue=blue, red=red)


def rgb_of(frame: VideoFrame) -> NDArray[np.uint8]:
    """Convert one BT.709 frame to packed RGB.

    Shape: (height, width, 3), full range.
    """
    rgb = frame.to_ndarray(format="rgb24", src_colorspace="ITU709", dst_color_range="JPEG", threads=1)
    return np.asarray(rgb, dtype=np.uint8)


def frame_of(rgb: NDArray[np.uint8]) -> VideoFrame:
    """Convert packed RGB to one BT.709 frame, as `rgb_of` reads it back.

    Shape: (height, width, 3), full range, even sides.
    """
    frame = VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24").reformat(
        format="yuv420p", src_color_range="JPEG", dst_color_range="MPEG", dst_colorspace="ITU709"
    )
    frame.color_range = LIMITED
    frame.colorspace = frame.color_primaries = frame.color_trc = BT709
    return frame


def save_picture(frame: VideoFrame, path: Path) -> None:
    """Write one frame as the picture that the path's suffix names, PNG or JPEG.

    Raises: EngineUnavailable if it cannot be written.
    """
    import cv2  # noqa: PLC0415 - 20 MB that a process that only reads clips back need not carry

    # One filter and runs alone, at the lowest level: a quarter of the time of the usual search, and hardly larger.
    fast = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
    fast += [cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP]
    options = fast if path.suffix == ".png" else [cv2.IMWRITE_JPEG_QUALITY, 90]
    is_coded, data = cv2.imencode(path.suffix, cv2.cvtColor(rgb_of(frame), cv2.COLOR_RGB2BGR), options)
    assert is_coded, "an 8-bit picture can always be coded"
    try:
        path.write_bytes(data.tobytes())
    except OSError as exc:
        raise EngineUnavailable(f"picture: could not be written, {exc.strerror or type(exc).__name__}") from exc


def _view(plane: VideoPlane) -> NDArray[np.uint8]:
    lines = np.frombuffer(memoryview(plane), dtype=np.uint8, count=plane.line_size * plane.height)
    return lines.reshape(plane.height, plane.line_size)[:, : plane.width]

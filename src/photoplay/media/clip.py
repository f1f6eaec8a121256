"""Encode planes as an MP4, and read an MP4 back as an independent check. Knows nothing of what the frames show."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import av
import numpy as np
from av.codec.context import CodecContext
from av.container.output import OutputContainer
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane
from av.video.stream import VideoStream
from numpy.typing import NDArray

from photoplay.domain.errors import EngineUnavailable
from photoplay.media.sizes import Size

__all__ = ["ENCODER", "FPS", "ClipFacts", "ClipWriter", "Planes", "blank_frame", "planes_of", "read_back", "rehearse"]

FPS: Final = 24

# veryfast is the knee of size against time; two threads because the bytes depend on the number of threads. PyAV asks
# for slice threads unless told otherwise, which costs quality: frame threads do not.
ENCODER: Final = {
    "codec": "libx264",
    "preset": "veryfast",
    "crf": "19",
    "threads": "2",
    "thread_type": "frame",
    "g": str(2 * FPS),
    "keyint_min": str(2 * FPS),
    "sc_threshold": "0",
}
"""What the encoder is told, as FFmpeg options. A key frame every 2 s, and nowhere else."""

# ITU-T H.273: primaries, transfer and matrix 1 are BT.709; FFmpeg's range 1 is limited, 16-235 and 16-240.
_BT709: Final = 1
_LIMITED: Final = 1


# OpenCV's cv::CpuFeatures, CV_CPU_AVX_512F; its Python module does not name it.
_AVX_512F: Final = 13


@dataclass(frozen=True, slots=True, kw_only=True)
class Planes:
    """The three planes of one 4:2:0 frame, BT.709 limited range, chroma sited to the left.

    Shape: luma (height, width) uint8, 16-235; blue and red (height/2, width/2) uint8, 16-240.
    """

    luma: NDArray[np.uint8]
    blue: NDArray[np.uint8]
    red: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipFacts:
    """What a reader found in an MP4."""

    codec: str
    width_px: int
    height_px: int
    fps: float
    frames: int
    """Pictures that were really decoded, not the count that the header claims."""
    duration_s: float


class ClipWriter:
    """One H.264 MP4 in the making: `<output>.part` until the `with` block ends well, then `output`.

    Raises: EngineUnavailable if encoding or writing fails. After any exception in the block neither file is left.
    """

    def __init__(self, output: Path, size: Size) -> None:
        self._output = output
        self._part = output.with_name(f"{output.name}.part")
        self._size = size
        self._frames = 0
        self._container: OutputContainer
        self._stream: VideoStream

    def __enter__(self) -> Self:
        try:
            # Moving `moov` to the front lets a player start before the last byte has arrived.
            self._container = av.open(str(self._part), "w", format="mp4", options={"movflags": "+faststart"})
            self._stream = _video_stream(self._container, self._size)
        except (FFmpegError, OSError) as exc:
            self._part.unlink(missing_ok=True)
            raise _unwritable(exc) from exc
        return self

    def add(self, frame: VideoFrame) -> None:
        """Encode the next frame. Give each call a frame of its own: the encoder may still read the last one."""
        frame.pts = self._frames
        frame.duration = 1
        frame.time_base = Fraction(1, FPS)
        self._frames += 1
        try:
            self._mux(frame)
        except FFmpegError as exc:
            raise _unwritable(exc) from exc

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self._finish(failed=exc_type is not None)
        finally:
            self._part.unlink(missing_ok=True)

    def _finish(self, *, failed: bool) -> None:
        try:
            with self._container:
                if not failed:
                    self._mux(None)
            if not failed:
                self._part.replace(self._output)
        except (FFmpegError, OSError) as exc:
            # An exception is already on its way and says more than a trailer that could not be written.
            if not failed:
                raise _unwritable(exc) from exc

    def _mux(self, frame: VideoFrame | None) -> None:
        """Pass a frame on, or with None what the encoder still holds."""
        packets = self._stream.encode(frame)  # pyright: ignore[reportUnknownMemberType,reportUnknownVariableType] - PyAV leaves its Packet's parameter open
        self._container.mux(packets)  # pyright: ignore[reportUnknownMemberType,reportUnknownArgumentType] - the same


def blank_frame(size: Size) -> VideoFrame:
    """Allocate a yuv420p frame; its planes hold whatever the memory held."""
    frame = VideoFrame(size.width_px, size.height_px, "yuv420p")
    frame.color_range = _LIMITED
    frame.colorspace = frame.color_primaries = frame.color_trc = _BT709
    return frame


def planes_of(frame: VideoFrame) -> Planes:
    """Look at a frame's own memory, past the padding at the end of each line: writing here fills the frame."""
    luma, blue, red = (_view(plane) for plane in frame.planes)
    return Planes(luma=luma, blue=blue, red=red)


def rehearse() -> None:
    """Encode one small frame to nowhere, so that the encoder is loaded.

    Raises: EngineUnavailable if the installed libraries cannot encode H.264.
    """
    size = Size(width_px=64, height_px=64)
    try:
        context = CodecContext.create(ENCODER["codec"], "w")
        assert isinstance(context, VideoCodecContext)
        _configure(context, size)
        frame = blank_frame(size)
        for plane in frame.planes:
            _view(plane).fill(128)
        frame.pts = 0
        for picture in (frame, None):
            context.encode(picture)  # pyright: ignore[reportUnknownMemberType] - PyAV leaves its Packet's parameter open
    except FFmpegError as exc:
        raise _unwritable(exc) from exc


def read_back(path: Path) -> ClipFacts:
    """Decode every frame of an MP4.

    Raises: EngineUnavailable if the file is missing, has no picture, or breaks off.
    """
    try:
        with av.open(str(path), "r") as container:
            if not container.streams.video:
                raise EngineUnavailable("clip: expected one video stream, got none")
            stream = container.streams.video[0]
            # A damaged frame is an error here, where a player would conceal it.
            stream.codec_context.options = {"err_detect": "explode"}
            frames = sum(1 for _ in container.decode(stream))
            return ClipFacts(
                codec=stream.codec_context.name,
                width_px=stream.width,
                height_px=stream.height,
                fps=float(stream.average_rate or 0),
                frames=frames,
                duration_s=float((stream.duration or 0) * (stream.time_base or 0)),
            )
    except (FFmpegError, OSError) as exc:
        raise EngineUnavailable(f"clip: expected a readable MP4, got {exc.strerror or type(exc).__name__}") from exc


def _video_stream(container: OutputContainer, size: Size) -> VideoStream:
    stream = container.add_stream("libx264", rate=FPS)  # pyright: ignore[reportUnknownMemberType] - untyped keywords
    _configure(stream.codec_context, size)
    return stream


def _configure(context: VideoCodecContext, size: Size) -> None:
    context.options = {name: value for name, value in ENCODER.items() if name != "codec"} | _cpu_options()
    context.width, context.height, context.pix_fmt = size.width_px, size.height_px, "yuv420p"
    context.framerate = Fraction(FPS)
    context.time_base = Fraction(1, FPS)
    context.color_range = _LIMITED
    context.colorspace = context.color_primaries = context.color_trc = _BT709


def _cpu_options() -> dict[str, str]:
    """Keep x264 from its AVX-512 code, which reads memory that nobody wrote (its macroblock tree, for widths such as
    1104): the same frames then give different bytes. Its AVX2 code, as fast, gives the same ones as older code does.
    """
    import cv2  # noqa: PLC0415 - 20 MB that a process that only reads clips back need not carry

    return {"x264-params": "asm=avx2"} if cv2.checkHardwareSupport(_AVX_512F) else {}


def _view(plane: VideoPlane) -> NDArray[np.uint8]:
    lines = np.frombuffer(memoryview(plane), dtype=np.uint8, count=plane.line_size * plane.height)
    return lines.reshape(plane.height, plane.line_size)[:, : plane.width]


def _unwritable(exc: OSError | FFmpegError) -> EngineUnavailable:
    # `strerror` alone: the full text of these errors carries the path.
    return EngineUnavailable(f"clip: could not be written, {exc.strerror or type(exc).__name__}")

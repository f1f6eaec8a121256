"""Encode frames as an MP4, and read an MP4 back as an independent check. Knows nothing of what the frames show."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

import av
from av.codec.context import CodecContext
from av.container.output import OutputContainer
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from photoplay.domain.errors import EngineUnavailable
from photoplay.media.frame import BT709, LIMITED, blank_frame, planes_of
from photoplay.media.sizes import Size
from photoplay.process import no_realtime

__all__ = [
    "ENCODERS",
    "FPS",
    "ClipFacts",
    "ClipWriter",
    "Format",
    "encoder_options",
    "read_back",
    "rehearse",
]

FPS: Final = 24
"""Where nobody asks for another rate."""


class Format(StrEnum):
    """How the pictures of an MP4 are coded."""

    H264 = "h264"
    AV1 = "av1"


# veryfast is the knee of size against time. Under a camera everything moves together: to look for the motion of parts
# of a block, to judge it twice and to weigh how many B-frames a picture wants takes some 45 % of the time, and changes
# the size by a tenth at most. Four B-frames that lean on no other cost the least. Two threads because
# the bytes depend on the number of threads. PyAV asks for slice threads unless told otherwise, which costs quality:
# frame threads do not. Where x264 drops weak changes, a slow move stays behind and then jumps, by hundredths of a
# pixel: kept, they cost a twentieth of the size and no time.
# SVT-AV1's preset 10 is smaller and hardly slower, but not every player knows AV1; one thread of work and no look ahead
# keep it below 400 MB at 1080p.
ENCODERS: Final[Mapping[Format, Mapping[str, str]]] = {
    Format.H264: {
        "codec": "libx264",
        "preset": "veryfast",
        "crf": "19",
        "threads": "2",
        "thread_type": "frame",
        "sc_threshold": "0",
        "x264-params": "no-dct-decimate=1:subme=1:partitions=i8x8,i4x4:me=dia:b-adapt=0:bframes=4:b-pyramid=none",
    },
    Format.AV1: {"codec": "libsvtav1", "preset": "10", "crf": "28", "svtav1-params": "lp=1:scd=0:lookahead=0"},
}
"""What each encoder is told, as FFmpeg options. A key frame every two seconds, and nowhere else, comes on top."""

_KEY_FRAME_S: Final = 2

# OpenCV's cv::CpuFeatures, CV_CPU_AVX_512F; its Python module does not name it.
_AVX_512F: Final = 13


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
    """One MP4 in the making: `<output>.part` until the `with` block ends well, then `output`.

    Raises: EngineUnavailable if encoding or writing fails. After any exception in the block neither file is left.
    """

    def __init__(self, output: Path, size: Size, *, fps: int = FPS, format: Format = Format.H264) -> None:
        self._fps = fps
        self._format = format
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
            self._stream = _video_stream(self._container, self._size, fps=self._fps, format=self._format)
            # SVT-AV1 asks for it when it is opened.
            with no_realtime():
                self._stream.codec_context.open()
        except (FFmpegError, OSError) as exc:
            self._part.unlink(missing_ok=True)
            raise _unwritable(exc) from exc
        return self

    def add(self, frame: VideoFrame) -> None:
        """Encode the next frame. Give each call a frame of its own: the encoder may still read the last one."""
        frame.pts = self._frames
        frame.duration = 1
        frame.time_base = Fraction(1, self._fps)
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


def rehearse() -> None:
    """Encode one small frame to nowhere, so that the encoder is loaded.

    Raises: EngineUnavailable if the installed libraries cannot encode H.264.
    """
    size = Size(width_px=64, height_px=64)
    try:
        context = CodecContext.create(ENCODERS[Format.H264]["codec"], "w")
        assert isinstance(context, VideoCodecContext)
        _configure(context, size, fps=FPS, format=Format.H264)
        frame = blank_frame(size)
        planes = planes_of(frame)
        for plane in (planes.luma, planes.blue, planes.red):
            plane.fill(128)
        frame.pts = 0
        for picture in (frame, None):
            context.encode(picture)  # pyright: ignore[reportUnknownMemberType] - PyAV leaves its Packet's parameter open
    except FFmpegError as exc:
        raise _unwritable(exc) from exc


def read_back(source: Path | BinaryIO) -> ClipFacts:
    """Decode every frame of an MP4, on one thread.

    Raises: EngineUnavailable if the file is missing, has no picture, or breaks off.
    """
    try:
        with av.open(str(source) if isinstance(source, Path) else source, "r") as container:
            if not container.streams.video:
                raise EngineUnavailable("clip: expected one video stream, got none")
            stream = container.streams.video[0]
            expected_bytes = max((entry.pos + entry.size for entry in stream.index_entries), default=0)
            if container.size < expected_bytes:
                # Where it breaks off between two frames, FFmpeg takes the first of them for the last.
                raise EngineUnavailable(
                    f"clip: expected {expected_bytes:,} bytes, it breaks off after {container.size:,}"
                )
            stream.codec_context.thread_count = 1
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


def _video_stream(container: OutputContainer, size: Size, *, fps: int, format: Format) -> VideoStream:
    stream = container.add_stream(ENCODERS[format]["codec"], rate=fps)  # pyright: ignore[reportUnknownMemberType] - untyped keywords
    assert isinstance(stream, VideoStream)
    _configure(stream.codec_context, size, fps=fps, format=format)
    return stream


def encoder_options(format: Format, *, fps: int) -> dict[str, str]:
    """Return everything that the encoder is told, by FFmpeg's names."""
    every = str(_KEY_FRAME_S * fps)
    keys = {"g": every, "keyint_min": every} if format is Format.H264 else {"g": every}
    return {**ENCODERS[format], **keys}


def _configure(context: VideoCodecContext, size: Size, *, fps: int, format: Format) -> None:
    options = encoder_options(format, fps=fps)
    del options["codec"]
    if format is Format.H264:
        options["x264-params"] = ":".join([options["x264-params"], *_cpu_params()])
    context.options = options
    context.width, context.height, context.pix_fmt = size.width_px, size.height_px, "yuv420p"
    context.framerate = Fraction(fps)
    context.time_base = Fraction(1, fps)
    context.color_range = LIMITED
    context.colorspace = context.color_primaries = context.color_trc = BT709


def _cpu_params() -> list[str]:
    """Keep x264 from its AVX-512 code, which reads memory that nobody wrote (its macroblock tree, for widths such as
    1104): the same frames then give different bytes. Its AVX2 code, as fast, gives the same ones as older code does.
    """
    import cv2  # noqa: PLC0415 - 20 MB that a process that only reads clips back need not carry

    return ["asm=avx2"] if cv2.checkHardwareSupport(_AVX_512F) else []


def _unwritable(exc: OSError | FFmpegError) -> EngineUnavailable:
    # `strerror` alone: the full text of these errors carries the path.
    return EngineUnavailable(f"clip: could not be written, {exc.strerror or type(exc).__name__}")

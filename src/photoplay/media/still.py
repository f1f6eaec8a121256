"""The parent's side of checking a still: nothing that a user sent is decoded in the server's own process."""

import asyncio
import json
import os
import signal
from dataclasses import asdict, dataclass
from datetime import timedelta
from math import ceil
from pathlib import Path
from typing import Final, cast

from photoplay.domain.errors import EngineUnavailable, StillRejected
from photoplay.domain.json import JsonValue
from photoplay.media.decode import DecodeReply, DecodeRequest
from photoplay.media.limited import Said, ask_limited

__all__ = ["Still", "StillLimits", "find_kind", "prepare_still"]

_MIB: Final = 1024 * 1024

_MAGIC_BYTES_MAX: Final = 12

_NONSENSE: Final = "the picture decoder sent a line that makes no sense"


@dataclass(frozen=True, slots=True, kw_only=True)
class StillLimits:
    """What a picture may be, and what decoding it may cost."""

    side_px_min: int = 16
    side_px_max: int = 8192
    pixels_max: int = 40_000_000
    output_side_px_max: int = 4096
    """Larger pictures are shrunk to it."""
    memory_bytes: int = 1024 * _MIB
    """Address space of the decoder. A lossless WebP of 40 megapixels with alpha, the hungriest, needs 750 MiB."""
    cpu: timedelta = timedelta(seconds=20)
    """Processor time of the decoder, rounded up to whole seconds."""
    wall: timedelta = timedelta(seconds=40)
    """From the decoder's start to its end; more than `cpu`, for a machine that is busy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Still:
    """A picture that an engine can use: 8-bit sRGB, upright, no alpha, no metadata."""

    path: Path
    width_px: int
    height_px: int
    kind: str
    """What was sent: JPEG, PNG or WebP."""


async def prepare_still(source: Path, target: Path, *, limits: StillLimits, field: str = "image_url") -> Still:
    """Check a picture by decoding it whole, in a child with limits, and write it anew as a plain PNG.

    Raises: StillRejected, its message beginning with `field`, if the picture cannot be used or costs too much;
        EngineUnavailable if the decoder itself failed. No file is left behind then, nor on cancellation.
    """
    kind = await asyncio.to_thread(find_kind, source)
    if kind is None:
        raise StillRejected(f"{field}: the file is not a JPEG, PNG or WebP picture")
    part = target.with_name(f"{target.name}.part")
    try:
        reply = await _decode(_request(kind, source, part, limits), limits, field)
        if reply.rejected:
            raise StillRejected(f"{field}: {reply.rejected}")
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return Still(path=target, width_px=reply.width_px, height_px=reply.height_px, kind=kind)


def find_kind(source: Path) -> str | None:
    """Tell JPEG, PNG and WebP by their first bytes; None for everything else.

    Source: JPEG ITU-T T.81 B.1.1.3; PNG 3rd ed. 5.2; WebP RFC 9649 2.4.
    """
    with source.open("rb") as file:
        head = file.read(_MAGIC_BYTES_MAX)
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "WebP"
    return None


def _request(kind: str, source: Path, output: Path, limits: StillLimits) -> DecodeRequest:
    return DecodeRequest(
        kind=kind,
        source=str(source),
        output=str(output),
        side_px_min=limits.side_px_min,
        side_px_max=limits.side_px_max,
        pixels_max=limits.pixels_max,
        output_side_px_max=limits.output_side_px_max,
        memory_bytes=limits.memory_bytes,
        cpu_s=ceil(limits.cpu.total_seconds()),
        parent_pid=os.getpid(),
    )


async def _decode(request: DecodeRequest, limits: StillLimits, field: str) -> DecodeReply:
    try:
        said = await ask_limited("photoplay.media.decode", json.dumps(asdict(request)), wall=limits.wall)
    except TimeoutError as exc:
        raise StillRejected(f"{field}: decoding takes longer than {limits.wall.total_seconds():g} s") from exc
    except ValueError as exc:  # longer than the reader's limit
        raise EngineUnavailable(_NONSENSE) from exc
    return _verdict(said, limits, field)


def _verdict(said: Said, limits: StillLimits, field: str) -> DecodeReply:
    """Tell a picture that is too much for the decoder from a decoder that does not work."""
    if said.status == 0 and said.line.endswith(b"\n"):
        return _parse(said.line)
    match -(said.status or 0):
        case signal.SIGXCPU:
            raise StillRejected(f"{field}: decoding takes more than {limits.cpu.total_seconds():g} s of processor time")
        case signal.SIGSEGV | signal.SIGABRT | signal.SIGBUS as number:
            raise StillRejected(f"{field}: decoding it crashed the decoder (signal {number})")
        case _:
            raise EngineUnavailable(f"the picture decoder failed (status {said.status})")


def _parse(line: bytes) -> DecodeReply:
    match cast("JsonValue", json.loads(line)):
        case {"rejected": str(rejected), "width_px": int(width_px), "height_px": int(height_px)}:
            return DecodeReply(rejected=rejected, width_px=width_px, height_px=height_px)
        case _:
            raise EngineUnavailable(_NONSENSE)

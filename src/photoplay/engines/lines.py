"""What the server and an engine's process say to each other: one JSON object a line, typed on both sides.

The server says `Run` and `Cancel`; the child answers `Ready` once, then `Progress`, and one of `Done`, `Failed` or
`Cancelled` to each run.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias, cast

from photoplay.domain.errors import EngineError, EngineRejected, EngineTimeout, EngineUnavailable, StillRejected
from photoplay.domain.json import JsonObject, JsonValue
from photoplay.engines.engine import Artifact, Clip, Order

__all__ = [
    "LINE_BYTES_MAX",
    "Answer",
    "Cancel",
    "Cancelled",
    "Done",
    "Failed",
    "MalformedLine",
    "Progress",
    "Ready",
    "Request",
    "Run",
    "answer_line",
    "parse_answer",
    "parse_request",
    "request_line",
]

# A clip's facts are a few kilobytes; the default of asyncio's reader, 64 KiB, is within reach of a talkative engine.
LINE_BYTES_MAX: Final = 1024 * 1024

# An engine's own words travel to the caller; a page of them helps nobody.
_MESSAGE_CHARACTERS_MAX: Final = 1000

_ERRORS: Final[Mapping[str, type[EngineError]]] = {
    kind.__name__: kind for kind in (StillRejected, EngineRejected, EngineUnavailable, EngineTimeout)
}


class MalformedLine(ValueError):
    """A line that is not one of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    order: Order


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """Stop the run in progress; without one it means nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    name: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    share: float
    """0.0 to 1.0, never falling within a run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    clip: Clip


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    error: EngineError


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """The run was stopped between two frames; the child waits for the next order."""


Request: TypeAlias = Run | Cancel
Answer: TypeAlias = Ready | Progress | Done | Failed | Cancelled


def request_line(request: Request) -> bytes:
    match request:
        case Cancel():
            return _line({"type": "cancel"})
        case Run(order=order):
            return _line(
                {
                    "type": "run",
                    "model": order.model,
                    "still": None if order.still is None else str(order.still),
                    "prompt": order.prompt,
                    "resolution": order.resolution,
                    "duration_s": order.duration_s,
                    "seed": order.seed,
                    "output": str(order.output),
                    "controls": dict(order.controls),
                }
            )


def parse_request(line: bytes) -> Request:
    """Raises: MalformedLine."""
    fields = _object(line)
    match _text(fields, "type"):
        case "cancel":
            return Cancel()
        case "run":
            return Run(order=_order(fields))
        case other:
            raise MalformedLine(f"type: {other!r} is not one of run, cancel")


def _order(fields: JsonObject) -> Order:
    return Order(
        model=_text(fields, "model"),
        still=None if fields.get("still") is None else Path(_text(fields, "still")),
        prompt=_text(fields, "prompt"),
        resolution=_text(fields, "resolution"),
        duration_s=_whole(fields, "duration_s"),
        seed=_whole(fields, "seed"),
        output=Path(_text(fields, "output")),
        controls=_mapping(fields, "controls"),
    )


def answer_line(answer: Answer) -> bytes:
    """Raises: TypeError or ValueError if a clip's facts are not JSON."""
    match answer:
        case Ready(name=name, version=version):
            return _line({"type": "ready", "name": name, "version": version})
        case Progress(share=share):
            return _line({"type": "progress", "share": round(share, 4)})
        case Done(clip=clip):
            return _line({"type": "done", "path": str(clip.path), **_clip_fields(clip)})
        case Failed(error=error):
            name = type(error).__name__
            name = name if name in _ERRORS else EngineUnavailable.__name__
            code = {"code": error.code} if isinstance(error, EngineRejected) else {}
            return _line({"type": "failed", "error": name, "message": str(error)[:_MESSAGE_CHARACTERS_MAX], **code})
        case Cancelled():
            return _line({"type": "cancelled"})


def parse_answer(line: bytes) -> Answer:
    """Raises: MalformedLine."""
    fields = _object(line)
    match _text(fields, "type"):
        case "ready":
            return Ready(name=_text(fields, "name"), version=_text(fields, "version"))
        case "progress":
            return Progress(share=_share(fields))
        case "done":
            return Done(clip=_clip(fields))
        case "failed":
            return Failed(error=_error(fields))
        case "cancelled":
            return Cancelled()
        case other:
            raise MalformedLine(f"type: {other!r} is not one of ready, progress, done, failed, cancelled")


def _clip_fields(clip: Clip) -> JsonObject:
    return {
        "width_px": clip.width_px,
        "height_px": clip.height_px,
        "fps": clip.fps,
        "frames": clip.frames,
        "facts": dict(clip.facts),
        "artifacts": {str(artifact): str(path) for artifact, path in clip.artifacts.items()},
    }


def _clip(fields: JsonObject) -> Clip:
    return Clip(
        path=Path(_text(fields, "path")),
        width_px=_whole(fields, "width_px"),
        height_px=_whole(fields, "height_px"),
        fps=_whole(fields, "fps"),
        frames=_whole(fields, "frames"),
        facts=_mapping(fields, "facts"),
        artifacts=_artifacts(fields),
    )


def _artifacts(fields: JsonObject) -> dict[Artifact, Path]:
    told = _mapping(fields, "artifacts")
    for name in told:
        if name not in tuple(Artifact):
            raise MalformedLine(f"artifacts: {name!r} is not one of {', '.join(Artifact)}")
    return {Artifact(name): Path(_text(told, name)) for name in told}


def _error(fields: JsonObject) -> EngineError:
    name = _text(fields, "error")
    if name not in _ERRORS:
        raise MalformedLine(f"error: {name!r} is not one of {', '.join(_ERRORS)}")
    message = _text(fields, "message")
    if name == EngineRejected.__name__:
        return EngineRejected(message, code=_text(fields, "code"))
    return _ERRORS[name](message)


def _share(fields: JsonObject) -> float:
    share = fields.get("share")
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
        raise MalformedLine("share: not a number from 0 to 1")
    return float(share)


def _line(fields: JsonObject) -> bytes:
    return json.dumps(fields, allow_nan=False).encode("ascii") + b"\n"


def _object(line: bytes) -> JsonObject:
    try:
        value = cast("JsonValue", json.loads(line))
    except (ValueError, RecursionError) as exc:
        raise MalformedLine("not JSON") from exc
    if not isinstance(value, Mapping):
        raise MalformedLine("not a JSON object")
    return value


def _mapping(fields: JsonObject, name: str) -> JsonObject:
    value = fields.get(name)
    if not isinstance(value, Mapping):
        raise MalformedLine(f"{name}: not an object")
    return value


def _text(fields: JsonObject, name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise MalformedLine(f"{name}: not text")
    return value


def _whole(fields: JsonObject, name: str) -> int:
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        raise MalformedLine(f"{name}: not a whole number")
    return value

"""Reads back a clip that another server made, in a process with limits and no way out.

`python -m photoplay.media.foreign` with the request, a JSON object, as its one argument; one JSON line on stdout says
what was found. FFmpeg sees the bytes only behind `seal()`.
"""

import io
import json
import os
import resource
import sys
from dataclasses import asdict, dataclass
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, Final, cast

from photoplay.domain.errors import EngineUnavailable
from photoplay.media.clip import ClipFacts, read_back
from photoplay.media.limited import ask_limited
from photoplay.process import die_with_parent, limit
from photoplay.seal import seal

__all__ = ["FOREIGN_BYTES_MAX", "main", "read_back_foreign"]

# A minute of 1080p at 40 Mbit/s.
FOREIGN_BYTES_MAX: Final = 300 * 1024 * 1024
# The file itself, and some thirty frames of 4K.
_MEMORY_BYTES: Final = FOREIGN_BYTES_MAX + 1024 * 1024 * 1024
_CPU_S: Final = 120
_WALL: Final = timedelta(seconds=240)
# PyAV loads them when it meets one; nothing can be loaded behind the seal.
_STREAM_KINDS: Final = ("audio", "subtitles", "video")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    path: str
    parent_pid: int


async def read_back_foreign(path: Path) -> ClipFacts:
    """Decode every frame of a clip that is not ours.

    Raises: EngineUnavailable if it is no clip, breaks off, or costs more than the limits.
    """
    request = _Request(path=str(path), parent_pid=os.getpid())
    try:
        said = await ask_limited("photoplay.media.foreign", json.dumps(asdict(request)), wall=_WALL)
    except (TimeoutError, ValueError) as exc:
        raise EngineUnavailable(f"clip: it could not be read back within {_WALL.total_seconds():g} s") from exc
    if said.status != 0 or not said.line.endswith(b"\n"):
        raise EngineUnavailable(f"clip: reading it back failed (status {said.status})")
    found = cast("dict[str, Any]", json.loads(said.line))
    if "error" in found:
        raise EngineUnavailable(str(found["error"]))
    return ClipFacts(**found)


def main() -> int:
    request = _Request(**json.loads(sys.argv[1]))
    die_with_parent(request.parent_pid)
    limit(resource.RLIMIT_CORE, 0)
    limit(resource.RLIMIT_CPU, _CPU_S)
    limit(resource.RLIMIT_AS, _MEMORY_BYTES)
    sent = io.BytesIO(Path(request.path).read_bytes())
    for kind in _STREAM_KINDS:
        import_module(f"av.{kind}.stream")
    seal()
    try:
        found = asdict(read_back(sent))
    except EngineUnavailable as exc:
        found = {"error": str(exc)}
    sys.stdout.write(json.dumps(found) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""An engine for trying things out: it ends as the order says, and its clip is grey and always the same."""

import os
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np

from photoplay.domain.errors import EngineRejected, EngineUnavailable
from photoplay.domain.json import JsonValue
from photoplay.engines.engine import Clip, Finding, Order, Report
from photoplay.media.clip import FPS, ClipWriter
from photoplay.media.frame import blank_frame, planes_of
from photoplay.media.sizes import Size

__all__ = ["SandboxEngine"]

_SIZE: Final = Size(width_px=320, height_px=176)
_GREY: Final = 128
_TICK_S: Final = 0.05
_CONTROLS: Final = ("outcome", "seconds", "text", "code")


class SandboxEngine:
    """Implements `Engine` without looking at the picture."""

    name: str = "sandbox"
    version: str = "2"

    def __init__(self) -> None:
        self._clips: dict[int, bytes] = {}

    def check(self) -> list[Finding]:
        """Do what warming does, for it takes a moment alone. Raises: EngineUnavailable as `warm` does."""
        self.warm()
        return [Finding(what="encoder", is_well=True, words="H.264")]

    def warm(self) -> None:
        """Make the shortest clip. Raises: EngineUnavailable if the installed libraries cannot encode H.264."""
        self._clip(1)

    def run(self, order: Order, report: Report) -> Clip:
        """Wait as long as the order says, then end as it says.

        Raises: EngineRejected for `fail`, with the order's code and text; EngineUnavailable for `unavailable`, with
            the text. `hang` never returns and never reports; `crash` ends the process.
        """
        controls = _known(order.controls)
        outcome = _OUTCOMES.get(str(controls.get("outcome", "succeed")))
        if outcome is None:
            raise EngineRejected(f"outcome: {controls['outcome']!r} is not one of {', '.join(_OUTCOMES)}")
        _wait(float(str(controls.get("seconds", 0))), report)
        outcome(controls)
        # A card that leaves the length to the engine gets a second.
        duration_s = max(1, order.duration_s)
        part = order.output.with_name(f"{order.output.name}.part")
        part.write_bytes(self._clip(duration_s))
        part.replace(order.output)
        report(1.0)
        return Clip(
            path=order.output,
            width_px=_SIZE.width_px,
            height_px=_SIZE.height_px,
            fps=FPS,
            frames=FPS * duration_s,
            facts={"engine": self.name, "version": self.version, "seed": order.seed},
        )

    def _clip(self, duration_s: int) -> bytes:
        if duration_s not in self._clips:
            with TemporaryDirectory() as folder:
                path = Path(folder) / "clip.mp4"
                with ClipWriter(path, _SIZE) as writer:
                    for _ in range(FPS * duration_s):
                        frame = blank_frame(_SIZE)
                        planes = planes_of(frame)
                        for plane in (planes.luma, planes.blue, planes.red):
                            plane[:] = np.uint8(_GREY)
                        writer.add(frame)
                self._clips[duration_s] = path.read_bytes()
        return self._clips[duration_s]


def _known(controls: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
    if unknown := sorted(controls.keys() - set(_CONTROLS)):
        raise EngineRejected(f"{unknown[0]}: it is not one of {', '.join(_CONTROLS)}")
    return controls


def _wait(seconds: float, report: Report) -> None:
    ends_at = time.monotonic() + seconds
    report(0.0)
    while (left := ends_at - time.monotonic()) > 0:
        report(1 - left / seconds)
        time.sleep(min(left, _TICK_S))


def _succeed(_: Mapping[str, JsonValue]) -> None:
    pass


def _fail(controls: Mapping[str, JsonValue]) -> None:
    raise EngineRejected(_text(controls), code=str(controls.get("code", 500)))


def _be_unavailable(controls: Mapping[str, JsonValue]) -> None:
    raise EngineUnavailable(_text(controls))


def _hang(_: Mapping[str, JsonValue]) -> None:
    signal.pause()


def _crash(_: Mapping[str, JsonValue]) -> None:
    # A process of its own for each order at a time: nobody else's goes with it.
    os.kill(os.getpid(), signal.SIGKILL)


def _text(controls: Mapping[str, JsonValue]) -> str:
    return str(controls.get("text", "as ordered"))


_OUTCOMES: Final[Mapping[str, Callable[[Mapping[str, JsonValue]], None]]] = {
    "succeed": _succeed,
    "fail": _fail,
    "unavailable": _be_unavailable,
    "hang": _hang,
    "crash": _crash,
}

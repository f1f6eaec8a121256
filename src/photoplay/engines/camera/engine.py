"""The embedded engine: films a still. It invents nothing that the picture does not show, but weather and light."""

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from av.video.frame import VideoFrame

from photoplay.domain.errors import EngineRejected, StillRejected
from photoplay.domain.json import JsonObject
from photoplay.engines.camera.controls import Controls, read_controls, steer
from photoplay.engines.camera.depth import DepthModel
from photoplay.engines.camera.direction import direct
from photoplay.engines.camera.film import Film, Plan
from photoplay.engines.camera.planes import open_still
from photoplay.engines.camera.scene import survey
from photoplay.engines.camera.stage import prepare
from photoplay.engines.engine import Artifact, Clip, Finding, Order, Report
from photoplay.media.clip import ClipWriter, encoder_options, rehearse
from photoplay.media.frame import save_picture
from photoplay.media.sizes import Size, output_size

__all__ = ["CameraEngine"]

_VERSION: Final = "6"
# Where the card leaves them to the engine.
_OWN_RESOLUTION: Final = "720p"
_OWN_DURATION_S: Final = 5
# Frames that are drawn before the encoder asks for them: it takes them by fits and starts. More only costs memory.
_AHEAD: Final = 6


class CameraEngine:
    """Implements `Engine` on the CPU alone."""

    name: str = "camera"
    version: str = _VERSION
    """Raised when the same order no longer gives the same bytes."""

    def __init__(self, *, depth_model: str = "") -> None:
        self._depth_path = Path(depth_model) if depth_model else None
        self._survey = survey

    def check(self) -> list[Finding]:
        """Do what warming does, for it takes a moment alone. Raises: EngineUnavailable as `warm` does."""
        self.warm()
        depth = "its own guess" if self._depth_path is None else f"the model {self._depth_path.name}"
        return [
            Finding(what="encoder", is_well=True, words="H.264"),
            Finding(what="depth", is_well=True, words=depth),
        ]

    def warm(self) -> None:
        """Load the encoder; importing this module has loaded the rest.

        Raises: EngineUnavailable if the installed libraries cannot encode H.264, or the depth model cannot be read.
        """
        rehearse()
        survey(np.zeros((64, 64, 3), np.uint8))
        if self._depth_path is not None:
            self._survey = DepthModel(self._depth_path).survey

    def run(self, order: Order, report: Report) -> Clip:
        """Film the still.

        Raises: EngineRejected for a resolution, duration or control that it does not offer; StillRejected for a
            picture that is missing or cannot be read; EngineUnavailable if the clip cannot be written. No file is
            left after any of them.
        """
        order = replace(
            order, resolution=order.resolution or _OWN_RESOLUTION, duration_s=order.duration_s or _OWN_DURATION_S
        )
        if order.duration_s < 0:
            raise EngineRejected(f"duration: must be above 0 s, got {order.duration_s}")
        if order.still is None:
            raise StillRejected("still: there is none, and the camera films nothing else")
        controls = read_controls(order.controls)
        report(0.0)
        rgb = open_still(order.still)
        end = None if controls.end_still is None else open_still(controls.end_still)
        plan = _plan(order, controls, Size(width_px=rgb.shape[1], height_px=rgb.shape[0]))
        artifacts = {
            Artifact.POSTER: order.output.with_name(f"{order.output.name}.poster.jpg"),
            Artifact.LAST_FRAME: order.output.with_name(f"{order.output.name}.last.png"),
        }
        with _gone_on_failure(*artifacts.values()), ThreadPoolExecutor(1, "draw") as helper:
            film = prepare(rgb, plan, end=end, helper=helper, look=self._survey)
            del rgb, end
            self._shoot(film, order.output, controls, artifacts, report=report, helper=helper)
        report(1.0)
        return Clip(
            path=order.output,
            width_px=plan.output.width_px,
            height_px=plan.output.height_px,
            fps=plan.fps,
            frames=plan.frames,
            facts=self._facts(order, controls, film),
            artifacts=artifacts,
        )

    def _shoot(
        self,
        film: Film,
        output: Path,
        controls: Controls,
        artifacts: dict[Artifact, Path],
        *,
        report: Report,
        helper: ThreadPoolExecutor,
    ) -> None:
        """Draw and encode side by side; the pictures that come with the clip are saved while the encoder works."""
        plan = film.plan
        saved: list[Future[None]] = []
        with ClipWriter(output, plan.output, fps=plan.fps, format=controls.format) as writer:
            for number, frame in enumerate(_drawn(film, helper)):
                report(number / plan.frames)
                writer.add(frame)
                if number == plan.frames // 2:
                    saved.append(helper.submit(save_picture, frame, artifacts[Artifact.POSTER]))
                if number == plan.frames - 1:
                    saved.append(helper.submit(save_picture, frame, artifacts[Artifact.LAST_FRAME]))
        for picture in saved:
            picture.result()

    def _facts(self, order: Order, controls: Controls, film: Film) -> JsonObject:
        return {
            "engine": self.name,
            "version": self.version,
            "direction": film.plan.direction.to_json(),
            **film.to_json(),
            "encoder": encoder_options(controls.format, fps=controls.fps),
            "seed": order.seed,
        }


def _plan(order: Order, controls: Controls, still: Size) -> Plan:
    direction = direct(order.prompt, seed=order.seed, duration_s=order.duration_s)
    return Plan(
        direction=steer(direction, controls),
        still=still,
        output=output_size(still, resolution=order.resolution),
        duration_s=order.duration_s,
        fps=controls.fps,
        seed=order.seed,
    )


def _drawn(film: Film, helper: ThreadPoolExecutor) -> Iterator[VideoFrame]:
    """Yield the frames in order, drawn a few ahead on a thread of their own."""
    ahead: deque[Future[VideoFrame]] = deque()
    try:
        for number in range(film.plan.frames):
            ahead.append(helper.submit(film.draw, number))
            if len(ahead) > _AHEAD:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:
        for future in ahead:
            future.cancel()


@contextmanager
def _gone_on_failure(*paths: Path) -> Generator[None]:
    try:
        yield
    except BaseException:
        for path in paths:
            path.unlink(missing_ok=True)
        raise

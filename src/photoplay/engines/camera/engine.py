"""The embedded engine: films a still with a moving window. It invents nothing that the picture does not show."""

from typing import Final

from photoplay.domain.errors import EngineRejected, StillRejected
from photoplay.domain.json import JsonObject
from photoplay.engines.camera.controls import read_controls, steer
from photoplay.engines.camera.direction import Direction, direct
from photoplay.engines.camera.path import Travel, plan, windows
from photoplay.engines.camera.render import develop, open_still, sample
from photoplay.engines.engine import Clip, Order, Report
from photoplay.media.clip import ENCODER, FPS, ClipWriter, blank_frame, planes_of, rehearse
from photoplay.media.sizes import Size, output_size

__all__ = ["CameraEngine"]

_VERSION: Final = "1"


class CameraEngine:
    """Implements `Engine` on the CPU alone."""

    name: str = "camera"
    version: str = _VERSION
    """Raised when the same order no longer gives the same bytes."""

    def warm(self) -> None:
        """Load the encoder; importing this module has loaded the rest.

        Raises: EngineUnavailable if the installed libraries cannot encode H.264.
        """
        rehearse()

    def run(self, order: Order, report: Report) -> Clip:
        """Film the still.

        Raises: EngineRejected for a resolution, duration or control that it does not offer; StillRejected for a
            picture that is missing or cannot be read; EngineUnavailable if the clip cannot be written. No file is
            left after any of them.
        """
        if order.duration_s <= 0:
            raise EngineRejected(f"duration: must be above 0 s, got {order.duration_s}")
        if order.still is None:
            raise StillRejected("still: there is none, and the camera films nothing else")
        controls = read_controls(order.controls)
        rgb = open_still(order.still)
        still = Size(width_px=rgb.shape[1], height_px=rgb.shape[0])
        output = output_size(still, resolution=order.resolution)
        direction = steer(direct(order.prompt, seed=order.seed), controls)
        travel = plan(direction, still=still, output=output, duration_s=order.duration_s)
        picture = develop(rgb, travel, output=output)
        frames = FPS * order.duration_s
        with ClipWriter(order.output, output) as writer:
            for done, window in enumerate(windows(travel, frames=frames)):
                report(done / frames)
                frame = blank_frame(output)
                sample(picture, window, planes_of(frame))
                writer.add(frame)
        report(1.0)
        return Clip(
            path=order.output,
            width_px=output.width_px,
            height_px=output.height_px,
            fps=FPS,
            frames=frames,
            facts=self._facts(order, direction, travel),
        )

    def _facts(self, order: Order, direction: Direction, travel: Travel) -> JsonObject:
        return {
            "engine": self.name,
            "version": self.version,
            "direction": direction.to_json(),
            "travel": travel.to_json(),
            "encoder": ENCODER,
            "seed": order.seed,
        }

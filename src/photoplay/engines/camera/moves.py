"""What the camera can do, and what can be moved independently of the rest."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

__all__ = ["AXES", "Axis", "Move"]


class Move(StrEnum):
    PUSH_IN = "push_in"
    PULL_OUT = "pull_out"
    PAN_LEFT = "pan_left"
    PAN_RIGHT = "pan_right"
    TILT_UP = "tilt_up"
    TILT_DOWN = "tilt_down"
    TRUCK_LEFT = "truck_left"
    TRUCK_RIGHT = "truck_right"
    ORBIT_LEFT = "orbit_left"
    ORBIT_RIGHT = "orbit_right"
    CRANE_UP = "crane_up"
    CRANE_DOWN = "crane_down"
    ROLL_LEFT = "roll_left"
    ROLL_RIGHT = "roll_right"
    DOLLY_ZOOM = "dolly_zoom"
    HANDHELD = "handheld"
    STATIC = "static"


class Axis(StrEnum):
    """What can be moved independently of the rest."""

    ZOOM = "zoom"
    PAN = "pan"
    TILT = "tilt"
    TRUCK = "truck"
    ORBIT = "orbit"
    CRANE = "crane"
    ROLL = "roll"
    DOLLY_ZOOM = "dolly_zoom"
    SHAKE = "shake"


AXES: Final[Mapping[Move, tuple[Axis, int]]] = {
    Move.PUSH_IN: (Axis.ZOOM, +1),
    Move.PULL_OUT: (Axis.ZOOM, -1),
    Move.PAN_RIGHT: (Axis.PAN, +1),
    Move.PAN_LEFT: (Axis.PAN, -1),
    Move.TILT_UP: (Axis.TILT, +1),
    Move.TILT_DOWN: (Axis.TILT, -1),
    Move.TRUCK_RIGHT: (Axis.TRUCK, +1),
    Move.TRUCK_LEFT: (Axis.TRUCK, -1),
    Move.ORBIT_RIGHT: (Axis.ORBIT, +1),
    Move.ORBIT_LEFT: (Axis.ORBIT, -1),
    Move.CRANE_UP: (Axis.CRANE, +1),
    Move.CRANE_DOWN: (Axis.CRANE, -1),
    Move.ROLL_RIGHT: (Axis.ROLL, +1),
    Move.ROLL_LEFT: (Axis.ROLL, -1),
    Move.DOLLY_ZOOM: (Axis.DOLLY_ZOOM, +1),
    Move.HANDHELD: (Axis.SHAKE, +1),
}
"""The axis and the sense of each move. A static camera has none."""

"""The embedded engine: one still, filmed on the CPU."""

from photoplay.engines.camera.engine import CameraEngine

__all__ = ["CameraEngine"]

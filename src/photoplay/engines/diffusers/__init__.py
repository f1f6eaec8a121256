"""Open image-to-video models in this machine's GPU. Its packages are the extra `photoplay[diffusers]`."""

from photoplay.engines.diffusers.engine import DiffusersEngine

__all__ = ["DiffusersEngine"]

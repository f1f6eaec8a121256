"""Whether the disk has room for more work."""

import shutil
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Final

from photoplay.domain.errors import DiskFull

__all__ = ["DiskRoom"]

# Asking the system costs microseconds on a disk of its own, and more on a network's.
_ASK_AGAIN_S: Final = 1.0


class DiskRoom:
    """How much of a disk must stay free: running work, the database and its logs still need to write."""

    def __init__(self, folder: Path, *, free_bytes_min: int, clock_s: Callable[[], float] = monotonic) -> None:
        self._folder = folder
        self.free_bytes_min = free_bytes_min
        self._clock_s = clock_s
        self._ask_at_s = 0.0
        self._free_bytes = 0

    def require(self) -> None:
        """Refuse new work when the disk is nearly full; the answer may be a second old. Raises: DiskFull."""
        if self.free_bytes() < self.free_bytes_min:
            raise DiskFull

    def free_bytes(self) -> int:
        """Return what is free; the answer may be a second old."""
        now_s = self._clock_s()
        if now_s >= self._ask_at_s:
            self._free_bytes = shutil.disk_usage(self._folder).free
            self._ask_at_s = now_s + _ASK_AGAIN_S
        return self._free_bytes

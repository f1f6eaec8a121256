"""What every benchmark prints of the machine it ran on."""

import os
import platform
from pathlib import Path

__all__ = ["load", "machine"]


def machine() -> str:
    """Return processor, cores, load and Python in one line."""
    cpuinfo = Path("/proc/cpuinfo")
    names = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
    name = names[0] if names else platform.processor() or platform.machine()
    return f"{name}, {os.cpu_count()} cores, load {load()}, Python {platform.python_version()}"


def load() -> str:
    """Return the load averages of 1, 5 and 15 minutes."""
    return " ".join(f"{value:.2f}" for value in os.getloadavg())

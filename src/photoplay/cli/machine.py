"""What this machine has of what every server needs: for `photoplay doctor`."""

import asyncio
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import asyncpg
import av
from av.codec import codecs_available

from photoplay.domain.errors import ConfigError
from photoplay.egress import parse_allow, parse_ports
from photoplay.engines.engine import Finding
from photoplay.files.cards import load_cards
from photoplay.media.clip import ENCODERS
from photoplay.settings import Settings
from photoplay.store.embedded import find_program

__all__ = ["examine"]

PYTHON_MIN: Final = (3, 11)
POSTGRES_MIN: Final = 15
# The server itself and one clip of 1080p.
MEMORY_BYTES_MIN: Final = 1_000_000_000
PROGRAM_TIMEOUT_S: Final = 20
CONNECT_TIMEOUT_S: Final = 10.0
GIGABYTE: Final = 1_000_000_000


def examine(settings: Settings) -> Iterator[Finding]:
    """Yield what was found, whether well or not. Starts no server and leaves nothing behind."""
    yield Finding(what="Python", is_well=sys.version_info[:2] >= PYTHON_MIN, words=platform.python_version())
    yield Finding(what="cores", is_well=True, words=str(os.cpu_count() or 1))
    yield _memory()
    yield _disk(settings)
    yield _data_folder(settings)
    yield _lists(settings)
    yield asyncio.run(_own_postgres(settings)) if settings.database_url.get_secret_value() else _embedded_postgres()
    yield _encoders()
    yield from _gpus()


def _memory() -> Finding:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Finding(
        what="memory",
        is_well=total >= MEMORY_BYTES_MIN,
        words=f"{total / GIGABYTE:.1f} GB",
        remedy="" if total >= MEMORY_BYTES_MIN else f"a server needs {MEMORY_BYTES_MIN / GIGABYTE:.0f} GB",
    )


def _disk(settings: Settings) -> Finding:
    free, kept = shutil.disk_usage(_existing(settings)).free, settings.disk_free_mb * 1_000_000
    return Finding(
        what="disk",
        is_well=free > kept,
        words=f"{free / GIGABYTE:.1f} GB free for {settings.data_dir}",
        remedy="" if free > kept else f"free {(kept - free) / GIGABYTE:.1f} GB more, or lower PHOTOPLAY_DISK_FREE_MB",
    )


def _data_folder(settings: Settings) -> Finding:
    existing = _existing(settings)
    is_well = existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)
    return Finding(
        what="folder",
        is_well=is_well,
        words=str(settings.data_dir.absolute()) if is_well else f"{existing} is not a folder that can be written to",
        remedy="" if is_well else "name another with PHOTOPLAY_DATA_DIR, or let this user write to it",
    )


def _existing(settings: Settings) -> Path:
    """The data folder, or the nearest above it that is there."""
    folder = settings.data_dir.absolute()
    return next(place for place in (folder, *folder.parents) if place.exists())


def _lists(settings: Settings) -> Finding:
    """What a start reads beyond the single settings: cards, routes to engines, and the exceptions for the way out."""
    try:
        cards = load_cards(settings.cards_dir, routes=settings.routing)
        parse_allow(settings.egress_allow)
        parse_ports(settings.egress_ports)
    except ConfigError as exc:
        return Finding(what="cards", is_well=False, words=str(exc), remedy="no server starts before this is put right")
    return Finding(what="cards", is_well=True, words=f"{len(cards)}, with their routes and the lists for the way out")


def _embedded_postgres() -> Finding:
    program = find_program()
    version = _output(str(program), "--version") if program else None
    if version is None:
        remedy = "set PHOTOPLAY_DATABASE_URL to a PostgreSQL of yours"
        return Finding(what="PostgreSQL", is_well=False, words="the embedded one does not run here", remedy=remedy)
    return Finding(what="PostgreSQL", is_well=True, words=f"{version.split()[-1]}, embedded")


async def _own_postgres(settings: Settings) -> Finding:
    """Ask the operator's own. Its address holds a password: it is not repeated."""
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            connection = await asyncpg.connect(settings.database_url.get_secret_value())
            version = connection.get_server_version()
            await connection.close()
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as exc:
        remedy = "check PHOTOPLAY_DATABASE_URL, and that it can be reached from here"
        return Finding(what="PostgreSQL", is_well=False, words=f"no answer: {type(exc).__name__}", remedy=remedy)
    is_new = version.major >= POSTGRES_MIN
    return Finding(
        what="PostgreSQL",
        is_well=is_new,
        words=f"{version.major}.{version.minor}, yours",
        remedy="" if is_new else f"upgrade it to {POSTGRES_MIN} or newer",
    )


def _encoders() -> Finding:
    wanted = [options["codec"] for options in ENCODERS.values()]
    missing = [name for name in wanted if name not in codecs_available]
    return Finding(
        what="encoders",
        is_well=not missing,
        words=f"PyAV {av.__version__}: {', '.join(wanted)}" if not missing else f"PyAV lacks {', '.join(missing)}",
        remedy="" if not missing else "pip install --force-reinstall --only-binary av av",
    )


def _gpus() -> Iterator[Finding]:
    """Yield what the driver of NVIDIA says. No GPU is no fault: engines that need one say so."""
    query = ("--query-gpu=index,name,memory.total,driver_version", "--format=csv,noheader")
    lines = (_output("nvidia-smi", *query) or "").splitlines()
    for line in lines:
        number, _, words = line.partition(", ")
        yield Finding(what=f"GPU {number}", is_well=True, words=words)
    if not lines:
        yield Finding(what="GPU", is_well=True, words="none that nvidia-smi knows of")


def _output(program: str, *arguments: str) -> str | None:
    """Return what a program prints, or None if it is not there or fails."""
    try:
        done = subprocess.run(  # noqa: S603 - programs of this module's choice, no shell
            [program, *arguments], capture_output=True, text=True, timeout=PROGRAM_TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()

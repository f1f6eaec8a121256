"""Whether the disk has room, and how often it is asked."""

from pathlib import Path

import pytest

from photoplay.domain.errors import DiskFull
from photoplay.files.room import DiskRoom

MORE_THAN_ANY_DISK = 2**62


def test_a_disk_with_room_takes_work(tmp_path: Path) -> None:
    DiskRoom(tmp_path, free_bytes_min=1).require()


def test_a_disk_that_is_nearly_full_takes_none(tmp_path: Path) -> None:
    with pytest.raises(DiskFull):
        DiskRoom(tmp_path, free_bytes_min=MORE_THAN_ANY_DISK).require()


def test_the_disk_is_asked_once_a_second(tmp_path: Path) -> None:
    now_s = 100.0
    folder = tmp_path / "data"
    folder.mkdir()
    room = DiskRoom(folder, free_bytes_min=1, clock_s=lambda: now_s)
    room.require()
    folder.rmdir()
    now_s = 100.9
    room.require()

    now_s = 101.0
    with pytest.raises(FileNotFoundError):
        room.require()

"""The MP4 writer and the reader that checks it."""

import os
import sys
import wave
from pathlib import Path

import av
import numpy as np
import pytest

from photoplay.domain.errors import EngineUnavailable
from photoplay.media.clip import ClipFacts, ClipWriter, Format, read_back, rehearse
from photoplay.media.frame import blank_frame, frame_of, planes_of, rgb_of
from photoplay.media.sizes import Size

SIZE = Size(width_px=208, height_px=112)


def write(path: Path, *, frames: int = 24, size: Size = SIZE, format: Format = Format.H264) -> Path:
    with ClipWriter(path, size, format=format) as writer:
        for shade in range(frames):
            frame = blank_frame(size)
            planes = planes_of(frame)
            planes.luma[:] = 16 + shade
            planes.blue[:] = 100
            planes.red[:] = 150
            writer.add(frame)
    return path


def top_level_atoms(path: Path) -> list[str]:
    data = path.read_bytes()
    atoms: list[str] = []
    offset = 0
    while offset < len(data):
        atoms.append(data[offset + 4 : offset + 8].decode("ascii"))
        offset += int.from_bytes(data[offset : offset + 4], "big")
    return atoms


def test_a_clip_reads_back_as_it_was_written(tmp_path: Path) -> None:
    facts = read_back(write(tmp_path / "clip.mp4", frames=36))

    assert facts == ClipFacts(codec="h264", width_px=208, height_px=112, fps=24.0, frames=36, duration_s=1.5)


def test_planes_arrive_where_they_were_put(tmp_path: Path) -> None:
    # 72 wide: the lines of the chroma planes are padded.
    path = write(tmp_path / "clip.mp4", frames=12, size=Size(width_px=72, height_px=48))

    with av.open(str(path), "r") as container:
        for shade, frame in enumerate(container.decode(video=0)):
            planes = planes_of(frame)
            assert abs(planes.luma.astype(int) - (16 + shade)).max() <= 1
            assert abs(planes.blue.astype(int) - 100).max() <= 1
            assert abs(planes.red.astype(int) - 150).max() <= 1


def test_a_picture_survives_the_way_into_a_frame_and_back() -> None:
    rows, columns = np.mgrid[0:48, 0:72]
    rgb = np.stack([rows * 5, columns * 3, 255 - rows * 2 - columns * 2], axis=-1).astype(np.uint8)

    frame = frame_of(rgb)

    assert (frame.format.name, frame.color_range, frame.colorspace) == ("yuv420p", 1, 1)
    assert np.abs(rgb_of(frame).astype(int) - rgb).max() <= 8


def test_the_index_comes_before_the_pictures(tmp_path: Path) -> None:
    atoms = top_level_atoms(write(tmp_path / "clip.mp4"))

    assert atoms[0] == "ftyp"
    assert atoms.index("moov") < atoms.index("mdat")


def test_a_key_frame_comes_every_two_seconds_and_nowhere_else(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    with ClipWriter(path, SIZE) as writer:
        for index in range(120):
            frame = blank_frame(SIZE)
            for plane in (planes_of(frame).luma, planes_of(frame).blue, planes_of(frame).red):
                plane[:] = 30 if index % 40 < 20 else 220  # hard cuts, which must not start a group of their own
            writer.add(frame)

    with av.open(str(path), "r") as container:
        keys = [index for index, frame in enumerate(container.decode(video=0)) if frame.key_frame]
    assert keys == [0, 48, 96]


def test_colours_are_tagged_bt709_limited(tmp_path: Path) -> None:
    with av.open(str(write(tmp_path / "clip.mp4")), "r") as container:
        context = container.streams.video[0].codec_context

        assert (context.pix_fmt, context.profile) == ("yuv420p", "High")
        assert (context.color_primaries, context.color_trc, context.colorspace, context.color_range) == (1, 1, 1, 1)


def test_the_same_frames_make_the_same_bytes(tmp_path: Path) -> None:
    assert write(tmp_path / "a.mp4").read_bytes() == write(tmp_path / "b.mp4").read_bytes()


def test_the_output_appears_only_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    with ClipWriter(path, SIZE) as writer:
        for _ in range(100):
            writer.add(blank_frame(SIZE))
        assert [entry.name for entry in tmp_path.iterdir()] == ["clip.mp4.part"]

    assert [entry.name for entry in tmp_path.iterdir()] == ["clip.mp4"]


@pytest.mark.parametrize("frames", [0, 1, 100])
def test_a_failure_in_the_block_leaves_no_file(tmp_path: Path, frames: int) -> None:
    def fail() -> None:
        with ClipWriter(tmp_path / "clip.mp4", SIZE) as writer:
            for _ in range(frames):
                writer.add(blank_frame(SIZE))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable, match="could not be written") as caught:
        write(tmp_path / "missing" / "clip.mp4")

    assert str(tmp_path) not in str(caught.value)


def test_a_full_disk_is_unavailable_and_leaves_no_file(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full on this system")
    (tmp_path / "clip.mp4.part").symlink_to(full)

    with pytest.raises(EngineUnavailable, match="could not be written"):
        write(tmp_path / "clip.mp4")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"not a clip", b"\0" * 4096])
def test_what_is_not_a_clip_does_not_read_back(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)

    with pytest.raises(EngineUnavailable, match="expected a readable MP4"):
        read_back(path)


def test_a_missing_clip_does_not_read_back(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable, match="expected a readable MP4"):
        read_back(tmp_path / "clip.mp4")


def test_sound_alone_does_not_read_back(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    with wave.open(str(path), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(1600))

    with pytest.raises(EngineUnavailable, match="one video stream"):
        read_back(path)


def test_a_broken_off_clip_is_noticed(tmp_path: Path) -> None:
    path = write(tmp_path / "clip.mp4", frames=96)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 3 // 4])

    try:
        frames = read_back(path).frames
    except EngineUnavailable:
        frames = 0
    assert frames < 96


@pytest.mark.skipif(sys.platform != "linux", reason="of Linux alone it is known")
def test_the_encoder_of_av1_makes_no_thread_real_time_as_root_too(tmp_path: Path) -> None:
    write(tmp_path / "clip.mp4", frames=2, format=Format.AV1)

    threads = [int(thread.name) for thread in Path("/proc/self/task").iterdir()]
    assert {os.sched_getscheduler(thread) for thread in threads} == {os.SCHED_OTHER}


def test_the_rehearsal_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    rehearse()
    rehearse()

    assert list(tmp_path.iterdir()) == []

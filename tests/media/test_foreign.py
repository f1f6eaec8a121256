"""Clips of other servers: read back in a process that has no way out."""

from pathlib import Path

import av
import pytest

from photoplay.domain.errors import EngineUnavailable
from photoplay.media.clip import FPS, ClipWriter, read_back
from photoplay.media.foreign import read_back_foreign
from photoplay.media.frame import blank_frame
from photoplay.media.sizes import Size


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    size = Size(width_px=64, height_px=48)
    with ClipWriter(tmp_path / "clip.mp4", size) as writer:
        for _ in range(FPS):
            writer.add(blank_frame(size))
    return tmp_path / "clip.mp4"


async def test_a_clip_is_read_as_our_own_process_reads_it(clip: Path) -> None:
    found = await read_back_foreign(clip)

    assert found == read_back(clip)
    assert (found.width_px, found.height_px, found.frames, found.fps) == (64, 48, FPS, FPS)


def cut(clip: Path, kept: float) -> None:
    """Keep the first bytes; a float is their share."""
    data = clip.read_bytes()
    clip.write_bytes(data[: kept if isinstance(kept, int) else int(kept * len(data))])


@pytest.mark.parametrize("kept", [0.0, 0.05, 0.9])
async def test_what_is_no_whole_clip_is_refused_in_words(clip: Path, kept: float) -> None:
    cut(clip, kept)

    with pytest.raises(EngineUnavailable, match="clip: ") as caught:
        await read_back_foreign(clip)

    assert str(clip) not in str(caught.value)


async def test_a_clip_that_breaks_off_between_two_frames_is_refused(clip: Path) -> None:
    with av.open(str(clip)) as container:
        last = container.streams.video[0].index_entries[-1]
    cut(clip, last.pos)

    with pytest.raises(EngineUnavailable, match="it breaks off after"):
        await read_back_foreign(clip)


async def test_a_list_of_other_files_reads_none_of_them(clip: Path, tmp_path: Path) -> None:
    listing = tmp_path / "listing.mp4"
    listing.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{clip}\n#EXT-X-ENDLIST\n")

    with pytest.raises(EngineUnavailable, match="clip: "):
        await read_back_foreign(listing)

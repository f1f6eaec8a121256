"""What the tests of engines share."""

from pathlib import Path

import pytest

from video_servers import make_clip


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What other servers hand out."""
    return make_clip(tmp_path_factory.mktemp("theirs"))

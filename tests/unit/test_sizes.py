"""The exact size of a clip."""

import pytest

from photoplay.domain.errors import EngineRejected
from photoplay.media.sizes import BUDGETS, Size, output_size


def sides(width_px: int, height_px: int, resolution: str) -> tuple[int, int]:
    size = output_size(Size(width_px=width_px, height_px=height_px), resolution=resolution)
    return size.width_px, size.height_px


@pytest.mark.parametrize(
    ("picture", "at_720p", "at_1080p"),
    [
        ((1920, 1080), (1280, 720), (1920, 1080)),
        ((4, 3), (1104, 832), (1664, 1248)),
        ((500, 500), (960, 960), (1440, 1440)),
        ((3, 4), (832, 1104), (1248, 1664)),
        ((1080, 1920), (720, 1280), (1088, 1920)),
        ((2560, 1080), (1472, 624), (2192, 944)),
    ],
)
def test_every_ratio_has_one_size(
    picture: tuple[int, int], at_720p: tuple[int, int], at_1080p: tuple[int, int]
) -> None:
    assert (sides(*picture, "720p"), sides(*picture, "1080p")) == (at_720p, at_1080p)


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        ((600, 400), (1104, 832)),
        ((400, 600), (832, 1104)),
        ((4000, 200), (1472, 624)),
        ((200, 4000), (720, 1280)),
        ((16, 16), (960, 960)),
        ((1155, 1000), (1104, 832)),
        ((1154, 1000), (960, 960)),
    ],
)
def test_other_pictures_take_the_nearest_ratio(picture: tuple[int, int], expected: tuple[int, int]) -> None:
    assert sides(*picture, "720p") == expected


@pytest.mark.parametrize("resolution", list(BUDGETS))
@pytest.mark.parametrize("width_px", range(100, 4000, 130))
def test_sides_are_whole_blocks_within_the_budget(width_px: int, resolution: str) -> None:
    width, height = sides(width_px, 1000, resolution)

    budget = BUDGETS[resolution]
    assert width % 16 == 0
    assert height % 16 == 0 or (width, height) == (1920, 1080)
    assert width * height == pytest.approx(budget.width_px * budget.height_px, rel=0.015)


def test_an_unknown_resolution_is_refused() -> None:
    with pytest.raises(EngineRejected, match="resolution: 480p is not one of 720p, 1080p"):
        sides(16, 9, "480p")

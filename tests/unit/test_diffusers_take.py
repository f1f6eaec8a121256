"""What the diffusers engine decides to make: sizes and frames that the weights can make, shown as long as was asked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photoplay.domain.errors import EngineRejected
from photoplay.engines.diffusers.models import PRESETS, Model, read_models
from photoplay.engines.diffusers.take import Take, plan_take
from photoplay.media.sizes import Size

WIDE = Size(width_px=1600, height_px=900)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Model]:
    path = tmp_path_factory.mktemp("models") / "diffusers.toml"
    path.write_text("".join(f'["{name}"]\npreset = "{name}"\nweights = "weights"\n' for name in PRESETS))
    return dict(read_models(path))


def take(model: Model, *, still: Size = WIDE, resolution: str = "", seconds: int = 5) -> Take:
    return plan_take(model, still=still, resolution=resolution, seconds=seconds)


@pytest.mark.parametrize(
    ("preset", "seconds", "frames", "shown", "speed"),
    [
        ("wan2-2-ti2v-5b", 5, 121, 120, 1),
        ("wan2-2-i2v-a14b", 5, 81, 80, 1),
        ("ltx-video", 5, 121, 120, 1),
        ("ltx-video", 10, 241, 240, 1),
        ("ltx-2", 10, 241, 240, 1),
        ("cogvideox-5b-i2v", 5, 49, 40, 1),
        ("cogvideox1-5-5b-i2v", 5, 81, 80, 1),
        ("cogvideox1-5-5b-i2v", 10, 161, 160, 1),
        ("svd-xt", 5, 25, 25, 25 / 35),
    ],
)
def test_as_many_frames_are_made_as_fill_the_time(
    models: dict[str, Model], preset: str, seconds: int, frames: int, shown: int, speed: float
) -> None:
    planned = take(models[preset], seconds=seconds)

    assert planned.frames == frames
    assert len(planned.shown) == 24 * seconds
    assert len(set(planned.shown)) == shown
    assert planned.speed == pytest.approx(speed)


def test_frames_of_the_clips_own_rate_are_shown_one_by_one(models: dict[str, Model]) -> None:
    assert list(take(models["wan2-2-ti2v-5b"]).shown) == list(range(120))


def test_frames_of_another_rate_are_repeated_and_never_swapped(models: dict[str, Model]) -> None:
    shown = take(models["wan2-2-i2v-a14b"]).shown

    assert list(shown[:7]) == [0, 0, 1, 2, 2, 3, 4]
    assert list(shown) == sorted(shown)


@pytest.mark.parametrize(
    ("preset", "seconds", "words"),
    [
        ("wan2-2-ti2v-5b", 10, "duration: must be at most 7 s for this model, got 10"),
        ("svd-xt", 6, "duration: must be at most 5 s for this model, got 6"),
        ("ltx-video", 0, "duration: must be above 0 s, got 0"),
    ],
)
def test_a_duration_that_it_cannot_fill_is_refused(
    models: dict[str, Model], preset: str, seconds: int, words: str
) -> None:
    with pytest.raises(EngineRejected, match=words):
        take(models[preset], seconds=seconds)


def test_a_resolution_that_it_does_not_have_is_refused_by_name(models: dict[str, Model]) -> None:
    with pytest.raises(EngineRejected, match="resolution: 1080p is not one of 720p, 480p"):
        take(models["wan2-2-ti2v-5b"], resolution="1080p")


@pytest.mark.parametrize(
    ("preset", "resolution", "still", "width", "height"),
    [
        ("wan2-2-ti2v-5b", "720p", WIDE, 1280, 704),
        ("wan2-2-ti2v-5b", "720p", Size(width_px=900, height_px=1600), 704, 1280),
        ("wan2-2-i2v-a14b", "720p", WIDE, 1280, 720),
        ("wan2-2-i2v-a14b", "480p", Size(width_px=1000, height_px=1000), 624, 624),
        ("ltx-video", "480p", Size(width_px=4000, height_px=100), 960, 416),
        ("svd-xt", "", Size(width_px=100, height_px=4000), 1024, 576),
    ],
)
def test_the_size_is_the_pictures_own_ratio_in_whole_multiples_or_the_only_one(
    models: dict[str, Model], preset: str, resolution: str, still: Size, width: int, height: int
) -> None:
    assert take(models[preset], still=still, resolution=resolution).size == Size(width_px=width, height_px=height)


@given(
    preset=st.sampled_from(sorted(PRESETS)),
    width=st.integers(16, 4096),
    height=st.integers(16, 4096),
    seconds=st.integers(1, 10),
)
def test_whatever_is_planned_is_within_the_limits_of_the_weights(
    models: dict[str, Model], preset: str, width: int, height: int, seconds: int
) -> None:
    model = models[preset]
    for resolution in model.resolutions:
        try:
            planned = take(model, still=Size(width_px=width, height_px=height), resolution=resolution, seconds=seconds)
        except EngineRejected:
            continue
        budget = model.resolutions[resolution][0] * model.resolutions[resolution][1]

        assert planned.size.width_px % model.multiple_px == planned.size.height_px % model.multiple_px == 0
        assert planned.size.width_px * planned.size.height_px <= 1.06 * budget
        assert (planned.frames - 1) % model.frames_step == 0
        assert model.frames_min <= planned.frames <= model.frames_max
        assert max(planned.shown) < planned.frames
        assert 2 / 3 <= planned.speed <= 1

"""The diffusers engine with tiny pipelines: built, saved, loaded and run for real, on the CPU."""

import importlib
import sys
from collections.abc import Generator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest
from PIL import Image
from tiny import require_torch, save_still, tiny_weights
from tiny_pipelines import MAKERS, models_file

from photoplay.domain.errors import EngineRejected, EngineUnavailable
from photoplay.domain.json import JsonValue
from photoplay.engines.diffusers import DiffusersEngine
from photoplay.engines.diffusers.models import Memory, read_models
from photoplay.engines.diffusers.packages import load_packages
from photoplay.engines.diffusers.pipeline import Pipeline, place
from photoplay.engines.engine import Artifact, Clip, Order
from photoplay.engines.runner import ChildLimits, EnginePool
from photoplay.media.clip import read_back

require_torch()

pytestmark = pytest.mark.filterwarnings("default")  # what torch and transformers say of themselves

WAN: Final = "wan2-2-ti2v-5b"
COMMIT: Final = "0123456789abcdef0123456789abcdef01234567"
START: Final = ChildLimits(start=timedelta(seconds=240))
each_preset = pytest.mark.parametrize("preset", MAKERS)


@pytest.fixture(scope="module")
def weights() -> Generator[Path]:
    with tiny_weights() as folder:
        yield folder


@pytest.fixture(scope="module")
def engine(weights: Path) -> DiffusersEngine:
    """One engine that knows every preset, as a process of the server would be: it changes from one to the other."""
    (weights / "all.toml").write_text(models_file(weights))
    made = DiffusersEngine(models=str(weights / "all.toml"))
    made.warm()
    return made


@pytest.fixture
def order(tmp_path: Path) -> Order:
    still = save_still(tmp_path / "still.png")
    return Order(
        model=f"tiny/{WAN}",
        still=still,
        prompt="steam rises",
        resolution="",
        duration_s=1,
        seed=7,
        output=tmp_path / "clip.mp4",
    )


def ordered(order: Order, preset: str) -> Order:
    return replace(order, model=f"tiny/{preset}", prompt="" if preset == "svd-xt" else order.prompt)


def made_from(path: Path, *presets: str, weights: Path, **more: str) -> DiffusersEngine:
    """An engine with a models file of its own."""
    path.write_text(models_file(weights, *presets, **more))
    return DiffusersEngine(models=str(path))


def ignore(share: float) -> None:
    del share


@each_preset
def test_every_preset_makes_a_readable_clip_and_says_how(engine: DiffusersEngine, order: Order, preset: str) -> None:
    clip = engine.run(ordered(order, preset), ignore)
    facts = read_back(clip.path)

    assert (facts.width_px, facts.height_px) == (clip.width_px, clip.height_px)
    assert (facts.frames, facts.fps, facts.duration_s) == (24, 24.0, 1.0)
    assert clip.facts["weights"] == preset
    assert clip.facts["shown"] == {"fps": 24, "speed": 1.0, "frames": shown_in_a_second(clip)}
    with Image.open(clip.artifacts[Artifact.LAST_FRAME]) as last:
        assert last.size == (clip.width_px, clip.height_px)


def shown_in_a_second(clip: Clip) -> JsonValue:
    made = clip.facts["made"]
    assert isinstance(made, dict)
    return min(24, int(str(made["fps"])))


@each_preset
def test_the_same_seed_makes_the_same_clip_and_another_another(
    engine: DiffusersEngine, order: Order, preset: str
) -> None:
    made = [engine.run(replace(ordered(order, preset), seed=seed), ignore).path.read_bytes() for seed in (7, 7, 8)]

    assert made[0] == made[1]
    assert made[0] != made[2]


class Enough(BaseException):
    """Stands for the parent's wish to stop."""


@each_preset
def test_a_run_that_is_stopped_between_two_steps_leaves_the_model_as_it_was(
    engine: DiffusersEngine, order: Order, preset: str
) -> None:
    wanted = engine.run(ordered(order, preset), ignore).path.read_bytes()
    for path in order.output.parent.glob("clip.mp4*"):
        path.unlink()
    shares: list[float] = []

    def stop(share: float) -> None:
        shares.append(share)
        if share > 0:
            raise Enough

    with pytest.raises(Enough):
        engine.run(ordered(order, preset), stop)

    assert shares == [0.0, pytest.approx(0.45)]
    assert [path.name for path in order.output.parent.iterdir()] == ["still.png"]
    assert engine.run(ordered(order, preset), ignore).path.read_bytes() == wanted


def test_a_run_that_is_stopped_while_it_is_encoded_leaves_no_file(engine: DiffusersEngine, order: Order) -> None:
    def stop(share: float) -> None:
        if share > 0.99:
            raise Enough

    with pytest.raises(Enough):
        engine.run(order, stop)

    assert [path.name for path in order.output.parent.iterdir()] == ["still.png"]


def test_words_reach_the_model(engine: DiffusersEngine, order: Order) -> None:
    orders = (order, replace(order, prompt="snow falls"), replace(order, controls={"negative_prompt": "rain"}))

    assert len({engine.run(each, ignore).path.read_bytes() for each in orders}) == 3


def test_a_model_that_films_the_picture_alone_refuses_words(engine: DiffusersEngine, order: Order) -> None:
    with pytest.raises(EngineRejected, match="prompt: this model does not know it; it understands none"):
        engine.run(replace(order, model="tiny/svd-xt"), ignore)


def test_a_card_that_the_file_does_not_name_is_refused(engine: DiffusersEngine, order: Order) -> None:
    with pytest.raises(EngineRejected, match=r"all\.toml names no model for wan/2-2-image-to-video"):
        engine.run(replace(order, model="wan/2-2-image-to-video"), ignore)


def test_the_vae_stays_in_float32(weights: Path, tmp_path: Path, order: Order) -> None:
    engine = made_from(tmp_path / "m.toml", WAN, weights=weights, precision='"bfloat16"')
    engine.warm()
    pipe = inside(engine)

    assert (str(pipe.vae.dtype), str(pipe.transformer.dtype)) == ("torch.float32", "torch.bfloat16")
    assert engine.run(order, ignore).facts["precision"] == "bfloat16"


def inside(engine: DiffusersEngine) -> Any:
    assert engine._loaded is not None  # pyright: ignore[reportPrivateUsage] - what no fact tells
    return engine._loaded[1]._pipe  # pyright: ignore[reportPrivateUsage] - the same


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"multiple_px": "16"}, "sides must be multiples of 32 for these weights, not 16"),
        ({"frames_step": "2"}, r"frames must be 4 x n \+ 1 for these weights, not 2 x n \+ 1"),
        ({"call": "{ guidance = 5.0 }"}, "WanImageToVideoPipeline is not called with guidance"),
        ({"pipeline": '"WanDreamPipeline"'}, "has no WanDreamPipeline"),
        ({"device": '"cuda"'}, r"GPU 0 is not there: torch .* sees none"),
        ({"folder_says": '["LTXPipeline"]'}, "is a WanPipeline, and not one of LTXPipeline"),
    ],
)
def test_what_does_not_fit_the_weights_or_the_machine_is_told_at_the_start(
    weights: Path, tmp_path: Path, more: dict[str, str], words: str
) -> None:
    with pytest.raises(EngineUnavailable, match=words) as caught:
        made_from(tmp_path / "m.toml", WAN, weights=weights, **more).warm()

    assert str(tmp_path) not in str(caught.value)


def test_a_check_says_what_the_start_would(weights: Path, tmp_path: Path) -> None:
    found = made_from(tmp_path / "m.toml", WAN, weights=weights, device='"cuda"').check()

    assert [(finding.what, finding.is_well) for finding in found[-2:]] == [
        ("GPU", False),
        (f"weights of tiny/{WAN}", True),
    ]


@pytest.mark.parametrize("package", ["ftfy", "torch", "diffusers", "transformers", "accelerate", "safetensors"])
def test_a_missing_package_is_told_at_the_start_with_the_way_to_get_it(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    engine = made_from(tmp_path / "m.toml", WAN, weights=weights)
    load_packages(["ftfy"])  # diffusers looks for ftfy once, when it is imported: the other tests need it found
    monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(EngineUnavailable, match=rf"package {package} is not installed; pip install 'photoplay"):
        engine.warm()

    missing = [finding for finding in engine.check() if not finding.is_well]
    # Wan alone needs ftfy, so a check that cannot go on to the models does not miss it.
    assert [finding.what for finding in missing] == [f"package {package}"]
    assert "./run --extra diffusers" in missing[0].remedy


class Trap:
    """Pickled as a call that leaves a mark when somebody opens it."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self._mark,)


def test_weights_that_are_a_program_are_not_opened(weights: Path, tmp_path: Path) -> None:
    copy = tmp_path / WAN
    copy.mkdir()
    for part in (weights / WAN).iterdir():
        (copy / part.name).symlink_to(part)
    (copy / "vae").unlink()
    (copy / "vae").mkdir()
    (copy / "vae" / "config.json").write_bytes((weights / WAN / "vae" / "config.json").read_bytes())
    importlib.import_module("torch").save(Trap(tmp_path / "opened"), copy / "vae" / "diffusion_pytorch_model.bin")

    with pytest.raises(EngineUnavailable, match="vae has no safetensors, and nothing else is opened"):
        made_from(tmp_path / "m.toml", WAN, weights=tmp_path).warm()
    torch, diffusers = load_packages()
    model = read_models(tmp_path / "m.toml")[f"tiny/{WAN}"]
    with pytest.raises(EngineUnavailable, match=f"weights: {WAN} cannot be loaded as WanImageToVideoPipeline: OSError"):
        Pipeline(model, copy, gpu="0", torch=torch, diffusers=diffusers)

    assert not (tmp_path / "opened").exists()


async def test_weights_of_the_hub_are_found_by_their_commit_in_its_cache(
    weights: Path, tmp_path: Path, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached = tmp_path / "hub" / "models--tiny--wan" / "snapshots" / COMMIT
    cached.parent.mkdir(parents=True)
    cached.symlink_to(weights / WAN)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    models = tmp_path / "m.toml"
    models.write_text(models_file(weights, WAN, weights=f'"tiny/wan@{COMMIT}"'))

    clip = await run_in_child(models, order)

    assert clip.facts["weights"] == f"tiny/wan@{COMMIT}"


async def test_weights_that_are_not_in_the_cache_are_not_fetched_but_named(
    weights: Path, tmp_path: Path, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    models = tmp_path / "m.toml"
    models.write_text(models_file(weights, WAN, weights=f'"tiny/wan@{COMMIT}"'))

    with pytest.raises(EngineUnavailable, match=f"get it by `hf download tiny/wan --revision {COMMIT}`"):
        await run_in_child(models, order)


async def run_in_child(models: Path, order: Order) -> Clip:
    pool = EnginePool("diffusers", size=1, limits=START, options={"models": str(models)}, places=[{"gpu": "0"}])
    try:
        async with pool.slot() as child:
            return await child.run(order, ignore)
    finally:
        await pool.stop(timedelta(0))


class Recorder:
    """Stands where a pipeline would: a GPU is needed to go down the ladder for real."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.vae = SimpleNamespace()

    def __getattr__(self, name: str) -> Any:
        def called(*_: object, **__: object) -> None:
            self.calls.append(name)

        return called


@pytest.mark.parametrize(
    ("memory", "call"),
    [
        (Memory.FULL, "to"),
        (Memory.MODEL_OFFLOAD, "enable_model_cpu_offload"),
        (Memory.GROUP_OFFLOAD, "enable_group_offload"),
        (Memory.SEQUENTIAL_OFFLOAD, "enable_sequential_cpu_offload"),
    ],
)
def test_each_rung_of_the_ladder_is_a_call_that_pipelines_have(
    weights: Path, tmp_path: Path, memory: Memory, call: str
) -> None:
    recorder = Recorder()

    (tmp_path / "m.toml").write_text(models_file(weights, WAN))
    model = read_models(tmp_path / "m.toml")[f"tiny/{WAN}"]

    place(recorder, replace(model, memory=memory), device="cuda:0", cpu="cpu")

    assert recorder.calls == [call]
    diffusers = importlib.import_module("diffusers")
    assert hasattr(diffusers.DiffusionPipeline, call)


def test_tiles_and_slices_are_asked_of_the_vae(weights: Path, tmp_path: Path) -> None:
    found: list[tuple[bool, bool]] = []
    for wanted in ("true", "false"):
        engine = made_from(tmp_path / "m.toml", WAN, weights=weights, vae_tiling=wanted, vae_slicing=wanted)
        engine.warm()
        vae = inside(engine).vae
        found.append((bool(vae.use_tiling), bool(vae.use_slicing)))

    assert found == [(True, True), (False, False)]

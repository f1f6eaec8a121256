"""The file that says which open model serves which card, and the folders that it names. None of it needs torch."""

import json
from pathlib import Path

import pytest

from photoplay.domain.errors import EngineUnavailable
from photoplay.engines.diffusers.models import PRESETS, Device, Memory, read_models
from photoplay.engines.diffusers.weights import find_weights, weights_name

CARD = "wan/2-2-image-to-video"
WAN = 'preset = "wan2-2-ti2v-5b"\nweights = "weights"\n'


def written(folder: Path, text: str) -> Path:
    path = folder / "diffusers.toml"
    path.write_text(text)
    return path


def test_a_preset_and_a_folder_are_enough(tmp_path: Path) -> None:
    model = read_models(written(tmp_path, f'["{CARD}"]\n{WAN}'))[CARD]

    assert model.pipeline == PRESETS["wan2-2-ti2v-5b"]["pipeline"]
    assert (model.device, model.memory) == (Device.CUDA, Memory.MODEL_OFFLOAD)


def test_what_stands_beside_a_preset_takes_its_place(tmp_path: Path) -> None:
    own = 'steps = 4\nmemory = "full"\ncall = { guidance_scale = 1.0 }\n'
    model = read_models(written(tmp_path, f'["{CARD}"]\n{WAN}{own}'))[CARD]

    assert (model.steps, model.memory) == (4, Memory.FULL)
    assert model.call == {"guidance_scale": 1.0}


def test_a_call_of_ones_own_is_added_to_the_presets(tmp_path: Path) -> None:
    text = '["a/b"]\npreset = "svd-xt"\nweights = "w"\ncall = { motion_bucket_id = 60 }\n'

    assert read_models(written(tmp_path, text))["a/b"].call == {
        "fps": 7,
        "motion_bucket_id": 60,
        "noise_aug_strength": 0.02,
        "decode_chunk_size": 4,
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "names no model"),
        ("no toml", "cannot be read"),
        ('["a/b"]\nweights = "w"\n', r"a/b\.preset: None is not one of wan2-2-ti2v-5b, "),
        ('["a/b"]\npreset = "wan3"\n', r"a/b\.preset: 'wan3' is not one of wan2-2-ti2v-5b, "),
        ('"a/b" = 3\n', r"a/b\.preset: None is not one of"),
        ('["a/b"]\npreset = "svd-xt"\n', r"a/b\.weights: Field required"),
        (f'["a/b"]\n{WAN}memory = "a lot"\n', r"a/b\.memory: Input should be 'full', 'model-offload'"),
        (f'["a/b"]\n{WAN}memory_share = 2\n', r"a/b\.memory_share: Input should be less than or equal to 1"),
        (f'["a/b"]\n{WAN}stepps = 4\n', r"a/b\.stepps: Unexpected keyword argument"),
        (f'["a/b"]\n{WAN}steps = "4"\n', r"a/b\.steps: Input should be a valid integer"),
        (f'["a/b"]\n{WAN}device = "cpu"\n', r'a/b\.memory: must be "full" where the device is "cpu"'),
        (f'["a/b"]\n{WAN}frames_max = 120\n', r"a/b\.frames_max: must be 4 x n \+ 1, got 120"),
        (f'["a/b"]\n{WAN}frames_max = 1\n', r"a/b\.frames_max: must not be below frames_min, 5, got 1"),
        (f'["a/b"]\n{WAN}resolutions = {{ a = [640, 360] }}\n', r"resolutions\.a: sides must be multiples of 32"),
        (f'["a/b"]\n{WAN}resolutions = {{}}\n', r"a/b\.resolutions: "),
        (f'["a/b"]\n{WAN}since = 2026-01-01\n', r"a/b\.since: Unexpected keyword argument"),
    ],
)
def test_a_file_that_is_wrong_is_told_by_its_place(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(EngineUnavailable, match=words) as caught:
        read_models(written(tmp_path, text))

    assert str(caught.value).startswith("diffusers: diffusers.toml")
    assert str(tmp_path) not in str(caught.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable, match=r"there is no diffusers\.toml that says which model serves which card"):
        read_models(tmp_path / "diffusers.toml")


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A folder as diffusers saves them, without the weight of the weights."""
    folder = tmp_path / "weights"
    index = {
        "_class_name": "WanPipeline",
        "_diffusers_version": "0.42.1",
        "boundary_ratio": None,
        "transformer": ["diffusers", "WanTransformer3DModel"],
        "transformer_2": [None, None],
    }
    shards = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    (folder / "transformer").mkdir(parents=True)
    (folder / "model_index.json").write_text(json.dumps(index))
    (folder / "transformer" / "model.safetensors.index.json").write_text(json.dumps(shards))
    for number in (1, 2):
        (folder / "transformer" / f"model-{number}.safetensors").write_bytes(b"")
    return folder


def find(folder: Path, text: str = WAN) -> Path:
    path = written(folder, f'["a/b"]\n{text}')
    return find_weights(read_models(path)["a/b"], beside=path.parent)


def test_a_folder_lies_beside_the_file_that_names_it(tmp_path: Path, weights: Path) -> None:
    assert find(tmp_path) == weights
    assert find(tmp_path, WAN.replace('"weights"', f'"{weights}"')) == weights


@pytest.mark.parametrize("text", ["nowhere", "org/name", "org/name@main", "org/name@0123"])
def test_what_is_neither_a_folder_nor_pinned_is_refused(tmp_path: Path, weights: Path, text: str) -> None:
    assert weights.exists()
    with pytest.raises(EngineUnavailable, match="is neither a folder here nor ORG/NAME@COMMIT, a commit of 40 digits"):
        find(tmp_path, WAN.replace('"weights"', f'"{text}"'))


@pytest.mark.parametrize(
    ("gone", "words"),
    [
        ("model_index.json", "weights: weights holds no model_index.json, so it is no folder of diffusers"),
        ("transformer/model-2.safetensors", "weights: weights: transformer/model-2.safetensors is missing"),
    ],
)
def test_a_folder_that_is_not_whole_is_told(tmp_path: Path, weights: Path, gone: str, words: str) -> None:
    (weights / gone).unlink()

    with pytest.raises(EngineUnavailable, match=words):
        find(tmp_path)


def test_a_part_that_is_missing_is_told(tmp_path: Path, weights: Path) -> None:
    (weights / "transformer").rename(tmp_path / "elsewhere")

    with pytest.raises(EngineUnavailable, match="weights: weights: transformer is missing"):
        find(tmp_path)


def test_weights_of_another_kind_are_refused(tmp_path: Path, weights: Path) -> None:
    assert weights.exists()
    with pytest.raises(
        EngineUnavailable, match="weights is a WanPipeline, and not one of StableVideoDiffusionPipeline"
    ):
        find(tmp_path, WAN.replace("wan2-2-ti2v-5b", "svd-xt"))


def test_a_folders_place_is_not_shown(tmp_path: Path, weights: Path) -> None:
    path = written(tmp_path, f'["a/b"]\npreset = "svd-xt"\nweights = "{weights}"\n')

    assert weights_name(read_models(path)["a/b"]) == "weights"

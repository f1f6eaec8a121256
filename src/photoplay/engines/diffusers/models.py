"""Which open models run here: the presets that are shipped, and the operator's file that names them by card."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Annotated, Final, cast

from annotated_types import Ge, Gt, Le, MinLen
from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from photoplay.domain.errors import EngineUnavailable
from photoplay.domain.json import JsonObject, JsonValue

__all__ = ["PRESETS", "Device", "Memory", "Model", "Precision", "read_models"]

_Side = Annotated[int, Ge(16), Le(4096)]
_Count = Annotated[int, Ge(1)]


class Memory(StrEnum):
    """The ladder: each rung needs less of the GPU's memory than the one before it, and more time."""

    FULL = "full"
    """Everything stays in the GPU."""
    MODEL_OFFLOAD = "model-offload"
    """One part at a time: the text encoder, then the transformer, then the VAE."""
    GROUP_OFFLOAD = "group-offload"
    """One layer at a time, the next being fetched meanwhile."""
    SEQUENTIAL_OFFLOAD = "sequential-offload"
    """One layer at a time, each fetched when it is needed: the least memory, and by far the slowest."""


class Device(StrEnum):
    CUDA = "cuda"
    CPU = "cpu"
    """For trying things out with tiny weights: a real model takes days."""


class Precision(StrEnum):
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"
    FLOAT32 = "float32"


@with_config(ConfigDict(extra="forbid", strict=True))
@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One open model as it runs here. The first half comes from a preset, the second from the operator."""

    pipeline: str
    """Its class in diffusers."""
    folder_says: tuple[str, ...]
    """What `model_index.json` may name as the class of weights that fit."""
    packages: tuple[str, ...] = ()
    """What it needs beyond what every model does."""
    resolutions: Annotated[Mapping[str, tuple[_Side, _Side]], MinLen(1)]
    """Name -> width and height. Of free sizes the number of pixels counts alone; the first is the engine's choice."""
    is_size_fixed: bool = False
    """Whether it makes these very sizes alone, whatever the picture's ratio."""
    multiple_px: _Count
    fps: _Count
    frames_step: _Count
    """It makes `frames_step` x n + 1 frames."""
    frames_min: _Count
    frames_max: _Count
    steps: _Count
    words: tuple[str, ...] = ()
    """Which of `prompt` and `negative_prompt` it understands."""
    call: Mapping[str, bool | int | float | str] = field(default_factory=dict[str, bool | int | float | str])
    """What else its pipeline is called with."""
    float32: tuple[str, ...] = ()
    """Parts that are kept in float32 whatever the precision."""
    licence: str = ""

    weights: Annotated[str, MinLen(1)]
    """A folder, or ORG/NAME@COMMIT of the hub's cache on this machine."""
    device: Device = Device.CUDA
    precision: Precision = Precision.BFLOAT16
    memory: Memory = Memory.MODEL_OFFLOAD
    memory_share: Annotated[float, Gt(0), Le(1)] = 0.95
    """The most of the GPU's memory that the process may take."""
    vae_tiling: bool = True
    vae_slicing: bool = True


def _shipped() -> Mapping[str, JsonObject]:
    text = (resources.files("photoplay") / "engines" / "diffusers" / "presets.toml").read_text(encoding="utf-8")
    return cast("Mapping[str, JsonObject]", tomllib.loads(text))


PRESETS: Final = _shipped()
_MODEL: Final = TypeAdapter(Model)


def read_models(path: Path) -> Mapping[str, Model]:
    """Read the file that says which card is served by what.

    Raises: EngineUnavailable if it is missing, or anything in it is wrong.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as exc:
        raise EngineUnavailable(f"diffusers: there is no {path.name} that says which model serves which card") from exc
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise EngineUnavailable(f"diffusers: {path.name} cannot be read: {exc}") from exc
    if not tables:
        raise EngineUnavailable(f"diffusers: {path.name} names no model")
    return {card: _model(card, cast("JsonValue", table), path) for card, table in tables.items()}


def _model(card: str, table: JsonValue, path: Path) -> Model:
    where = f"diffusers: {path.name}: {card}"
    own = dict(table) if isinstance(table, Mapping) else {}
    name = own.pop("preset", None)
    if not isinstance(name, str) or name not in PRESETS:
        raise EngineUnavailable(f"{where}.preset: {name!r} is not one of {', '.join(PRESETS)}")
    merged = {**PRESETS[name], **own}
    standard, further = PRESETS[name].get("call"), own.get("call")
    if isinstance(standard, Mapping) and isinstance(further, Mapping):
        merged["call"] = {**standard, **further}
    try:
        model = _MODEL.validate_json(json.dumps(merged, default=str))
    except ValidationError as exc:
        first = exc.errors()[0]
        raise EngineUnavailable(f"{where}.{'.'.join(map(str, first['loc']))}: {first['msg']}") from exc
    if problem := _problem(model):
        raise EngineUnavailable(f"{where}.{problem}")
    return model


def _problem(model: Model) -> str:
    """Return what is wrong with a model whose fields are well one by one; empty if nothing is."""
    for name, size in model.resolutions.items():
        if any(side % model.multiple_px for side in size):
            return f"resolutions.{name}: sides must be multiples of {model.multiple_px}, got {size[0]}x{size[1]}"
    for name in ("frames_min", "frames_max"):
        if (getattr(model, name) - 1) % model.frames_step:
            return f"{name}: must be {model.frames_step} x n + 1, got {getattr(model, name)}"
    if model.frames_min > model.frames_max:
        return f"frames_max: must not be below frames_min, {model.frames_min}, got {model.frames_max}"
    if model.device is Device.CPU and model.memory is not Memory.FULL:
        return f'memory: must be "full" where the device is "cpu", got "{model.memory}"'
    return ""

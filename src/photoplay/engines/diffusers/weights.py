"""Where a model's weights lie on this machine, and whether they are all there and safe to open. Fetches nothing."""

import importlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, cast

from photoplay.domain.errors import EngineUnavailable
from photoplay.engines.diffusers.models import Model

__all__ = ["find_weights", "weights_name"]

# A name of the hub's with the commit that was looked at: a branch would move.
_PINNED: Final = re.compile(r"(?P<name>[\w.-]+/[\w.-]+)@(?P<commit>[0-9a-f]{40})")
# What Python would run when it opens them.
_UNSAFE: Final = frozenset({".bin", ".ckpt", ".pkl", ".pt", ".pth"})


def find_weights(model: Model, *, beside: Path) -> Path:
    """Return the folder of a model's weights; a relative one lies beside the file that names it.

    Raises: EngineUnavailable if they are not there, not whole, not of this kind of model, or not safetensors.
    """
    folder = _folder(model.weights, beside)
    name = weights_name(model)
    index = _read_json(folder / "model_index.json")
    if index is None:
        raise EngineUnavailable(f"weights: {name} holds no model_index.json, so it is no folder of diffusers")
    kind = index.get("_class_name")
    if kind not in model.folder_says:
        raise EngineUnavailable(f"weights: {name} is a {kind}, and not one of {', '.join(model.folder_says)}")
    for problem in _problems(folder, index):
        raise EngineUnavailable(f"weights: {name}: {problem}")
    return folder


def weights_name(model: Model) -> str:
    """Return what may be shown of where the weights lie: the hub's name, or the last part of the path."""
    return model.weights if _PINNED.fullmatch(model.weights) else Path(model.weights).name


def _folder(weights: str, beside: Path) -> Path:
    pinned = _PINNED.fullmatch(weights)
    if pinned is None:
        folder = beside / Path(weights).expanduser()
        if not folder.is_dir():
            raise EngineUnavailable(
                f"weights: {Path(weights).name} is neither a folder here nor ORG/NAME@COMMIT, a commit of 40 digits"
            )
        return folder
    hub = importlib.import_module("huggingface_hub")
    try:
        return Path(hub.snapshot_download(pinned["name"], revision=pinned["commit"], local_files_only=True))
    except (OSError, ValueError) as exc:
        command = f"hf download {pinned['name']} --revision {pinned['commit']}"
        raise EngineUnavailable(f"weights: {weights} is not on this machine; get it by `{command}`") from exc


def _problems(folder: Path, index: Mapping[str, Any]) -> Iterator[str]:
    """Yield which of the parts that the index names have no weights, or weights that are not safe or not all there."""
    for part, origin in index.items():
        if part.startswith("_") or not isinstance(origin, list) or origin[0] is None:
            continue
        place = folder / part
        if not place.is_dir():
            yield f"{part} is missing"
            continue
        files = {path.name for path in place.iterdir()}
        if any(Path(name).suffix in _UNSAFE for name in files) and not any(n.endswith(".safetensors") for n in files):
            yield f"{part} has no safetensors, and nothing else is opened"
        for path in place.glob("*.safetensors.index.json"):
            shards = cast("Mapping[str, str]", (_read_json(path) or {}).get("weight_map", {}))
            yield from (f"{part}/{name} is missing" for name in sorted({*shards.values()} - files))


def _read_json(path: Path) -> Mapping[str, Any] | None:
    try:
        value: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else None

"""ComfyUI workflows as data: a graph in its API format, with slots such as `{{prompt}}` for what an order says."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, TypeAlias

from photoplay.domain.errors import EngineRejected, EngineUnavailable
from photoplay.domain.json import JsonObject, JsonValue

__all__ = ["fill", "read_workflow"]

_SLOT: Final = re.compile(r"\{\{\s*([a-z][a-z0-9_]*)\s*\}\}")
_Values: TypeAlias = Mapping[str, JsonValue]


def read_workflow(folder: Path, model: str) -> JsonObject:
    """Read `<folder>/<model>.json`. Raises: EngineUnavailable if there is none, or it is not in the API format."""
    path = folder / f"{model}.json"
    if not path.resolve().is_relative_to(folder.resolve()):
        raise EngineUnavailable(f"comfyui: {model} does not name a workflow in the folder")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise EngineUnavailable(f"comfyui: there is no workflow {model}.json in the folder of workflows") from exc
    except ValueError as exc:
        raise EngineUnavailable(f"comfyui: the workflow {model}.json is not JSON") from exc
    if not isinstance(found, dict) or not all(isinstance(n, dict) and "class_type" in n for n in found.values()):  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType] - it is what JSON holds
        raise EngineUnavailable(f"comfyui: the workflow {model}.json is not in the API format: export it as such")
    return found  # pyright: ignore[reportUnknownVariableType] - likewise


def fill(workflow: JsonObject, values: _Values, *, needed: frozenset[str]) -> JsonObject:
    """Put values into the slots. A text that is a slot and nothing else becomes the value itself, a number too.

    Raises: EngineRejected if a slot has no value, or a value that is needed has no slot.
    """
    slots = set(_slots(workflow))
    if missing := sorted(slots - values.keys()):
        raise EngineRejected(f"comfyui: the workflow has a slot {missing[0]}, which the order does not fill")
    if lost := sorted(needed - slots):
        raise EngineRejected(f"comfyui: the workflow has no slot {lost[0]}: what the order says there would be lost")
    return {name: _filled(node, values) for name, node in workflow.items()}


def _slots(value: JsonValue) -> Iterator[str]:
    if isinstance(value, str):
        yield from _SLOT.findall(value)
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _slots(part)
    elif isinstance(value, list):
        for part in value:
            yield from _slots(part)


def _filled(value: JsonValue, values: _Values) -> JsonValue:
    if isinstance(value, str):
        whole = _SLOT.fullmatch(value)
        return values[whole[1]] if whole else _SLOT.sub(lambda slot: str(values[slot[1]]), value)
    if isinstance(value, Mapping):
        return {name: _filled(part, values) for name, part in value.items()}
    return [_filled(part, values) for part in value] if isinstance(value, list) else value

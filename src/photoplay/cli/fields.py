"""Turns what a person types for a model's fields into its input. What fits is for the server's check to say."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from photoplay.client import Client
from photoplay.domain.errors import InvalidInput

__all__ = ["read_input", "split_pair"]

_TEXTS: Final = frozenset({"text", "choice", "task_ref"})
_FILE: Final = "file_url"
_FILES: Final = "file_urls"


def read_input(client: Client, model: str, *, photo: Path, pairs: Sequence[tuple[str, str]]) -> dict[str, object]:
    """Return the input: local files as paths, numbers as numbers. The photo goes to the model's first picture.

    Raises: InvalidInput for a field that the model does not have, or a file that is not there; ClientError.
    """
    fields = _fields(client, model)
    picture = _picture(fields, model)
    input: dict[str, object] = {picture: [photo] if fields[picture]["kind"] == _FILES else photo}
    for name, text in pairs:
        if name not in fields:
            raise InvalidInput(f"{name[:100]} is not a field of {model}; it has {', '.join(fields)}", field=name)
        value = _value(name, text, kind=str(fields[name]["kind"]))
        earlier = input.get(name)
        input[name] = [*earlier, *value] if isinstance(earlier, list) and isinstance(value, list) else value
    return input


def split_pair(text: str) -> tuple[str, str]:
    """Read FIELD=VALUE. Raises: InvalidInput."""
    name, separator, value = text.partition("=")
    if not separator:
        raise InvalidInput(f"{text[:100]} is not FIELD=VALUE, such as seed=7", field=name)
    return name, value


def _fields(client: Client, model: str) -> dict[str, Mapping[str, Any]]:
    schema = client.call("GET", f"/api/v1/models/{model}/schema")
    return {name: told["x-field"] for name, told in schema["properties"].items()}


def _picture(fields: Mapping[str, Mapping[str, Any]], model: str) -> str:
    pictures = [name for name, told in fields.items() if told["kind"] in {_FILE, _FILES}]
    if not pictures:
        raise InvalidInput(f"{model} takes no picture: it cannot be used with a photo", field="model")
    return next((name for name in pictures if fields[name]["required"]), pictures[0])


def _value(name: str, text: str, *, kind: str) -> object:
    if kind in _TEXTS:
        return text
    if kind == _FILE:
        return _file(name, text)
    if kind == _FILES:
        return [_file(name, text)]
    try:
        return json.loads(text)
    except ValueError:
        # Still text: the server says what it should have been.
        return text


def _file(name: str, text: str) -> str | Path:
    if text.startswith(("http://", "https://")):
        return text
    path = Path(text)
    if not path.is_file():
        raise InvalidInput(f"{name}: there is no file {text}", field=name)
    return path

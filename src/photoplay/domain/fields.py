"""The kinds of field that a card can ask for, and how a value of each is checked.

A check returns the value as the engine will read it, or the one thing that is wrong with it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from photoplay.domain.json import JsonValue

__all__ = ["Boolean", "Choice", "Field", "FileUrl", "Option", "Problem", "Text", "check"]

URL_CHARS_MAX: Final = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong with an input."""

    field: str
    """Path of the field, such as `input.resolution`."""
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Named:
    name: str
    label: str
    help: str
    required: bool = False
    default: JsonValue = None
    """Used when the field is absent or null. None: the field stays absent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text(_Named):
    chars_min: int
    chars_max: int
    """In Unicode code points."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    value: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice(_Named):
    """One of a closed list of strings. A number that reads like an option is that option."""

    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Boolean(_Named):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class FileUrl(_Named):
    """An http(s) link to a file. Its bytes are checked when it is fetched."""

    accept: tuple[str, ...]
    """MIME types, found from the bytes, never from a header."""
    bytes_max: int


Field: TypeAlias = Text | Choice | Boolean | FileUrl


def check(field: Field, value: JsonValue, *, path: str) -> JsonValue | Problem:
    """Check one present value and return it normalised, or say what is wrong."""
    return _CHECKS[type(field)](field, value, path)


def _text(field: Text, value: JsonValue, path: str) -> JsonValue | Problem:
    if not isinstance(value, str):
        return Problem(field=path, message=f"{path} must be a string, got {_kind(value)}")
    if len(value) > field.chars_max:
        return Problem(
            field=path,
            message=f"The text length cannot exceed the maximum limit: {path} has {len(value)} characters,"
            f" the limit is {field.chars_max}",
        )
    if len(value) < field.chars_min:
        if not value:
            return Problem(field=path, message=f"{path} is required: the text is empty")
        return Problem(field=path, message=f"{path} has {len(value)} characters, at least {field.chars_min} are needed")
    return value


def _choice(field: Choice, value: JsonValue, path: str) -> JsonValue | Problem:
    # The number 5 stands for "5", but true is not "1".
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    values = [option.value for option in field.options]
    if isinstance(text, str) and text in values:
        return text
    got = f'"{_short(value)}"' if isinstance(value, str) else _kind(value)
    return Problem(
        field=path,
        message=f"{path} is not within the range of allowed options: {got} is not one of {', '.join(values)}",
    )


def _boolean(_: Boolean, value: JsonValue, path: str) -> JsonValue | Problem:
    if isinstance(value, bool):
        return value
    return Problem(field=path, message=f"{path} must be true or false, got {_kind(value)}")


def _file_url(_: FileUrl, value: JsonValue, path: str) -> JsonValue | Problem:
    if not isinstance(value, str):
        return Problem(field=path, message=f"{path} must be an http or https URL, got {_kind(value)}")
    if len(value) > URL_CHARS_MAX:
        return Problem(
            field=path, message=f"{path} has {len(value)} characters, the limit for a URL is {URL_CHARS_MAX}"
        )
    if not _is_web_url(value):
        return Problem(field=path, message=f'{path} must be an http or https URL, got "{_short(value)}"')
    return value


def _is_web_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def _kind(value: JsonValue) -> str:
    """Name a value that has the wrong type, without repeating a long one."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {_short(str(value))}"
        case str():
            return "a string"
        case Mapping():
            return "an object"
        case _:
            return "a list"


def _short(text: str, chars_max: int = 60) -> str:
    return text if len(text) <= chars_max else text[:chars_max] + "…"


_CHECKS: Final[Mapping[type, Callable[..., JsonValue | Problem]]] = {
    Text: _text,
    Choice: _choice,
    Boolean: _boolean,
    FileUrl: _file_url,
}

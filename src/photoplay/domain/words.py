"""A card's fields in words, for people: the same on a page, in a terminal and in the documentation. Pure."""

import json
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple, assert_never

from photoplay.domain.fields import (
    Alias,
    Boolean,
    Choice,
    Field,
    FileUrl,
    FileUrls,
    Ids,
    Integer,
    IntegerLists,
    Number,
    NumberChoice,
    Objects,
    Seed,
    TaskRef,
    Text,
)
from photoplay.domain.json import JsonValue

__all__ = ["FIELD_HEAD", "FieldWords", "describe", "spelled"]


class FieldWords(NamedTuple):
    """One row of a table of fields; a cell that says nothing is empty."""

    field: str
    needed: str
    type: str
    limits: str
    options: str
    """Each value, with its label where that says more."""
    default: str
    """As `spelled`."""
    meaning: str


FIELD_HEAD: Final = FieldWords._fields


def describe(fields: Sequence[Field], *, inside: str = "") -> Iterator[FieldWords]:
    """Yield a row for each field; the fields of objects follow the list that holds them."""
    for field in fields:
        name = f"{inside}{field.name}"
        yield FieldWords(
            field=name,
            needed="required" if field.required else "optional",
            type=_type(field),
            limits=_limits(field),
            options=_options(field),
            default=spelled(getattr(field, "default", None)),
            meaning=f"{field.label}: {field.help}",
        )
        if isinstance(field, Objects):
            yield from describe(field.fields, inside=f"{name}[].")


def _type(field: Field) -> str:
    match field:
        case Text() | Choice():
            return "string"
        case NumberChoice() | Integer() | Seed():
            return "number" if _has_fractions(field) else "integer"
        case Number():
            return "number"
        case Boolean():
            return "boolean"
        case FileUrl():
            return "string, a link to a file"
        case FileUrls():
            return "list of links to files"
        case Ids():
            return "list of strings"
        case TaskRef():
            return "string, the id of an earlier task"
        case Objects():
            return "list of objects"
        case IntegerLists():
            return "list of lists of integers"
        case Alias():
            return f"deprecated name of {field.of}"
        case _:
            assert_never(field)


def _has_fractions(field: Field) -> bool:
    return isinstance(field, NumberChoice) and any(isinstance(option.value, float) for option in field.options)


def _limits(field: Field) -> str:
    match field:
        case Text():
            return f"{field.chars_min} to {field.chars_max} characters"
        case Integer():
            return f"{field.minimum} to {field.maximum}" + (f" in steps of {field.step}" if field.step > 1 else "")
        case Number():
            return f"{field.minimum:g} to {field.maximum:g}"
        case Seed():
            return f"0 to {field.maximum}, or -1 for a random one"
        case FileUrl():
            return _file_limits(field)
        case FileUrls():
            return f"{_items(field)}, each {_file_limits(field)}"
        case Ids() | Objects():
            return _items(field)
        case IntegerLists():
            return f"{_items(field)}, each of {field.length} numbers from {field.minimum} to {field.maximum}"
        case Choice() | NumberChoice() | Boolean() | TaskRef() | Alias():
            return ""
        case _:
            assert_never(field)


def _file_limits(field: FileUrl | FileUrls) -> str:
    *most, last = field.accept
    types = f"{', '.join(most)} or {last}" if most else last
    return f"{types}, at most {field.bytes_max} bytes"


def _items(field: FileUrls | Ids | Objects | IntegerLists) -> str:
    return f"{field.items_min} to {field.items_max} items"


def _options(field: Field) -> str:
    if not isinstance(field, Choice | NumberChoice):
        return ""
    return ", ".join(
        f"{option.value}" + ("" if option.label == str(option.value) else f" ({option.label})")
        for option in field.options
    )


def spelled(value: JsonValue) -> str:
    """Return a value as JSON writes it, but a string without its quotes, and nothing for none."""
    if value is None or isinstance(value, str):
        return value or ""
    return f"{value:g}" if isinstance(value, float) else json.dumps(value, ensure_ascii=False)

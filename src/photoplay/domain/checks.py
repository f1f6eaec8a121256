"""How a value of each kind of field is checked.

A check returns the value as the engine will read it, or everything that is wrong with it.
Source: contract §2 for what is lenient, §9 for the kinds.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeGuard

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
from photoplay.domain.json import JsonObject, JsonValue

__all__ = [
    "ID_CHARS_MAX",
    "TASK_ID_PATTERN",
    "URL_CHARS_MAX",
    "URL_PATTERN",
    "Problem",
    "Wrong",
    "check",
    "check_all",
]

URL_CHARS_MAX: Final = 2048
ID_CHARS_MAX: Final = 255
# What a URL must look like before anybody tries to fetch it; `egress/` judges the rest.
URL_PATTERN: Final = r"[hH][tT][tT][pP][sS]?://[^\s/?#\\]+([/?#][^\s\\]*)?"
TASK_ID_PATTERN: Final = r"[0-9a-f]{32}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong with an input."""

    field: str
    """Path of the field, such as `input.resolution`."""
    message: str
    """Begins with, or names, that path."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """Everything that is wrong with one value."""

    problems: tuple[Problem, ...]


def check_all(fields: Sequence[Field], values: JsonObject, *, path: str) -> JsonObject | Wrong:
    """Check every field of one object, in the card's order.

    Unknown keys are ignored; null means absent; defaults are filled in; aliases are resolved.
    """
    aliases = [field for field in fields if isinstance(field, Alias)]
    clean: dict[str, JsonValue] = {}
    problems: list[Problem] = []
    for field in fields:
        if isinstance(field, Alias):
            continue
        spellings = [field.name, *(alias.name for alias in aliases if alias.of == field.name)]
        name = next((name for name in spellings if values.get(name) is not None), field.name)
        checked = _check_present(field, values.get(name), path=f"{path}.{name}")
        if isinstance(checked, Wrong):
            problems.extend(checked.problems)
        elif checked is not None:
            clean[field.name] = checked
    return Wrong(tuple(problems)) if problems else clean


def _check_present(field: Field, value: JsonValue, *, path: str) -> JsonValue | Wrong:
    if value is not None:
        return check(field, value, path=path)
    if field.required:
        return _wrong(path, f"{path} is required")
    return getattr(field, "default", None)


def check(field: Field, value: JsonValue, *, path: str) -> JsonValue | Wrong:
    """Check one present value and return it normalised, or say what is wrong."""
    return _CHECKS[type(field)](field, value if isinstance(field, Number) else _as_integer(value), path)


def _text(field: Text, value: JsonValue, path: str) -> JsonValue | Wrong:
    if not isinstance(value, str):
        return _wrong(path, f"{path} must be a string, got {_kind(value)}")
    if len(value) > field.chars_max:
        return _wrong(
            path,
            f"The text length cannot exceed the maximum limit: {path} has {len(value)} characters,"
            f" the limit is {field.chars_max}",
        )
    if field.chars_min and not value:
        return _wrong(path, f"{path} is required: the text is empty")
    if len(value) < field.chars_min:
        return _wrong(path, f"{path} has {len(value)} characters, at least {field.chars_min} are needed")
    return value


def _choice(field: Choice, value: JsonValue, path: str) -> JsonValue | Wrong:
    # The number 5 stands for "5", but true is not "1".
    text = str(value) if _is_integer(value) else value
    values = [option.value for option in field.options]
    if isinstance(text, str) and text in values:
        return text
    return _not_an_option(path, value, values)


def _number_choice(field: NumberChoice, value: JsonValue, path: str) -> JsonValue | Wrong:
    values = [option.value for option in field.options]
    if isinstance(value, int | float) and not isinstance(value, bool) and value in values:
        return value
    return _not_an_option(path, value, [str(option) for option in values])


def _integer(field: Integer, value: JsonValue, path: str) -> JsonValue | Wrong:
    if not _is_integer(value):
        return _wrong(path, f"{path} must be a whole number, got {_kind(value)}")
    if not field.minimum <= value <= field.maximum:
        return _out_of_range(path, value, field.minimum, field.maximum)
    if (value - field.minimum) % field.step:
        return _wrong(path, f"{path}: {value} is not {field.minimum} plus a multiple of {field.step}")
    return value


def _number(field: Number, value: JsonValue, path: str) -> JsonValue | Wrong:
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or (isinstance(value, float) and math.isnan(value))
    ):
        return _wrong(path, f"{path} must be a number, got {_kind(value)}")
    if not field.minimum <= value <= field.maximum:
        return _out_of_range(path, value, field.minimum, field.maximum)
    return value


def _seed(field: Seed, value: JsonValue, path: str) -> JsonValue | Wrong:
    if not _is_integer(value):
        return _wrong(path, f"{path} must be a whole number, got {_kind(value)}")
    if not -1 <= value <= field.maximum:
        return _out_of_range(path, value, -1, field.maximum)
    return value


def _boolean(_: Boolean, value: JsonValue, path: str) -> JsonValue | Wrong:
    return value if isinstance(value, bool) else _wrong(path, f"{path} must be true or false, got {_kind(value)}")


def _file_url(_: FileUrl | FileUrls, value: JsonValue, path: str) -> JsonValue | Wrong:
    if not isinstance(value, str):
        return _wrong(path, f"{path} must be an http or https URL, got {_kind(value)}")
    if len(value) > URL_CHARS_MAX:
        return _wrong(path, f"{path} has {len(value)} characters, the limit for a URL is {URL_CHARS_MAX}")
    if re.fullmatch(URL_PATTERN, value) is None:
        return _wrong(path, f'{path} must be an http or https URL, got "{_short(value)}"')
    return value


def _file_urls(field: FileUrls, value: JsonValue, path: str) -> JsonValue | Wrong:
    return _items(field, value, path, lambda item, at: _file_url(field, item, at))


def _ids(field: Ids, value: JsonValue, path: str) -> JsonValue | Wrong:
    def one(item: JsonValue, at: str) -> JsonValue | Wrong:
        if isinstance(item, str) and 1 <= len(item) <= ID_CHARS_MAX:
            return item
        return _wrong(at, f"{at} must be a string of 1 to {ID_CHARS_MAX} characters")

    return _items(field, value, path, one)


def _task_ref(_: TaskRef, value: JsonValue, path: str) -> JsonValue | Wrong:
    if isinstance(value, str) and re.fullmatch(TASK_ID_PATTERN, value):
        return value
    return _wrong(path, f"{path} must be a task id: 32 hexadecimal digits in lower case")


def _objects(field: Objects, value: JsonValue, path: str) -> JsonValue | Wrong:
    def one(item: JsonValue, at: str) -> JsonValue | Wrong:
        if not isinstance(item, Mapping):
            return _wrong(at, f"{at} must be an object, got {_kind(item)}")
        return check_all(field.fields, item, path=at)

    return _items(field, value, path, one)


def _integer_lists(field: IntegerLists, value: JsonValue, path: str) -> JsonValue | Wrong:
    def one(item: JsonValue, at: str) -> JsonValue | Wrong:
        numbers = [_as_integer(number) for number in item] if _is_list(item) else []
        integers = [number for number in numbers if _is_integer(number)]
        if not _is_list(item) or len(numbers) != field.length or len(integers) != field.length:
            return _wrong(at, f"{at} must be a list of {field.length} whole numbers")
        outside = [number for number in integers if not field.minimum <= number <= field.maximum]
        return _out_of_range(at, outside[0], field.minimum, field.maximum) if outside else integers

    return _items(field, value, path, one)


def _items(
    field: FileUrls | Ids | Objects | IntegerLists,
    value: JsonValue,
    path: str,
    check_one: Callable[[JsonValue, str], JsonValue | Wrong],
) -> JsonValue | Wrong:
    if not _is_list(value):
        return _wrong(path, f"{path} must be a list, got {_kind(value)}")
    if not field.items_min <= len(value) <= field.items_max:
        return _wrong(path, f"{path} has {len(value)} items, allowed are {field.items_min} to {field.items_max}")
    checked = [check_one(item, f"{path}[{index}]") for index, item in enumerate(value)]
    problems = [problem for item in checked if isinstance(item, Wrong) for problem in item.problems]
    return Wrong(tuple(problems)) if problems else [item for item in checked if not isinstance(item, Wrong)]


def _wrong(path: str, message: str) -> Wrong:
    return Wrong((Problem(field=path, message=message),))


def _not_an_option(path: str, value: JsonValue, values: Sequence[str]) -> Wrong:
    got = f'"{_short(value)}"' if isinstance(value, str) else _kind(value)
    listed = ", ".join(values)
    return _wrong(path, f"{path} is not within the range of allowed options: {got} is not one of {listed}")


def _out_of_range(path: str, value: float, minimum: float, maximum: float) -> Wrong:
    return _wrong(path, f"{path}: {_short(str(value))} is not between {minimum} and {maximum}")


def _is_integer(value: JsonValue) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _as_integer(value: JsonValue) -> JsonValue:
    """JSON knows one kind of number: 5.0 is 5."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _is_list(value: JsonValue) -> TypeGuard[Sequence[JsonValue]]:
    return isinstance(value, Sequence) and not isinstance(value, str)


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


_CHECKS: Final[Mapping[type, Callable[..., JsonValue | Wrong]]] = {
    Text: _text,
    Choice: _choice,
    NumberChoice: _number_choice,
    Integer: _integer,
    Number: _number,
    Seed: _seed,
    Boolean: _boolean,
    FileUrl: _file_url,
    FileUrls: _file_urls,
    Ids: _ids,
    TaskRef: _task_ref,
    Objects: _objects,
    IntegerLists: _integer_lists,
}

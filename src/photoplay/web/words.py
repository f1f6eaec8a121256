"""A card's fields and rules in words, for people. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, assert_never

from photoplay.domain.fields import Field
from photoplay.domain.json import JsonObject, JsonValue
from photoplay.domain.rules import (
    AllowedWhen,
    Condition,
    Exclusive,
    ExclusiveGroups,
    ForbiddenWhen,
    MaximumWhen,
    RequiredWhen,
    Requires,
    RequiresOneOf,
    Rule,
)
from photoplay.domain.words import FIELD_HEAD, describe, spelled
from photoplay.web.blocks import Inline, Mono
from photoplay.web.wire import dump

__all__ = ["FIELD_COLUMNS", "field_rows", "list_of", "rule_words"]

FIELD_COLUMNS: Final = (*FIELD_HEAD[:-1], "example", FIELD_HEAD[-1])

# A row stays one that can be read; the requests below the table have the value whole.
EXAMPLE_CHARS_MAX: Final = 40


def field_rows(fields: Sequence[Field], example: JsonObject) -> Iterator[tuple[Inline, ...]]:
    """Yield a row for each field, under `FIELD_COLUMNS`, with names and values as code."""
    for row in describe(fields):
        value = spelled(_value_in(example, row.field))
        shown = value if len(value) <= EXAMPLE_CHARS_MAX else f"{value[:EXAMPLE_CHARS_MAX]}…"
        cells = {**row._asdict(), "field": _code(row.field), "default": _code(row.default), "example": _code(shown)}
        yield tuple((cell,) if (cell := cells[column]) else () for column in FIELD_COLUMNS)


def _code(text: str) -> Mono | str:
    return Mono(text) if text else ""


def _value_in(values: JsonObject, field: str) -> JsonValue:
    """Return the value of a field by its name in a row; of fields below a list, what the first item with one says."""
    name, _, below = field.partition("[].")
    value = values.get(name)
    if not below:
        return value
    items = value if isinstance(value, Sequence) else ()
    found = (_value_in(item, below) for item in items if isinstance(item, Mapping))
    return next((each for each in found if each is not None), None)


def list_of(names: Iterable[str | float], *, last: str = ", ") -> Inline:
    """Return names with commas between them, and another word before the last."""
    parts: list[str | Mono] = []
    shown = [Mono(str(name)) for name in names]
    for index, name in enumerate(shown):
        parts += [] if index == 0 else [last if index == len(shown) - 1 else ", "]
        parts.append(name)
    return tuple(parts)


def rule_words(rule: Rule) -> Inline:
    """Return the rule as a sentence, and what is said to whoever breaks it."""
    return (*_rule(rule), f": {rule.message}")


def _rule(rule: Rule) -> Inline:
    match rule:
        case Exclusive():
            return ("At most one of ", *list_of(rule.fields))
        case ExclusiveGroups():
            groups = [part for group in rule.groups for part in (" or (", *list_of(group), ")")]
            return ("Fields of one group alone, (", *groups[1:])
        case Requires():
            return (Mono(rule.field), " needs ", *list_of(rule.needs, last=" and "))
        case RequiresOneOf():
            return ("At least one of ", *list_of(rule.fields))
        case RequiredWhen():
            return (Mono(rule.field), " is required ", *_condition(rule.when))
        case ForbiddenWhen():
            return (Mono(rule.field), " must be absent ", *_condition(rule.when))
        case MaximumWhen():
            return (Mono(rule.field), f" is at most {rule.maximum:g} ", *_condition(rule.when))
        case AllowedWhen():
            return (Mono(rule.field), " is ", *list_of(rule.values, last=" or "), " ", *_condition(rule.when))
        case _:
            assert_never(rule)


def _condition(when: Condition) -> Inline:
    if when.equals is None:
        return ("when ", Mono(when.field), " is there")
    return ("when ", Mono(when.field), " is ", _value(when.equals))


def _value(value: JsonValue) -> Mono:
    return Mono(value if isinstance(value, str) else dump(value))

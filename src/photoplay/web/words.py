"""A card's fields and rules in words, for people. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from typing import assert_never

from photoplay.domain.fields import Field
from photoplay.domain.json import JsonValue
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
from photoplay.domain.words import FIELD_HEAD, describe
from photoplay.web.blocks import Inline, Mono
from photoplay.web.wire import dump

__all__ = ["FIELD_HEAD", "field_rows", "list_of", "rule_words"]


def field_rows(fields: Sequence[Field]) -> Iterator[tuple[Inline, ...]]:
    """Yield a row for each field, under `FIELD_HEAD`, with names and defaults as code."""
    for row in describe(fields):
        cells = {**row._asdict(), "field": Mono(row.field), "default": Mono(row.default) if row.default else ""}
        yield tuple((cell,) if cell else () for cell in cells.values())


def list_of(names: Iterable[str | int], *, last: str = ", ") -> Inline:
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

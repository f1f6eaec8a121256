"""A card's fields and rules in words, for people. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from typing import assert_never

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
from photoplay.web.blocks import Inline, Mono
from photoplay.web.wire import dump

__all__ = ["FIELD_HEAD", "field_rows", "list_of", "rule_words"]

FIELD_HEAD = ("field", "needed", "type", "limits", "options", "default", "meaning")


def field_rows(fields: Sequence[Field], *, inside: str = "") -> Iterator[tuple[Inline, ...]]:
    """Yield a row for each field, under `FIELD_HEAD`; the fields of objects follow the list that holds them."""
    for field in fields:
        name = f"{inside}{field.name}"
        yield (
            (Mono(name),),
            ("required" if field.required else "optional",),
            _type(field),
            _limits(field),
            _options(field),
            _default(field),
            (f"{field.label}: {field.help}",),
        )
        if isinstance(field, Objects):
            yield from field_rows(field.fields, inside=f"{name}[].")


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


def _type(field: Field) -> Inline:
    match field:
        case Text() | Choice():
            return ("string",)
        case NumberChoice() | Integer() | Seed():
            return ("integer",)
        case Number():
            return ("number",)
        case Boolean():
            return ("boolean",)
        case FileUrl():
            return ("string, a link to a file",)
        case FileUrls():
            return ("list of links to files",)
        case Ids():
            return ("list of strings",)
        case TaskRef():
            return ("string, the id of an earlier task",)
        case Objects():
            return ("list of objects",)
        case IntegerLists():
            return ("list of lists of integers",)
        case Alias():
            return ("deprecated name of ", Mono(field.of))
        case _:
            assert_never(field)


def _limits(field: Field) -> Inline:
    match field:
        case Text():
            return (f"{field.chars_min} to {field.chars_max} characters",)
        case Integer():
            return (f"{field.minimum} to {field.maximum}" + (f" in steps of {field.step}" if field.step > 1 else ""),)
        case Number():
            return (f"{field.minimum:g} to {field.maximum:g}",)
        case Seed():
            return (f"0 to {field.maximum}, or -1 for a random one",)
        case FileUrl():
            return _file_limits(field)
        case FileUrls():
            return (f"{_items(field)}, each ", *_file_limits(field))
        case Ids() | Objects():
            return (_items(field),)
        case IntegerLists():
            return (f"{_items(field)}, each of {field.length} numbers from {field.minimum} to {field.maximum}",)
        case Choice() | NumberChoice() | Boolean() | TaskRef() | Alias():
            return ()
        case _:
            assert_never(field)


def _file_limits(field: FileUrl | FileUrls) -> Inline:
    return (*list_of(field.accept, last=" or "), f", at most {field.bytes_max} bytes")


def _items(field: FileUrls | Ids | Objects | IntegerLists) -> str:
    return f"{field.items_min} to {field.items_max} items"


def _options(field: Field) -> Inline:
    if not isinstance(field, Choice | NumberChoice):
        return ()
    parts: list[str | Mono] = []
    for option in field.options:
        is_same = option.label == str(option.value)
        parts += [", ", Mono(str(option.value)), "" if is_same else f" ({option.label})"]
    return tuple(parts[1:])


def _default(field: Field) -> Inline:
    default: JsonValue = getattr(field, "default", None)
    return () if default is None else (_value(default),)


def _value(value: JsonValue) -> Mono:
    return Mono(value if isinstance(value, str) else dump(value))

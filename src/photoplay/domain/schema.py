"""A card's input as JSON Schema, draft 2020-12: the schema accepts exactly what `validate` accepts.

What the standard has no word for travels in keywords that begin with `x-`, so that nothing of a card is lost.
Source: https://json-schema.org/draft/2020-12/schema
"""

import re
from collections.abc import Sequence
from dataclasses import asdict
from typing import Final, assert_never, cast

from photoplay.domain.checks import ID_CHARS_MAX, TASK_ID_PATTERN, URL_CHARS_MAX, URL_PATTERN
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

__all__ = ["DIALECT", "input_schema"]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def input_schema(fields: Sequence[Field], rules: Sequence[Rule] = ()) -> JsonObject:
    """Return the schema of one object. Unknown keys are allowed, and null stands for absent. Source: contract §2."""
    names = _Names(fields)
    needed = [field.name for field in fields if field.required and not isinstance(field, Alias)]
    schema: dict[str, JsonValue] = {
        "type": "object",
        "properties": {field.name: _property(field) for field in fields},
        "required": [name for name in needed if len(names.spellings(name)) == 1],
    }
    conditions = [
        *(_present(name, names) for name in needed),
        *(_under_alias(field, names) for field in fields if isinstance(field, Alias)),
        *(_rule(rule, names) for rule in rules),
    ]
    if conditions:
        # The standard asks for at least one.
        schema["allOf"] = conditions
    if rules:
        schema["x-rules"] = [asdict(rule, dict_factory=_plain) for rule in rules]
    return schema


class _Names:
    """Which names a field answers to, the one that counts first, and its default."""

    def __init__(self, fields: Sequence[Field]) -> None:
        self._fields = {field.name: field for field in fields}
        self._aliases = [field for field in fields if isinstance(field, Alias)]

    def spellings(self, name: str) -> list[str]:
        return [name, *(alias.name for alias in self._aliases if alias.of == name)]

    def better_than(self, spelling: str, *, of: str) -> list[str]:
        spellings = self.spellings(of)
        return spellings[: spellings.index(spelling)]

    def field(self, name: str) -> Field:
        return self._fields[name]

    def default(self, name: str) -> JsonValue:
        return getattr(self._fields[name], "default", None)


def _property(field: Field) -> JsonObject:
    told: JsonObject = {
        "title": field.label,
        "description": field.help,
        "x-field": asdict(field, dict_factory=_plain),
    }
    if isinstance(field, Alias):
        return {**told, "deprecated": True, "x-alias-of": field.of}
    default: JsonValue = getattr(field, "default", None)
    # null means absent, also for a required field: that it is there at all is said beside the properties.
    return {
        **told,
        "anyOf": [_value(field), {"type": "null"}],
        **({} if default is None else {"default": default}),
    }


def _under_alias(alias: Alias, names: _Names) -> JsonObject:
    """Ask of an alias what its field asks, where no better name is given: what does not count is not looked at."""
    better = [_given(name) for name in names.better_than(alias.name, of=alias.of)]
    value = _value(names.field(alias.of))
    return {"anyOf": [*better, {"properties": {alias.name: {"anyOf": [value, {"type": "null"}]}}}]}


def _value(field: Field) -> JsonObject:
    match field:
        case Text():
            return {"type": "string", "minLength": field.chars_min, "maxLength": field.chars_max}
        case Choice():
            return {"enum": _spelled([option.value for option in field.options])}
        case NumberChoice():
            return {"enum": [option.value for option in field.options]}
        case Integer():
            steps = {"multipleOf": field.step} if field.step > 1 and field.minimum % field.step == 0 else {}
            return {"type": "integer", "minimum": field.minimum, "maximum": field.maximum, **steps}
        case Number():
            return {"type": "number", "minimum": field.minimum, "maximum": field.maximum}
        case Seed():
            return {"type": "integer", "minimum": -1, "maximum": field.maximum}
        case Boolean():
            return {"type": "boolean"}
        case FileUrl():
            return _URL
        case TaskRef():
            return {"type": "string", "pattern": _whole(TASK_ID_PATTERN)}
        case FileUrls() | Ids() | Objects() | IntegerLists():
            return {"type": "array", "minItems": field.items_min, "maxItems": field.items_max, "items": _item(field)}
        case Alias():
            raise AssertionError("an alias has the schema of its field")
        case _:
            assert_never(field)


def _whole(pattern: str) -> str:
    # In some languages $ also stands before a newline at the end.
    return f"^{pattern}$(?!\\n)"


_URL: Final[JsonObject] = {"type": "string", "maxLength": URL_CHARS_MAX, "pattern": _whole(URL_PATTERN)}


def _item(field: FileUrls | Ids | Objects | IntegerLists) -> JsonObject:
    match field:
        case FileUrls():
            return _URL
        case Ids():
            return {"type": "string", "minLength": 1, "maxLength": ID_CHARS_MAX}
        case Objects():
            return input_schema(field.fields)
        case IntegerLists():
            number: JsonObject = {"type": "integer", "minimum": field.minimum, "maximum": field.maximum}
            return {"type": "array", "minItems": field.length, "maxItems": field.length, "items": number}
        case _:
            assert_never(field)


def _rule(rule: Rule, names: _Names) -> JsonObject:
    match rule:
        case Exclusive():
            return _at_most_one([_present(name, names) for name in rule.fields])
        case ExclusiveGroups():
            return _at_most_one([_any([_present(name, names) for name in group]) for group in rule.groups])
        case Requires():
            return {"if": _present(rule.field, names), "then": {"allOf": [_present(n, names) for n in rule.needs]}}
        case RequiresOneOf():
            return _any([_present(name, names) for name in rule.fields])
        case RequiredWhen():
            return {"if": _holds(rule.when, names), "then": _present(rule.field, names)}
        case ForbiddenWhen():
            return {"if": _holds(rule.when, names), "then": {"not": _present(rule.field, names)}}
        case MaximumWhen():
            return {"if": _holds(rule.when, names), "then": _absent_or(rule.field, {"maximum": rule.maximum}, names)}
        case AllowedWhen():
            allowed: JsonObject = {"enum": _spelled(rule.values)}
            return {"if": _holds(rule.when, names), "then": _absent_or(rule.field, allowed, names)}
        case _:
            assert_never(rule)


def _holds(condition: Condition, names: _Names) -> JsonObject:
    if condition.equals is None:
        return _present(condition.field, names)
    equal: JsonObject = {"enum": _spelled([condition.equals])}
    by_default = (
        [{"not": _present(condition.field, names)}] if names.default(condition.field) == condition.equals else []
    )
    return _any([*by_default, *_counting(condition.field, equal, names)])


def _present(name: str, names: _Names) -> JsonObject:
    return _any([_given(spelling) for spelling in names.spellings(name)])


def _given(name: str, also: JsonObject | None = None) -> JsonObject:
    """Accept an object in which the key is there and not null, and fits one more schema where there is one."""
    return {"required": [name], "properties": {name: {"not": {"type": "null"}, **(also or {})}}}


def _counting(name: str, also: JsonObject, names: _Names) -> list[JsonObject]:
    """Return one schema a spelling: the field is given under it, under no better one, and fits."""
    return [
        {**_given(spelling, also), "not": _any(better)} if better else _given(spelling, also)
        for spelling in names.spellings(name)
        for better in [[_given(other) for other in names.better_than(spelling, of=name)]]
    ]


def _absent_or(name: str, also: JsonObject, names: _Names) -> JsonObject:
    default = names.default(name)
    absent = [{"not": _present(name, names)}] if default is None or _fits(default, also) else []
    return _any([*absent, *_counting(name, also, names)])


def _fits(default: JsonValue, schema: JsonObject) -> bool:
    match schema:
        case {"maximum": int() | float() as maximum}:
            return not isinstance(default, int | float) or default <= maximum
        case {"enum": list(allowed)}:
            return default in allowed
        case _:
            return True


def _any(schemas: list[JsonObject]) -> JsonObject:
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def _at_most_one(schemas: list[JsonObject]) -> JsonObject:
    pairs = [[one, other] for index, one in enumerate(schemas) for other in schemas[index + 1 :]]
    return {"not": {"anyOf": [{"allOf": pair} for pair in pairs]}}


def _spelled(values: Sequence[str | int | float | bool]) -> list[JsonValue]:
    """Add to strings that read like whole numbers those numbers: 5 stands for "5"."""
    numbers = [int(value) for value in values if isinstance(value, str) and re.fullmatch("0|-?[1-9][0-9]*", value)]
    return [*values, *numbers]


def _plain(items: Sequence[tuple[str, object]]) -> dict[str, JsonValue]:
    """Leave out what a card leaves out."""
    return {key: cast("JsonValue", item) for key, item in items if item is not None}

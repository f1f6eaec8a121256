"""A card's input as JSON Schema, draft 2020-12: the schema accepts exactly what `validate` accepts.

What the standard has no word for travels in keywords that begin with `x-`, so that nothing of a card is lost.
Source: https://json-schema.org/draft/2020-12/schema
"""

from collections.abc import Mapping, Sequence
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
    required = [{"anyOf": [_given(name) for name in names.spellings(f.name)]} for f in fields if f.required]
    schema: dict[str, JsonValue] = {
        "type": "object",
        "properties": {field.name: _property(field, names) for field in fields},
        "required": [f.name for f in fields if f.required and len(names.spellings(f.name)) == 1],
        "allOf": [*required, *(_rule(rule, names) for rule in rules)],
    }
    if rules:
        schema["x-rules"] = [_plain(asdict(rule)) for rule in rules]
    return schema


class _Names:
    """Which names a field answers to, and its default."""

    def __init__(self, fields: Sequence[Field]) -> None:
        self._fields = {field.name: field for field in fields}
        self._aliases = [field for field in fields if isinstance(field, Alias)]

    def spellings(self, name: str) -> list[str]:
        return [name, *(alias.name for alias in self._aliases if alias.of == name)]

    def field(self, name: str) -> Field:
        return self._fields[name]

    def default(self, name: str) -> JsonValue:
        return getattr(self._fields[name], "default", None)


def _property(field: Field, names: _Names) -> JsonObject:
    if isinstance(field, Alias):
        return {**_property(names.field(field.of), names), "deprecated": True, "x-alias-of": field.of}
    default: JsonValue = getattr(field, "default", None)
    value = _value(field)
    # null means absent, also for a required field: that it is there at all is said beside the properties.
    return {
        "title": field.label,
        "description": field.help,
        "anyOf": [value, {"type": "null"}],
        "x-field": _plain(asdict(field)),
        **({} if default is None else {"default": default}),
    }


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
            return {"type": "string", "pattern": f"^{TASK_ID_PATTERN}$"}
        case FileUrls() | Ids() | Objects() | IntegerLists():
            return {"type": "array", "minItems": field.items_min, "maxItems": field.items_max, "items": _item(field)}
        case Alias():
            raise AssertionError("an alias has the schema of its field")
        case _:
            assert_never(field)


_URL: Final[JsonObject] = {"type": "string", "maxLength": URL_CHARS_MAX, "pattern": f"^{URL_PATTERN}$"}


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
            return {"if": _holds(rule.when, names), "then": _each(rule.field, {"maximum": rule.maximum}, names)}
        case AllowedWhen():
            allowed: JsonObject = {"enum": [*_spelled(rule.values), None]}
            return {"if": _holds(rule.when, names), "then": _each(rule.field, allowed, names)}
        case _:
            assert_never(rule)


def _holds(condition: Condition, names: _Names) -> JsonObject:
    if condition.equals is None:
        return _present(condition.field, names)
    equal: JsonObject = {"enum": _spelled([condition.equals])}
    chosen = [_given(name, equal) for name in names.spellings(condition.field)]
    if names.default(condition.field) == condition.equals:
        chosen.append({"not": _present(condition.field, names)})
    return _any(chosen)


def _present(name: str, names: _Names) -> JsonObject:
    return _any([_given(spelling) for spelling in names.spellings(name)])


def _given(name: str, also: JsonObject | None = None) -> JsonObject:
    """Accept an object in which the key is there and not null, and fits one more schema where there is one."""
    return {"required": [name], "properties": {name: {"not": {"type": "null"}, **(also or {})}}}


def _each(name: str, schema: JsonObject, names: _Names) -> JsonObject:
    return {"properties": dict.fromkeys(names.spellings(name), schema)}


def _any(schemas: list[JsonObject]) -> JsonObject:
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def _at_most_one(schemas: list[JsonObject]) -> JsonObject:
    pairs = [[one, other] for index, one in enumerate(schemas) for other in schemas[index + 1 :]]
    return {"not": {"anyOf": [{"allOf": pair} for pair in pairs]}}


def _spelled(values: Sequence[str | int | bool]) -> list[JsonValue]:
    """Add to strings that read like whole numbers those numbers: 5 stands for "5"."""
    numbers = [int(value) for value in values if isinstance(value, str) and str(_as_integer(value)) == value]
    return [*values, *numbers]


def _as_integer(text: str) -> int | None:
    return int(text) if text.lstrip("-").isascii() and text.lstrip("-").isdigit() else None


def _plain(value: Mapping[str, object]) -> JsonObject:
    """Leave out what a card leaves out."""
    return {key: cast("JsonValue", item) for key, item in value.items() if item is not None}

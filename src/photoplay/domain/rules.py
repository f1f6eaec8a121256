"""Rules between the fields of a card: which may, must or must not stand together, and what one value allows another.

A field is *present* when its value is there and not null, before defaults are filled in; a condition on a value looks
at the checked input, defaults and all. Source: contract §9.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias, assert_never

from photoplay.domain.checks import Problem
from photoplay.domain.json import JsonObject

__all__ = [
    "AllowedWhen",
    "Condition",
    "Exclusive",
    "ExclusiveGroups",
    "ForbiddenWhen",
    "MaximumWhen",
    "RequiredWhen",
    "Requires",
    "RequiresOneOf",
    "Rule",
    "broken",
    "fields_of",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Holds when the field is present or, where `equals` is given, when its value is that."""

    field: str
    equals: str | int | float | bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusive:
    """At most one of the fields is present."""

    rule: Literal["exclusive"] = "exclusive"
    fields: tuple[str, ...]
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExclusiveGroups:
    """Fields of at most one of the groups are present."""

    rule: Literal["exclusive_groups"] = "exclusive_groups"
    groups: tuple[tuple[str, ...], ...]
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Requires:
    """Where the field is present, all of `needs` are."""

    rule: Literal["requires"] = "requires"
    field: str
    needs: tuple[str, ...]
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequiresOneOf:
    """At least one of the fields is present."""

    rule: Literal["requires_one_of"] = "requires_one_of"
    fields: tuple[str, ...]
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequiredWhen:
    rule: Literal["required_when"] = "required_when"
    field: str
    when: Condition
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ForbiddenWhen:
    rule: Literal["forbidden_when"] = "forbidden_when"
    field: str
    when: Condition
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MaximumWhen:
    """The field's number is no larger than this under the condition."""

    rule: Literal["maximum_when"] = "maximum_when"
    field: str
    maximum: float
    when: Condition
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedWhen:
    """The field's value is one of these under the condition."""

    rule: Literal["allowed_when"] = "allowed_when"
    field: str
    values: tuple[str | int | float, ...]
    when: Condition
    message: str


Rule: TypeAlias = (
    Exclusive | ExclusiveGroups | Requires | RequiresOneOf | RequiredWhen | ForbiddenWhen | MaximumWhen | AllowedWhen
)


def broken(rule: Rule, values: JsonObject, *, present: frozenset[str], path: str) -> Problem | None:
    """Return the problem if the rule is broken by a checked input, named after the field to change."""
    culprit = _culprit(rule, values, present)
    return None if culprit is None else Problem(field=f"{path}.{culprit}", message=f"{path}.{culprit}: {rule.message}")


def fields_of(rule: Rule) -> tuple[str, ...]:
    """Return the names of all fields that a rule speaks of."""
    match rule:
        case Exclusive() | RequiresOneOf():
            return rule.fields
        case ExclusiveGroups():
            return tuple(name for group in rule.groups for name in group)
        case Requires():
            return (rule.field, *rule.needs)
        case RequiredWhen() | ForbiddenWhen() | MaximumWhen() | AllowedWhen():
            return (rule.field, rule.when.field)
        case _:
            assert_never(rule)


def _culprit(rule: Rule, values: JsonObject, present: frozenset[str]) -> str | None:
    match rule:
        case Exclusive():
            return _second([name for name in rule.fields if name in present])
        case ExclusiveGroups():
            return _second([found[0] for group in rule.groups if (found := [n for n in group if n in present])])
        case Requires():
            missing = [name for name in rule.needs if name not in present]
            return missing[0] if rule.field in present and missing else None
        case RequiresOneOf():
            return None if present.intersection(rule.fields) else rule.fields[0]
        case RequiredWhen():
            return rule.field if _holds(rule.when, values, present) and rule.field not in present else None
        case ForbiddenWhen():
            return rule.field if _holds(rule.when, values, present) and rule.field in present else None
        case MaximumWhen():
            value = values.get(rule.field)
            is_over = isinstance(value, int | float) and value > rule.maximum
            return rule.field if is_over and _holds(rule.when, values, present) else None
        case AllowedWhen():
            value = values.get(rule.field)
            is_other = value is not None and value not in rule.values
            return rule.field if is_other and _holds(rule.when, values, present) else None
        case _:
            assert_never(rule)


def _second(names: list[str]) -> str | None:
    return names[1] if len(names) > 1 else None


def _holds(condition: Condition, values: JsonObject, present: frozenset[str]) -> bool:
    if condition.equals is None:
        return condition.field in present
    # A flag's `true` is not the number 1, though Python says so.
    value = values.get(condition.field)
    return value == condition.equals and isinstance(value, bool) == isinstance(condition.equals, bool)

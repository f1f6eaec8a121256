"""Inputs made from a card: valid ones, ones that are wrong in one place, and ones that break one rule.

What is valid is worked out again from the card, never asked of the code under test.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, assert_never

from hypothesis import assume
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from photoplay.domain.cards import Card
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
from photoplay.domain.json import JsonObject
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
from photoplay.domain.schema import input_schema

__all__ = [
    "Spoilt",
    "any_inputs",
    "json_values",
    "judge",
    "rule_breakers",
    "spoilt_inputs",
    "travelled",
    "valid_inputs",
]

Values: TypeAlias = dict[str, Any]
Draw: TypeAlias = Callable[[st.SearchStrategy[Any]], Any]
# As many rounds of repair as rules may pull at each other.
ROUNDS_MAX = 20
HEX = "0123456789abcdef"

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
)
json_values: st.SearchStrategy[Any] = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=2)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoilt:
    """An input with one wrong value, and the path that must be complained of."""

    values: Values
    path: str


def travelled(fields: Sequence[Field], rules: Sequence[Rule] = ()) -> JsonObject:
    """The schema as a client gets it."""
    return json.loads(json.dumps(input_schema(fields, rules)))


def judge(fields: Sequence[Field], rules: Sequence[Rule] = ()) -> Callable[[object], bool]:
    """The schema, read by somebody else."""
    judge: Any = Draft202012Validator(travelled(fields, rules))
    return judge.is_valid


# Valid values, kind by kind.


def urls() -> st.SearchStrategy[str]:
    host = st.text("abc.-[]:09é", min_size=1, max_size=12)
    rest = st.sampled_from(["", "/", "/a/b.png", "?q=1", "#x", "/絵?a=b#c"])
    return st.tuples(st.sampled_from(["http://", "https://", "HTTP://", "hTTps://"]), host, rest).map("".join)


def whole(numbers: st.SearchStrategy[int]) -> st.SearchStrategy[float]:
    """A whole number, as either of the two that JSON can write."""
    return numbers | numbers.filter(lambda number: abs(number) < 2**53).map(float)


def valid(field: Field) -> st.SearchStrategy[Any]:
    match field:
        case Text():
            return st.text(min_size=field.chars_min, max_size=min(field.chars_max, field.chars_min + 20))
        case Choice():
            values = [option.value for option in field.options]
            numbers = [int(value) for value in values if value.removeprefix("-").isdigit() and value == str(int(value))]
            return st.sampled_from([*values, *numbers, *map(float, numbers)])
        case NumberChoice():
            numbers = [option.value for option in field.options]
            return st.sampled_from([*numbers, *map(float, numbers)])
        case Integer():
            return whole(st.sampled_from(range(field.minimum, field.maximum + 1, field.step)))
        case Number():
            return st.floats(field.minimum, field.maximum) | st.sampled_from([field.minimum, field.maximum])
        case Seed():
            return whole(st.integers(-1, field.maximum))
        case Boolean():
            return st.booleans()
        case FileUrl():
            return urls()
        case TaskRef():
            return st.text(HEX, min_size=32, max_size=32)
        case FileUrls() | Ids() | Objects() | IntegerLists():
            return st.lists(
                valid_item(field), min_size=field.items_min, max_size=min(field.items_max, field.items_min + 3)
            )
        case Alias():
            raise AssertionError("an alias has no values of its own")
        case _:
            assert_never(field)


def valid_item(field: FileUrls | Ids | Objects | IntegerLists) -> st.SearchStrategy[Any]:
    match field:
        case FileUrls():
            return urls()
        case Ids():
            return st.text(min_size=1, max_size=10)
        case Objects():
            return valid_objects(field.fields)
        case IntegerLists():
            number = whole(st.integers(field.minimum, field.maximum))
            return st.lists(number, min_size=field.length, max_size=field.length)
        case _:
            assert_never(field)


# Wrong values, each with the path below the field that is to be named.

Wrongs: TypeAlias = st.SearchStrategy[tuple[Any, str]]


def not_a(*types: type) -> st.SearchStrategy[Any]:
    """A value of any other JSON type; null is absent, no wrong value."""
    return json_values.filter(lambda value: value is not None and type(value) not in types)


def wrong(field: Field) -> Wrongs:
    match field:
        case FileUrls() | Ids() | Objects() | IntegerLists():
            return st.one_of(*wrong_lists(field))
        case _:
            return st.one_of(*wrong_scalars(field)).map(lambda value: (value, ""))


def wrong_scalars(field: Field) -> list[st.SearchStrategy[Any]]:
    fraction = st.floats(-100, 100).filter(lambda number: not number.is_integer())
    match field:
        case Text():
            long = st.integers(1, 3).map(lambda more: "x" * (field.chars_max + more))
            short = [st.text(max_size=field.chars_min - 1)] if field.chars_min else []
            return [not_a(str), long, *short]
        case Choice():
            values = {option.value for option in field.options}
            return [not_a(str, int, float), fraction, st.text(max_size=9).filter(lambda text: text not in values)]
        case NumberChoice():
            numbers = {option.value for option in field.options}
            return [not_a(int, float), *(kind.filter(lambda n: n not in numbers) for kind in (fraction, st.integers()))]
        case Integer():
            between = [
                number for number in range(field.minimum, field.maximum) if (number - field.minimum) % field.step
            ]
            off = [st.sampled_from(between)] if between else []
            return [not_a(int, float), fraction, whole(outside(field.minimum, field.maximum)), *off]
        case Seed():
            return [not_a(int, float), fraction, whole(outside(-1, field.maximum))]
        case Number():
            low, high = float(field.minimum), float(field.maximum)
            return [
                not_a(int, float),
                st.floats(max_value=low, exclude_max=True, allow_infinity=False),
                st.just(high + 1),
            ]
        case Boolean():
            return [not_a(bool)]
        case FileUrl():
            return [not_a(str), st.sampled_from(NO_URLS), st.text(max_size=20)]
        case TaskRef():
            return [not_a(str), st.sampled_from(["", HEX * 2 + "\n", HEX * 3, "A" * 32]), st.text(max_size=31)]
        case _:
            raise AssertionError("a list is wrong in its items")


NO_URLS = [
    "ftp://a.b/c",
    "http://",
    "https:///a",
    "http://a b",
    "http://a\n",
    "x http://a",
    "http://" + "a" * 2042,
]


def outside(low: int, high: int) -> st.SearchStrategy[int]:
    return st.integers(max_value=low - 1) | st.integers(min_value=high + 1) | st.sampled_from([low - 1, high + 1])


def wrong_lists(field: FileUrls | Ids | Objects | IntegerLists) -> list[Wrongs]:
    item = valid_item(field)
    count = field.items_max + 1
    kinds: list[Wrongs] = [not_a(list).map(lambda value: (value, ""))]
    kinds.append(item.map(lambda one: ([one] * count, "")))
    if field.items_min:
        kinds.append(st.just(([], "")))
    before = st.lists(item, max_size=field.items_max - 1)
    least = max(field.items_min, 1)
    return [*kinds, st.tuples(before, wrong_item(field)).map(lambda both: placed(*both, least))]


def placed(fine: list[Any], bad: tuple[Any, str], least: int) -> tuple[Any, str]:
    """Put the wrong item behind the fine ones, and make the list as long as it must be."""
    if len(fine) + 1 < least:
        fine = (fine or [bad[0]]) * least
        fine = fine[: least - 1]
    return [*fine, bad[0]], f"[{len(fine)}]{bad[1]}"


def wrong_item(field: FileUrls | Ids | Objects | IntegerLists) -> Wrongs:
    match field:
        case FileUrls():
            bad = st.sampled_from(NO_URLS) | json_values.filter(lambda value: not isinstance(value, str))
        case Ids():
            bad = st.sampled_from(["", "x" * 256]) | json_values.filter(lambda value: not isinstance(value, str))
        case IntegerLists():
            number = st.integers(field.minimum, field.maximum)
            length = field.length
            short = st.lists(number, max_size=length - 1)
            long = st.lists(number, min_size=length + 1, max_size=length + 1)
            over = st.lists(number, min_size=length - 1, max_size=length - 1).map(
                lambda fine: [*fine, field.maximum + 1]
            )
            bad = short | long | over | json_values.filter(lambda value: not isinstance(value, list))
        case Objects():
            not_objects = json_values.filter(lambda value: not isinstance(value, dict)).map(lambda value: (value, ""))
            return not_objects | spoilt_objects(field.fields).map(lambda bad: (bad.values, bad.path))
        case _:
            assert_never(field)
    return bad.map(lambda value: (value, ""))


# Objects: fields by their own names, then under the names that a caller chose.


def own(fields: Sequence[Field]) -> list[Field]:
    return [field for field in fields if not isinstance(field, Alias)]


def spellings(name: str, fields: Sequence[Field]) -> list[str]:
    return [name, *(field.name for field in fields if isinstance(field, Alias) and field.of == name)]


@st.composite
def chosen_values(draw: Draw, fields: Sequence[Field]) -> Values:
    """Return valid values by the fields' own names; what is absent is not in it."""
    there = [field for field in own(fields) if field.required or draw(st.booleans())]
    return {field.name: draw(valid(field)) for field in there}


def spell(draw: Draw, values: Values, fields: Sequence[Field]) -> tuple[Values, dict[str, str]]:
    """Write values as a caller might: under an alias, beside nulls and strangers. Also: which name each got."""
    written: Values = {}
    names: dict[str, str] = {}
    for field in own(fields):
        known = spellings(field.name, fields)
        if field.name not in values:
            written |= dict.fromkeys(draw(st.lists(st.sampled_from(known), unique=True)), None)
            continue
        names[field.name] = draw(st.sampled_from(known))
        written[names[field.name]] = values[field.name]
        at = known.index(names[field.name])
        written |= dict.fromkeys(draw(st.lists(st.sampled_from([*known[:at], "stranger"]), unique=True)), None)
        # What stands under a lesser name does not count, whatever it is.
        written |= {name: draw(json_values) for name in known[at + 1 :] if draw(st.booleans())}
    return written, names


@st.composite
def valid_objects(draw: Draw, fields: Sequence[Field]) -> Values:
    return spell(draw, draw(chosen_values(fields)), fields)[0]


@st.composite
def spoilt_objects(draw: Draw, fields: Sequence[Field]) -> Spoilt:
    return spoil(draw, draw(chosen_values(fields)), fields)


def spoil(draw: Draw, values: Values, fields: Sequence[Field]) -> Spoilt:
    """Give one field a wrong value, or take away one that must be there."""
    field = draw(st.sampled_from(own(fields)))
    if field.required and draw(st.integers(0, 3)) == 0:
        left = {name: value for name, value in values.items() if name != field.name}
        return Spoilt(values=spell(draw, left, fields)[0], path=f".{field.name}")
    bad, below = draw(wrong(field))
    written, names = spell(draw, {**values, field.name: bad}, fields)
    return Spoilt(values=written, path=f".{names[field.name]}{below}")


# Rules: repaired until all are kept, or broken one at a time.


def default(card: Card, name: str) -> Any:
    return next(getattr(field, "default", None) for field in card.fields if field.name == name)


def counts(card: Card, values: Values, name: str) -> Any:
    """The value that a rule looks at."""
    return plain(values.get(name, default(card, name)), card, name)


def plain(value: Any, card: Card, name: str) -> Any:
    """A choice is its string, whichever way it was written."""
    is_choice = any(isinstance(field, Choice) and field.name == name for field in card.fields)
    return str(int(value)) if is_choice and isinstance(value, int | float) else value


def holds(card: Card, values: Values, when: Condition) -> bool:
    if when.equals is None:
        return when.field in values
    value = counts(card, values, when.field)
    return value == when.equals and (value in (True, False)) == (when.equals in (True, False))


def fitting(card: Card, name: str, accept: Callable[[Any], bool]) -> st.SearchStrategy[Any]:
    field = next(field for field in card.fields if field.name == name)
    return valid(field).filter(lambda value: accept(plain(value, card, name)))


def keep(draw: Draw, card: Card, values: Values, rule: Rule) -> Values:
    """Return the values changed as little as needed for one rule."""
    match rule:
        case Exclusive():
            return without(values, [name for name in rule.fields if name in values][1:])
        case ExclusiveGroups():
            used = [group for group in rule.groups if any(name in values for name in group)]
            return without(values, [name for group in used[1:] for name in group])
        case Requires():
            fine = rule.field not in values or all(name in values for name in rule.needs)
            return values if fine else without(values, [rule.field])
        case RequiresOneOf():
            return (
                values if any(name in values for name in rule.fields) else present(draw, card, values, rule.fields[0])
            )
        case RequiredWhen():
            return present(draw, card, values, rule.field) if holds(card, values, rule.when) else values
        case ForbiddenWhen():
            return without(values, [rule.field]) if holds(card, values, rule.when) else values
        case MaximumWhen() | AllowedWhen():
            value, accept = counts(card, values, rule.field), accepts(rule)
            if value is None or accept(value) or not holds(card, values, rule.when):
                return values
            return {**values, rule.field: draw(fitting(card, rule.field, accept))}
        case _:
            assert_never(rule)


def accepts(rule: MaximumWhen | AllowedWhen) -> Callable[[Any], bool]:
    if isinstance(rule, MaximumWhen):
        return lambda value: value <= rule.maximum
    return lambda value: value in rule.values


def without(values: Values, names: Sequence[str]) -> Values:
    return {name: value for name, value in values.items() if name not in names}


def present(draw: Draw, card: Card, values: Values, name: str) -> Values:
    return values if name in values else {**values, name: draw(fitting(card, name, lambda _: True))}


@st.composite
def kept_values(draw: Draw, card: Card) -> Values:
    values = draw(chosen_values(card.fields))
    for _ in range(ROUNDS_MAX):
        before = values
        for rule in card.rules:
            values = keep(draw, card, values, rule)
        if values == before:
            return values
    assume(condition=False)
    return values


def broken_by(draw: Draw, card: Card, values: Values, rule: Rule) -> Values:
    """Return the values changed so that one rule is broken, and perhaps others too."""
    match rule:
        case Exclusive():
            names = list(rule.fields[:2])
        case ExclusiveGroups():
            names = [draw(st.sampled_from(group)) for group in rule.groups[:2]]
        case Requires():
            return without(present(draw, card, values, rule.field), [draw(st.sampled_from(rule.needs))])
        case RequiresOneOf():
            return without(values, rule.fields)
        case RequiredWhen():
            return without(under(draw, card, values, rule.when), [rule.field])
        case ForbiddenWhen():
            return present(draw, card, under(draw, card, values, rule.when), rule.field)
        case MaximumWhen() | AllowedWhen():
            accept = accepts(rule)
            bad = draw(fitting(card, rule.field, lambda value: not accept(value)))
            return {**under(draw, card, values, rule.when), rule.field: bad}
        case _:
            assert_never(rule)
    for name in names:
        values = present(draw, card, values, name)
    return values


def under(draw: Draw, card: Card, values: Values, when: Condition) -> Values:
    """Make a condition hold."""
    if when.equals is None:
        return present(draw, card, values, when.field)
    if default(card, when.field) == when.equals and draw(st.booleans()):
        return without(values, [when.field])
    return {**values, when.field: when.equals}


# What the tests ask for.


@st.composite
def valid_inputs(draw: Draw, card: Card) -> Mapping[str, Any]:
    return spell(draw, draw(kept_values(card)), card.fields)[0]


@st.composite
def spoilt_inputs(draw: Draw, card: Card) -> Spoilt:
    spoilt = spoil(draw, draw(kept_values(card)), card.fields)
    return Spoilt(values=spoilt.values, path=f"input{spoilt.path}")


@st.composite
def rule_breakers(draw: Draw, card: Card) -> tuple[Mapping[str, Any], Rule]:
    """Return an input and the rule that it breaks."""
    rule = draw(st.sampled_from(card.rules))
    values = broken_by(draw, card, draw(kept_values(card)), rule)
    return spell(draw, values, card.fields)[0], rule


@st.composite
def any_inputs(draw: Draw, card: Card) -> Mapping[str, Any]:
    """Any keys of the card with values that may fit, may nearly fit, or are anything."""
    values: Values = draw(kept_values(card)) if draw(st.booleans()) else {}
    for field in draw(st.lists(st.sampled_from(card.fields), max_size=5)):
        real = next(each for each in card.fields if each.name == (field.of if isinstance(field, Alias) else field.name))
        values = {**values, field.name: draw(valid(real) | wrong(real).map(lambda bad: bad[0]) | json_values)}
    return values

"""What can be wrong with a card as a whole. Its operator reads it; a server that has such a card does not start."""

import itertools
import json
import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from photoplay.domain.cards import ENGINE_NAMES, Card, price, validate
from photoplay.domain.checks import Wrong, check
from photoplay.domain.errors import ConfigError
from photoplay.domain.fields import (
    Alias,
    Boolean,
    Choice,
    Field,
    FileUrl,
    FileUrls,
    Integer,
    Number,
    NumberChoice,
    Objects,
    Seed,
)
from photoplay.domain.json import JsonObject, JsonValue
from photoplay.domain.orders import order_complaints
from photoplay.domain.rules import (
    AllowedWhen,
    Exclusive,
    ExclusiveGroups,
    ForbiddenWhen,
    MaximumWhen,
    RequiredWhen,
    RequiresOneOf,
    fields_of,
)

__all__ = ["complaints"]

# A card whose prices depend on more combinations than this is not one that anybody can check.
PRICED_INPUTS_MAX: Final = 10_000
# As much as an operator can grant at once: nobody could pay more, and the ledger adds many of them without overflow.
PRICE_CREDITS_MAX: Final = 10**15
# A hundred years: any date from now on is one that can be written.
RETENTION_DAYS_MAX: Final = 36_500
_MIME_TYPE: Final = r"(?!image/jpg$)[a-z]+/[a-z0-9][a-z0-9.+-]*"
_NO_CONTROLS: Final[Mapping[str, Collection[str]]] = MappingProxyType({})


def complaints(card: Card, *, example: JsonValue, controls: Mapping[str, Collection[str]] = _NO_CONTROLS) -> list[str]:
    """Return everything that is wrong with a card as a whole; its parts were checked when it was read.

    The controls are those of each engine that is known to refuse all others; an engine's own module knows them.
    """
    # What follows stands on these.
    if parts := [*_field_complaints(card.fields, path="fields"), *_name_complaints(card)]:
        return parts
    return [
        *_retention_complaints(card),
        *_value_complaints(card),
        *order_complaints(card, controls),
        *_price_complaints(card),
        *_example_complaints(card, example),
    ]


def _field_complaints(fields: Sequence[Field], *, path: str) -> Iterator[str]:
    """Yield what is wrong with fields by themselves, and with the fields of objects below them."""
    names = [field.name for field in fields]
    own = {field.name for field in fields if not isinstance(field, Alias)}
    yield from (f"{path}: the name {name} stands twice" for name in sorted({n for n in names if names.count(n) > 1}))
    for field in fields:
        at = f"{path}.{field.name}"
        if isinstance(field, Alias) and field.of not in own:
            yield f"{at}: it is an alias of {field.of}, which is not a field"
        if isinstance(field, Objects):
            yield from _field_complaints(field.fields, path=at)
        wrong_bounds = list(_bound_complaints(field, path=at))
        yield from wrong_bounds or _default_complaints(field, path=f"{at}.default")


def _bound_complaints(field: Field, *, path: str) -> Iterator[str]:
    for low, high in (("chars_min", "chars_max"), ("minimum", "maximum"), ("items_min", "items_max")):
        least, most = getattr(field, low, 0), getattr(field, high, math.inf)
        if least > most:
            yield f"{path}: {low} {least} is above {high} {most}"
    match field:
        case Choice(options=options) | NumberChoice(options=options):
            values = [option.value for option in options]
            if not values or len(set(values)) < len(values):
                yield f"{path}: options must be there, and each once"
            yield from _spelling_complaints([*values, field.default], path=path)
        case FileUrl() | FileUrls():
            yield from _file_complaints(field, path=path)
        case Integer(step=step) | Number(step=step) if step <= 0:
            yield f"{path}: the step {step} is not above 0"
        case Integer() if field.minimum % field.step:
            yield f"{path}: the minimum {field.minimum} is not a multiple of the step {field.step}"
        case _:
            pass


def _spelling_complaints(values: Sequence[JsonValue], *, path: str) -> Iterator[str]:
    # JSON has one kind of number, Python two: a price or a number of seconds is worked out with whole ones.
    yield from (
        f"{path}: write {value} as {value:.0f}" for value in values if isinstance(value, float) and value.is_integer()
    )


def _file_complaints(field: FileUrl | FileUrls, *, path: str) -> Iterator[str]:
    if field.bytes_max < 1:
        yield f"{path}: bytes_max {field.bytes_max} is below 1"
    if not field.accept:
        yield f"{path}: accept must hold a MIME type at least"
    for name in field.accept:
        if re.fullmatch(_MIME_TYPE, name) is None:
            yield f"{path}: accept holds {json.dumps(name)}, which is not a MIME type such as image/jpeg"


def _default_complaints(field: Field, *, path: str) -> Iterator[str]:
    default: JsonValue = getattr(field, "default", None)
    checked = None if default is None else check(field, default, path=path)
    if isinstance(checked, Wrong):
        yield from (problem.message for problem in checked.problems)


def _name_complaints(card: Card) -> Iterator[str]:
    # An alias is no name here: rules and engines see the field that it stands for.
    names = {field.name for field in card.fields if not isinstance(field, Alias)}
    for rule in card.rules:
        if isinstance(rule, Exclusive | RequiresOneOf) and len(rule.fields) < 2:
            yield f"rules: {rule.rule} needs two fields at least"
        if isinstance(rule, ExclusiveGroups) and (len(rule.groups) < 2 or not all(rule.groups)):
            yield f"rules: {rule.rule} needs two groups at least, and none empty"
        yield from (
            f"rules: {rule.rule} names {name}, which is not a field" for name in fields_of(rule) if name not in names
        )
    for name in sorted(_deciding(card) - names):
        yield f"prices: they name {name}, which is not a field"
    if not card.engines:
        yield f"engines: there must be one at least, of {', '.join(ENGINE_NAMES)}"
    for mapping in card.engines:
        if mapping.name not in ENGINE_NAMES:
            yield f"engines.{mapping.name}: this is not one of {', '.join(ENGINE_NAMES)}"
        unknown = [name for name in mapping.order.values() if name not in names]
        yield from (f"engines.{mapping.name}: the order names {name}, which is not a field" for name in unknown)
        if mapping.deadline_s < 1 or mapping.deadline_a_clip_second_s < 0:
            yield f"engines.{mapping.name}: deadline_s must be 1 or more, deadline_a_clip_second_s 0 or more"


def _retention_complaints(card: Card) -> Iterator[str]:
    if not 1 <= card.retention_days <= RETENTION_DAYS_MAX:
        yield f"retention_days: {card.retention_days} is not between 1 and {RETENTION_DAYS_MAX}"


def _value_complaints(card: Card) -> Iterator[str]:
    """Yield the values in rules and prices that their field can never have."""
    fields = {field.name: field for field in card.fields if not isinstance(field, Alias)}
    for place, name, value in _values_named(card):
        if name in fields and not _can_be(fields[name], value):
            yield f"{place}: {name} is never {json.dumps(value)}"
    for rule in card.rules:
        if isinstance(rule, MaximumWhen) and not isinstance(
            fields.get(rule.field), Integer | Number | NumberChoice | Seed | None
        ):
            yield f"rules: {rule.rule} names {rule.field}, which is not a number"


def _values_named(card: Card) -> Iterator[tuple[str, str, JsonValue]]:
    for rule in card.rules:
        if isinstance(rule, AllowedWhen):
            yield from ((f"rules: {rule.rule}", rule.field, value) for value in rule.values)
        if isinstance(rule, RequiredWhen | ForbiddenWhen | MaximumWhen | AllowedWhen) and rule.when.equals is not None:
            yield f"rules: {rule.rule}", rule.when.field, rule.when.equals
    for row in card.prices:
        yield from (("prices", name, value) for name, value in row.when.items())


def _can_be(field: Field, value: JsonValue) -> bool:
    checked = check(field, value, path="")
    # A flag's `true` is not the number 1, though Python says so.
    return checked == value and isinstance(checked, bool) == isinstance(value, bool)


def _price_complaints(card: Card) -> Iterator[str]:
    # What stands under a text or another value that nobody can count is in no input that is tried.
    yield from list(_input_complaints(card)) or _row_complaints(card)


def _row_complaints(card: Card) -> Iterator[str]:
    for number, row in enumerate(card.prices):
        if not 0 <= row.credits <= PRICE_CREDITS_MAX:
            yield f"prices.{number}: credits {row.credits} is not between 0 and {PRICE_CREDITS_MAX}"


def _input_complaints(card: Card) -> Iterator[str]:
    for count, values in enumerate(_priced_inputs(card, _deciding(card))):
        if count == PRICED_INPUTS_MAX:
            yield f"prices: more than {PRICED_INPUTS_MAX} inputs have a price of their own"
            return
        try:
            credits = price(values, card)
            if credits < 0:
                yield f"prices: below 0 for {dict(values)}"
            if credits > PRICE_CREDITS_MAX:
                yield f"prices: {credits} is above {PRICE_CREDITS_MAX} for {dict(values)}"
        except (ConfigError, KeyError, ValueError):
            yield f"prices: no whole number for {dict(values)}"


def _deciding(card: Card) -> set[str]:
    return {name for row in card.prices for name in (*row.when, row.times) if name}


def _priced_inputs(card: Card, deciding: set[str]) -> Iterator[JsonObject]:
    """Yield every combination of the values of the fields that decide a price."""
    known = {field.name: _every_value(field) for field in card.fields if field.name in deciding}
    for name in deciding - known.keys():
        known[name] = [None]
    for combination in itertools.product(*known.values()):
        yield {name: value for name, value in zip(known, combination, strict=True) if value is not None}


def _every_value(field: Field) -> list[JsonValue]:
    default: JsonValue = getattr(field, "default", None)
    absent = [] if field.required or default is not None else [None]
    match field:
        case Choice() | NumberChoice():
            return [*absent, *(option.value for option in field.options)]
        case Boolean():
            return [*absent, True, False]
        case Integer():
            return [*absent, *range(field.minimum, field.maximum + 1, field.step)]
        case _:
            return [None]


def _example_complaints(card: Card, example: JsonValue) -> Iterator[str]:
    values = example.get("input") if isinstance(example, Mapping) else None
    if not isinstance(example, Mapping) or example.get("model") != card.id or not isinstance(values, Mapping):
        yield f"example.json: it must hold model {card.id} and an input"
        return
    checked = validate(values, card)
    if isinstance(checked, tuple):
        yield from (f"example.json: {problem.message}" for problem in checked)

"""A model, declared: what it takes, what it costs, and which engines can serve it.

`validate` and `price` read nothing but a card; there is no `if model ==` anywhere.
"""

import itertools
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from photoplay.domain.checks import Problem, Wrong, check, check_all
from photoplay.domain.errors import ConfigError
from photoplay.domain.fields import Alias, Boolean, Choice, Field, Integer, NumberChoice
from photoplay.domain.json import JsonObject, JsonValue
from photoplay.domain.rules import Rule, broken, fields_of

__all__ = ["Card", "EngineMapping", "Output", "PriceRow", "choose_engine", "complaints", "price", "validate"]

# A card whose prices depend on more combinations than this is not one that anybody can check.
PRICED_INPUTS_MAX: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceRow:
    when: Mapping[str, str | int | bool]
    """Field values that this row is for; the first row that fits counts."""
    credits: int
    times: str = ""
    """A field whose whole number multiplies the credits, such as a number of seconds. Empty: none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineMapping:
    """How the fields of a card become an engine's order."""

    name: str
    order: Mapping[str, str]
    """Order field -> card field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    kind: str
    """MIME type of the first result."""
    fps: int
    sizes: str
    """In words: which sizes come out, and what decides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    id: str
    """`<vendor>/<model>`, the same as its folder."""
    title: str
    provider: str
    task_types: tuple[str, ...]
    description: str
    sources: tuple[str, ...]
    """Where the figures of this card were read."""
    retention_days: int
    """How long results are kept, unless the operator's setting is shorter."""
    output: Output
    fields: tuple[Field, ...]
    """In the order that a form shows them."""
    rules: tuple[Rule, ...] = ()
    prices: tuple[PriceRow, ...]
    engines: tuple[EngineMapping, ...]
    """In order of preference."""


def validate(values: JsonObject, card: Card) -> JsonObject | tuple[Problem, ...]:
    """Return the input as engines read it, or everything that is wrong with it.

    Fields come first, in the card's order; rules are looked at once every field is well.
    Source: contract §2.
    """
    checked = check_all(card.fields, values, path="input")
    if isinstance(checked, Wrong):
        return checked.problems
    aliases = {field.name: field.of for field in card.fields if isinstance(field, Alias)}
    present = frozenset(aliases.get(name, name) for name, value in values.items() if value is not None)
    problems = [broken(rule, checked, present=present, path="input") for rule in card.rules]
    return tuple(problem for problem in problems if problem) or checked


def price(values: JsonObject, card: Card) -> int:
    """Return the price of a validated input, in credits.

    Raises: ConfigError if no row of the card fits; `complaints` finds such a card.
    """
    for row in card.prices:
        if all(values.get(name) == wanted for name, wanted in row.when.items()):
            return row.credits * (int(str(values[row.times])) if row.times else 1)
    raise ConfigError(f"{card.id}: no price for this input")


def choose_engine(card: Card, configured: Collection[str]) -> EngineMapping | None:
    """Return the first of the card's engines that is configured, or None if none is."""
    return next((mapping for mapping in card.engines if mapping.name in configured), None)


def complaints(card: Card, *, example: JsonObject) -> list[str]:
    """Return everything that is wrong with a card as a whole; its parts were checked when it was read."""
    return [
        *_name_complaints(card),
        *_default_complaints(card),
        *_price_complaints(card),
        *_example_complaints(card, example),
    ]


def _name_complaints(card: Card) -> Iterator[str]:
    names = [field.name for field in card.fields]
    yield from (f"fields: the name {name} stands twice" for name in sorted({n for n in names if names.count(n) > 1}))
    for field in card.fields:
        if isinstance(field, Alias) and field.of not in names:
            yield f"fields.{field.name}: it is an alias of {field.of}, which is not a field"
    for rule in card.rules:
        yield from (
            f"rules: {rule.rule} names {name}, which is not a field" for name in fields_of(rule) if name not in names
        )
    for mapping in card.engines:
        unknown = [name for name in mapping.order.values() if name not in names]
        yield from (f"engines.{mapping.name}: the order names {name}, which is not a field" for name in unknown)


def _default_complaints(card: Card) -> Iterator[str]:
    for field in card.fields:
        if isinstance(field, Integer) and field.minimum % field.step:
            yield f"fields.{field.name}: the minimum {field.minimum} is not a multiple of the step {field.step}"
        default: JsonValue = getattr(field, "default", None)
        if default is None:
            continue
        checked = check(field, default, path=f"fields.{field.name}.default")
        if isinstance(checked, Wrong):
            yield from (problem.message for problem in checked.problems)


def _price_complaints(card: Card) -> Iterator[str]:
    deciding = {name for row in card.prices for name in (*row.when, row.times) if name}
    for values in itertools.islice(_priced_inputs(card, deciding), PRICED_INPUTS_MAX):
        try:
            if price(values, card) < 0:
                yield f"prices: below 0 for {dict(values)}"
        except (ConfigError, KeyError, ValueError):
            yield f"prices: no whole number for {dict(values)}"


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


def _example_complaints(card: Card, example: JsonObject) -> Iterator[str]:
    values = example.get("input")
    if example.get("model") != card.id or not isinstance(values, Mapping):
        yield f"example.json: it must hold model {card.id} and an input"
        return
    checked = validate(values, card)
    if isinstance(checked, tuple):
        yield from (f"example.json: {problem.message}" for problem in checked)

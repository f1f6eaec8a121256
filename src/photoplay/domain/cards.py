"""A model, declared: what it takes, what it costs, and which engines can serve it.

A card is parsed once from TOML into these frozen types; `validate` and `price` read nothing else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from photoplay.domain.errors import ConfigError
from photoplay.domain.fields import Boolean, Choice, Field, FileUrl, Option, Problem, Text, check
from photoplay.domain.json import JsonObject, JsonValue

__all__ = ["Card", "EngineMapping", "PriceRow", "parse_card", "price", "validate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceRow:
    when: Mapping[str, str]
    """Field values that this row is for."""
    credits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineMapping:
    """How the fields of a card become an engine's order."""

    name: str
    order: Mapping[str, str]
    """Order field -> card field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    id: str
    title: str
    provider: str
    task_types: tuple[str, ...]
    description: str
    fields: tuple[Field, ...]
    """In the order that a form shows them."""
    prices: tuple[PriceRow, ...]
    engines: tuple[EngineMapping, ...]
    """In order of preference."""
    sources: tuple[str, ...]
    """Where the figures of this card were read."""


def validate(values: JsonObject, card: Card) -> JsonObject | tuple[Problem, ...]:
    """Return the input as engines read it, or everything that is wrong with it, in the card's order.

    Unknown keys are ignored; null means absent; defaults are filled in.
    Source: contract §2.
    """
    clean: dict[str, JsonValue] = {}
    problems: list[Problem] = []
    for field in card.fields:
        path = f"input.{field.name}"
        value = values.get(field.name)
        if value is None:
            if field.required:
                problems.append(Problem(field=path, message=f"{path} is required"))
            elif field.default is not None:
                clean[field.name] = field.default
            continue
        checked = check(field, value, path=path)
        if isinstance(checked, Problem):
            problems.append(checked)
        else:
            clean[field.name] = checked
    return tuple(problems) if problems else clean


def price(values: JsonObject, card: Card) -> int:
    """Return the price of a validated input, in credits.

    Raises: ConfigError if no row of the card fits; `parse_card` refuses such a card.
    """
    for row in card.prices:
        if all(values.get(name) == wanted for name, wanted in row.when.items()):
            return row.credits
    raise ConfigError(f"{card.id}: no price for this input")


def parse_card(document: Mapping[str, object]) -> Card:
    """Build a card from a parsed TOML document.

    Raises: ConfigError naming the card, the key and what is wrong with it.
    """
    name = str(document.get("id", "a card without id"))
    try:
        return Card(
            id=_text(document, "id"),
            title=_text(document, "title"),
            provider=_text(document, "provider"),
            task_types=_texts(document, "task_types"),
            description=_text(document, "description"),
            fields=tuple(_field(table) for table in _tables(document, "fields")),
            prices=tuple(_price_row(table) for table in _tables(document, "prices")),
            engines=tuple(_engine(table) for table in _tables(document, "engines")),
            sources=_texts(document, "sources"),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as exc:
        raise ConfigError(f"card {name}: {exc}") from exc


def _field(table: Mapping[str, object]) -> Field:
    name, label, help = _text(table, "name"), _text(table, "label"), _text(table, "help")
    required = bool(table.get("required", False))
    default = cast("JsonValue", table.get("default"))
    match _text(table, "kind"):
        case "text":
            bounds = (int(str(table.get("chars_min", 0))), _integer(table, "chars_max"))
            return Text(
                name=name,
                label=label,
                help=help,
                required=required,
                default=default,
                chars_min=bounds[0],
                chars_max=bounds[1],
            )
        case "choice":
            options = tuple(Option(value=_text(o, "value"), label=_text(o, "label")) for o in _tables(table, "options"))
            return Choice(name=name, label=label, help=help, required=required, default=default, options=options)
        case "boolean":
            return Boolean(name=name, label=label, help=help, required=required, default=default)
        case "file_url":
            return FileUrl(
                name=name,
                label=label,
                help=help,
                required=required,
                accept=_texts(table, "accept"),
                bytes_max=_integer(table, "bytes_max"),
            )
        case kind:
            raise ValueError(f"field {name}: kind {kind} is not one of text, choice, boolean, file_url")


def _price_row(table: Mapping[str, object]) -> PriceRow:
    when = cast("Mapping[str, object]", table.get("when", {}))
    return PriceRow(when={key: str(value) for key, value in when.items()}, credits=_integer(table, "credits"))


def _engine(table: Mapping[str, object]) -> EngineMapping:
    order = cast("Mapping[str, object]", table["order"])
    return EngineMapping(name=_text(table, "name"), order={key: str(value) for key, value in order.items()})


def _text(table: Mapping[str, object], key: str) -> str:
    value = table[key]
    if not isinstance(value, str):
        raise TypeError(f"{key} must be a string")
    return value


def _texts(table: Mapping[str, object], key: str) -> tuple[str, ...]:
    value = table[key]
    if not isinstance(value, list):
        raise TypeError(f"{key} must be a list of strings")
    return tuple(str(item) for item in cast("Sequence[object]", value))


def _integer(table: Mapping[str, object], key: str) -> int:
    value = table[key]
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{key} must be a whole number")
    return value


def _tables(table: Mapping[str, object], key: str) -> tuple[Mapping[str, object], ...]:
    value = table[key]
    if not isinstance(value, list):
        raise TypeError(f"{key} must be a list of tables")
    return tuple(cast("Sequence[Mapping[str, object]]", value))

"""A card in words: what the command line and the documentation show of it."""

from collections.abc import Collection, Iterator
from typing import assert_never

from photoplay.domain.cards import Card, PriceRow, choose_engine
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

__all__ = ["FIELD_HEAD", "availability", "field_row", "price_range", "price_rows"]

FIELD_HEAD = ("field", "kind", "required", "default", "allowed", "meaning")


def availability(card: Card, configured: Collection[str]) -> str:
    """Return `available`, or which engines the card waits for."""
    engines = " or ".join(mapping.name for mapping in card.engines)
    return "available" if choose_engine(card, configured) else f"needs {engines}"


def price_range(card: Card) -> str:
    credits = [row.credits * factor for row in card.prices for factor in _factors(row, card)]
    return f"{min(credits)}" if min(credits) == max(credits) else f"{min(credits)}-{max(credits)}"


def price_rows(card: Card) -> Iterator[tuple[str, str]]:
    """Yield which inputs each row of prices is for, and what they cost."""
    for row in card.prices:
        when = ", ".join(f"{name}={str(value).lower()}" for name, value in row.when.items())
        yield when or "any other input", f"{row.credits} x {row.times}" if row.times else str(row.credits)


def field_row(field: Field) -> tuple[str, ...]:
    """Return one field under FIELD_HEAD."""
    required = "yes" if field.required else "no"
    return field.name, field.kind, required, _default(field), _allowed(field), field.help


def _factors(row: PriceRow, card: Card) -> list[int]:
    match next((field for field in card.fields if field.name == row.times), None):
        case Integer(minimum=minimum, maximum=maximum):
            return [minimum, maximum]
        case Choice(options=options) | NumberChoice(options=options):
            return [int(option.value) for option in options]
        case _:
            return [1]


def _default(field: Field) -> str:
    default = getattr(field, "default", None)
    return "" if default is None else str(default).lower() if isinstance(default, bool) else str(default)


def _allowed(field: Field) -> str:
    match field:
        case Text():
            return f"{field.chars_min} to {field.chars_max} characters"
        case Choice() | NumberChoice():
            return ", ".join(str(option.value) for option in field.options)
        case Integer() | Number():
            by = f" by {field.step}" if isinstance(field, Integer) and field.step != 1 else ""
            return f"{field.minimum} to {field.maximum}{by}"
        case Seed():
            return f"0 to {field.maximum}; -1: random"
        case Boolean():
            return "true, false"
        case FileUrl():
            return f"http(s) URL of {_file(field)}"
        case TaskRef():
            return "id of an earlier task"
        case Alias():
            return f"an old name of {field.of}"
        case FileUrls() | Ids() | Objects() | IntegerLists():
            return f"{field.items_min} to {field.items_max} {_items(field)}"
        case _:
            assert_never(field)


def _items(field: FileUrls | Ids | Objects | IntegerLists) -> str:
    match field:
        case FileUrls():
            return f"http(s) URLs of {_file(field)}"
        case Ids():
            return "ids"
        case Objects():
            return f"objects of {', '.join(inner.name for inner in field.fields)}"
        case IntegerLists():
            return f"lists of {field.length} whole numbers from {field.minimum} to {field.maximum}"
        case _:
            assert_never(field)


def _file(field: FileUrl | FileUrls) -> str:
    return f"{', '.join(field.accept)}, at most {field.bytes_max} bytes"

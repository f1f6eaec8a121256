"""What a card costs and whether it can be used, in words: for the command line and the documentation."""

from collections.abc import Collection, Iterator

from photoplay.domain.cards import Card, PriceRow, choose_engine, needed_engines
from photoplay.domain.fields import Choice, Integer, NumberChoice

__all__ = ["availability", "price_range", "price_rows"]


def availability(card: Card, configured: Collection[str]) -> str:
    """Return `available`, or which engines the card waits for."""
    return "available" if choose_engine(card, configured) else f"needs {needed_engines(card)}"


def price_range(card: Card) -> str:
    credits = [row.credits * factor for row in card.prices for factor in _factors(row, card)]
    return f"{min(credits)}" if min(credits) == max(credits) else f"{min(credits)}-{max(credits)}"


def price_rows(card: Card) -> Iterator[tuple[str, str]]:
    """Yield which inputs each row of prices is for, and what they cost."""
    for row in card.prices:
        when = ", ".join(f"{name}={str(value).lower()}" for name, value in row.when.items())
        yield when or "any other input", f"{row.credits} x {row.times}" if row.times else str(row.credits)


def _factors(row: PriceRow, card: Card) -> list[int]:
    match next((field for field in card.fields if field.name == row.times), None):
        case Integer(minimum=minimum, maximum=maximum):
            return [minimum, maximum]
        case Choice(options=options) | NumberChoice(options=options):
            return [int(option.value) for option in options]
        case _:
            return [1]

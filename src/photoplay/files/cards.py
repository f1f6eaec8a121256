"""Reads the model cards that are shipped with the package."""

import tomllib
from collections.abc import Iterator, Mapping
from importlib import resources
from importlib.resources.abc import Traversable

from photoplay.domain.cards import Card, parse_card
from photoplay.domain.errors import ConfigError

__all__ = ["load_cards"]


def load_cards() -> Mapping[str, Card]:
    """Return every card by its id.

    Raises: ConfigError if a card is wrong, or its id is not its folder.
    """
    return dict(_cards(resources.files("photoplay") / "cards"))


def _cards(folder: Traversable) -> Iterator[tuple[str, Card]]:
    for vendor in _folders(folder):
        for model in _folders(vendor):
            card = parse_card(tomllib.loads((model / "card.toml").read_text(encoding="utf-8")))
            if card.id != f"{vendor.name}/{model.name}":
                raise ConfigError(f"card {card.id}: its id is not its folder, {vendor.name}/{model.name}")
            yield card.id, card


def _folders(folder: Traversable) -> list[Traversable]:
    return sorted((entry for entry in folder.iterdir() if entry.is_dir()), key=lambda entry: entry.name)

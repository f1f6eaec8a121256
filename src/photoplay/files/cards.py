"""Reads model cards: the shipped ones and those of the operator's own folder, which go first."""

import json
import time
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Final, cast

import structlog
from pydantic import BaseModel, ConfigDict, Discriminator, ValidationError

from photoplay.domain.cards import Card, EngineMapping, Output, PriceRow, complaints
from photoplay.domain.errors import ConfigError
from photoplay.domain.fields import Field
from photoplay.domain.json import JsonObject
from photoplay.domain.rules import Rule

__all__ = ["CardShelf", "ModelFolder", "check_folder", "find_folders", "load_cards", "read_card"]


log = structlog.get_logger()

# Looking costs a listing of the folder; nobody notices a second.
LOOK_AGAIN_S: Final = 1.0


class _CardFile(BaseModel):
    """What card.toml holds. The parts are the domain's own types; only the reading is pydantic's."""

    model_config = ConfigDict(extra="forbid", strict=True)

    id: str
    title: str
    provider: str
    task_types: tuple[str, ...]
    description: str
    sources: tuple[str, ...]
    retention_days: int
    output: Output
    fields: tuple[Annotated[Field, Discriminator("kind")], ...]
    rules: tuple[Annotated[Rule, Discriminator("rule")], ...] = ()
    prices: tuple[PriceRow, ...]
    engines: tuple[EngineMapping, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFolder:
    """`<vendor>/<model>/`, with card.toml and example.json in it."""

    id: str
    folder: Traversable


def find_folders(root: Traversable) -> Iterator[ModelFolder]:
    """Yield every model's folder below a root, in the order of their ids."""
    for vendor in _folders(root):
        for model in _folders(vendor):
            yield ModelFolder(id=f"{vendor.name}/{model.name}", folder=model)


def load_cards(own: Path | None = None) -> Mapping[str, Card]:
    """Return every card by its id; a card of the operator's own replaces a shipped one of the same id.

    Raises: ConfigError if a card is wrong.
    """
    roots: list[Traversable] = [resources.files("photoplay") / "cards"]
    if own is not None and own.is_dir():
        roots.append(own)
    cards: dict[str, Card] = {}
    for root in roots:
        for folder in find_folders(root):
            problems = check_folder(folder)
            if problems:
                raise ConfigError(f"card {folder.id}: {'; '.join(problems)}")
            cards[folder.id] = read_card(folder)
    return cards


def check_folder(model: ModelFolder) -> list[str]:
    """Return everything that is wrong with one model's folder; nothing if it can be served."""
    try:
        card = read_card(model)
        example = cast("JsonObject", json.loads((model.folder / "example.json").read_text(encoding="utf-8")))
    except ConfigError as exc:
        return [str(exc)]
    except (OSError, ValueError) as exc:
        return [f"example.json cannot be read: {exc}"]
    problems = complaints(card, example=example)
    if card.id != model.id:
        problems.append(f"id: {card.id} is not its folder, {model.id}")
    return problems


def read_card(model: ModelFolder) -> Card:
    """Raises: ConfigError that names each wrong, missing, unknown or misplaced key."""
    try:
        document = tomllib.loads((model.folder / "card.toml").read_text(encoding="utf-8"))
        # By way of JSON: there, and only there, a list may become a tuple in strict mode.
        file = _CardFile.model_validate_json(json.dumps(document))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, TypeError) as exc:
        raise ConfigError(f"card.toml cannot be read: {exc}") from exc
    except ValidationError as exc:
        raise ConfigError("; ".join(_complaint(error["loc"], error["msg"]) for error in exc.errors())) from exc
    if list(document) != [name for name in _CardFile.model_fields if name in document]:
        raise ConfigError(f"the keys stand in the order {', '.join(_CardFile.model_fields)}")
    return Card(**{name: getattr(file, name) for name in _CardFile.model_fields})


def _complaint(place: tuple[int | str, ...], message: str) -> str:
    return f"{'.'.join(str(part) for part in place)}: {message}"


def _folders(folder: Traversable) -> list[Traversable]:
    return sorted((entry for entry in folder.iterdir() if entry.is_dir()), key=lambda entry: entry.name)


class CardShelf(Mapping[str, Card]):
    """Every card by its id, read again when a file of the operator's own folder has changed.

    A change that makes a card wrong is logged and leaves the cards as they were.
    """

    def __init__(self, own: Path | None) -> None:
        self._own = own
        self._cards = load_cards(own)
        self._stamp = self._newest()
        self._looked_at = time.monotonic()

    def __getitem__(self, model: str) -> Card:
        return self._current()[model]

    def __iter__(self) -> Iterator[str]:
        return iter(self._current())

    def __len__(self) -> int:
        return len(self._current())

    def _current(self) -> Mapping[str, Card]:
        if self._own is None or time.monotonic() - self._looked_at < LOOK_AGAIN_S:
            return self._cards
        self._looked_at = time.monotonic()
        stamp = self._newest()
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._cards = load_cards(self._own)
                log.info("cards.reloaded", cards=len(self._cards))
            except ConfigError as exc:
                log.warning("cards.not_reloaded", error=str(exc))
        return self._cards

    def _newest(self) -> frozenset[tuple[str, int]]:
        if self._own is None:
            return frozenset()
        return frozenset((str(path), path.stat().st_mtime_ns) for path in self._own.glob("*/*/*"))

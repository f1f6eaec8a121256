"""Reads model cards: the shipped ones and those of the operator's own folder, which go first."""

import json
import time
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final, TypeAlias, TypeVar, cast

import structlog
from pydantic import BaseModel, ConfigDict, Discriminator, TypeAdapter, ValidationError

from photoplay.domain.cards import Card, EngineMapping, Output, PriceRow
from photoplay.domain.complaints import complaints
from photoplay.domain.errors import ConfigError
from photoplay.domain.fields import Field
from photoplay.domain.json import JsonObject, JsonValue
from photoplay.domain.routes import Route, routed
from photoplay.domain.rules import Rule

__all__ = ["CardShelf", "ModelFolder", "card_fields", "check_folder", "find_folders", "load_cards", "read_card"]

log = structlog.get_logger()

# Looking costs a listing of the folder; nobody notices a second.
LOOK_AGAIN_S: Final = 1.0
_NO_ROUTES: Final[Mapping[str, Route]] = MappingProxyType({})
_NO_CONTROLS: Final[Mapping[str, Collection[str]]] = MappingProxyType({})

_T = TypeVar("_T")
_Place: TypeAlias = tuple[int | str, ...]
_STRICT: Final = ConfigDict(extra="forbid", strict=True)
_Fields: TypeAlias = tuple[Annotated[Field, Discriminator("kind")], ...]
_Rules: TypeAlias = tuple[Annotated[Rule, Discriminator("rule")], ...]


class _CardFile(BaseModel):
    """What card.toml holds. The parts are the domain's own types; only the reading is pydantic's."""

    model_config = _STRICT

    id: str
    title: str
    provider: str
    task_types: tuple[str, ...]
    description: str
    sources: tuple[str, ...]
    retention_days: int
    output: Output
    fields: _Fields
    rules: _Rules = ()
    prices: tuple[PriceRow, ...]
    engines: tuple[EngineMapping, ...]


_CARD: Final = TypeAdapter(_CardFile)
_FIELDS: Final[TypeAdapter[_Fields]] = TypeAdapter(_Fields, config=_STRICT)
_RULES: Final[TypeAdapter[_Rules]] = TypeAdapter(_Rules, config=_STRICT)


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


def load_cards(own: Path | None = None, *, routes: Mapping[str, Route] = _NO_ROUTES) -> Mapping[str, Card]:
    """Return every card by its id; a card of the operator's own replaces a shipped one of the same id.

    Raises: ConfigError if a card or a route is wrong.
    """
    roots: list[Traversable] = [resources.files("photoplay") / "cards"]
    if own is not None and own.is_dir():
        roots.append(own)
    cards: dict[str, Card] = {}
    for root in roots:
        for folder in find_folders(root):
            try:
                card, problems = _open(folder)
            except ConfigError as exc:
                raise ConfigError(f"card {folder.id}: {exc}") from exc
            if problems:
                raise ConfigError(f"card {folder.id}: {'; '.join(problems)}")
            cards[folder.id] = card
    if unknown := sorted(routes.keys() - cards.keys()):
        raise ConfigError(f'routes."{unknown[0]}": there is no such model; there are {", ".join(sorted(cards))}')
    return {id: routed(card, routes[id]) if id in routes else card for id, card in cards.items()}


def check_folder(model: ModelFolder, *, controls: Mapping[str, Collection[str]] = _NO_CONTROLS) -> list[str]:
    """Return everything that is wrong with one model's folder; nothing if it can be served.

    The controls are those of each engine that is known to refuse all others.
    """
    try:
        return _open(model, controls)[1]
    except ConfigError as exc:
        return [str(exc)]


def _open(model: ModelFolder, controls: Mapping[str, Collection[str]] = _NO_CONTROLS) -> tuple[Card, list[str]]:
    """Return the card with its example, and what is wrong with it as a whole.

    Raises: ConfigError if it cannot be read.
    """
    card = read_card(model)
    try:
        example = cast("JsonValue", json.loads((model.folder / "example.json").read_text(encoding="utf-8")))
    except (OSError, ValueError) as exc:
        raise ConfigError(f"example.json cannot be read: {exc}") from exc
    problems = complaints(card, example=example, controls=controls)
    if card.id != model.id:
        problems.append(f"id: {card.id} is not its folder, {model.id}")
    return replace(card, example=cast("JsonObject", example)), problems


def read_card(model: ModelFolder) -> Card:
    """Raises: ConfigError that names each wrong, missing, unknown or misplaced key."""
    try:
        document = tomllib.loads((model.folder / "card.toml").read_text(encoding="utf-8"))
        for place, fields in _lists_of_fields(document, ()):
            _read(_FIELDS, fields, place)
        file = _read(_CARD, document, ())
    except (OSError, TypeError, ValueError, RecursionError) as exc:
        raise ConfigError(f"card.toml cannot be read: {exc}") from exc
    if list(document) != [name for name in _CardFile.model_fields if name in document]:
        raise ConfigError(f"the keys stand in the order {', '.join(_CardFile.model_fields)}")
    return Card(**{name: getattr(file, name) for name in _CardFile.model_fields})


def card_fields(schema: JsonObject) -> tuple[tuple[Field, ...], tuple[Rule, ...]]:
    """Return the fields and rules that a schema of `input_schema` was made from, after any travel as JSON.

    Raises: ConfigError if it was made by somebody else.
    """
    properties = schema.get("properties")
    told = properties.values() if isinstance(properties, Mapping) else [None]
    fields = [each.get("x-field") if isinstance(each, Mapping) else None for each in told]
    return _read(_FIELDS, fields, ("properties",)), _read(_RULES, schema.get("x-rules", []), ("x-rules",))


def _lists_of_fields(value: object, place: _Place) -> Iterator[tuple[_Place, object]]:
    """Yield every list of fields, the innermost first.

    One of its own, each is told apart by kind; below an object's field, pydantic would complain of every kind.
    """
    if isinstance(value, dict) and "fields" in (table := cast("dict[str, object]", value)):
        fields = table["fields"]
        for index, field in enumerate(cast("list[object]", fields) if isinstance(fields, list) else []):
            yield from _lists_of_fields(field, (*place, "fields", index))
        yield (*place, "fields"), fields


def _read(adapter: TypeAdapter[_T], value: object, place: _Place) -> _T:
    # By way of JSON: there, and only there, a list may become a tuple in strict mode.
    text = json.dumps(value, allow_nan=False)
    try:
        return adapter.validate_json(text)
    except ValidationError as exc:
        raise ConfigError(
            "; ".join(_complaint((*place, *_named(value, error["loc"])), error["msg"]) for error in exc.errors())
        ) from exc


def _named(value: object, place: _Place) -> Iterator[int | str]:
    """Say of each part of a list what it calls itself, too: nobody counts fields."""
    for part in place:
        if isinstance(part, int) and isinstance(value, list):
            value = cast("list[object]", value)[part]
            name = cast("dict[str, object]", value).get("name") if isinstance(value, dict) else None
            yield f"{part} ({name})" if isinstance(name, str) else part
        else:
            if isinstance(value, dict):
                # A kind is a part of the place, and no key.
                value = cast("dict[object, object]", value).get(part, cast("object", value))
            yield part


def _complaint(place: _Place, message: str) -> str:
    return f"{'.'.join(str(part) for part in place)}: {message}"


def _folders(folder: Traversable) -> list[Traversable]:
    """Return the folders in one, without those that hide behind a dot: git's, and what `cards new` is writing."""
    found = [entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith(".")]
    return sorted(found, key=lambda entry: entry.name)


class CardShelf(Mapping[str, Card]):
    """Every card by its id, read again when a file of the operator's own folder has changed.

    A change that makes a card wrong is logged and leaves the cards as they were.
    """

    def __init__(
        self, own: Path | None, *, routes: Mapping[str, Route] = _NO_ROUTES, look_again_s: float = LOOK_AGAIN_S
    ) -> None:
        self._own = own
        self._routes = routes
        self._look_again_s = look_again_s
        self._cards = load_cards(own, routes=routes)
        self._stamp = self._newest()
        self._looked_at = time.monotonic()

    def __getitem__(self, model: str) -> Card:
        return self._current()[model]

    def __iter__(self) -> Iterator[str]:
        return iter(self._current())

    def __len__(self) -> int:
        return len(self._current())

    def _current(self) -> Mapping[str, Card]:
        if self._own is None or time.monotonic() - self._looked_at < self._look_again_s:
            return self._cards
        self._looked_at = time.monotonic()
        stamp = self._newest()
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._cards = load_cards(self._own, routes=self._routes)
                log.info("cards.reloaded", cards=len(self._cards))
            except (ConfigError, OSError) as exc:
                log.warning("cards.not_reloaded", error=str(exc))
        return self._cards

    def _newest(self) -> frozenset[tuple[str, int]]:
        if self._own is None:
            return frozenset()
        try:
            return frozenset((str(path), path.stat().st_mtime_ns) for path in self._own.glob("[!.]*/[!.]*/*"))
        except OSError:
            # A file went away while we looked. No folder looks like this, so the next look reads again.
            return frozenset()

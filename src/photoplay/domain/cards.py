"""A model, declared: what it takes, what it costs, and which engines can serve it.

`validate` and `price` read nothing but a card; there is no `if model ==` anywhere.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from photoplay.domain.checks import Problem, Wrong, check_all
from photoplay.domain.errors import ConfigError
from photoplay.domain.fields import Alias, Field
from photoplay.domain.json import JsonObject, JsonValue
from photoplay.domain.keys import Kind
from photoplay.domain.rules import Rule, broken

__all__ = [
    "ENGINE_NAMES",
    "PLAY_ENGINE",
    "Card",
    "EngineMapping",
    "Output",
    "PriceRow",
    "choose_engine",
    "clip_seconds",
    "deadline",
    "fits",
    "needed_engines",
    "price",
    "validate",
    "work_size",
]


PLAY_ENGINE: Final = "sandbox"
ENGINE_NAMES: Final = ("ark", "camera", "cog", "comfyui", "diffusers", "kie", "openai-videos", PLAY_ENGINE)
"""All that a card can name and an operator configure."""
# A card may let its callers write any text for a resolution.
SIZE_CHARS_MAX: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceRow:
    when: Mapping[str, str | int | float | bool]
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
    model: str = ""
    """What the engine calls the model. Empty: the card's id."""
    # The camera needs 2 s of work for a second of 1080p at worst, on a busy machine ten times that.
    deadline_s: int = 60
    """What one attempt may take, whatever its size."""
    deadline_a_clip_second_s: int = 24
    """And what more for each second of the clip."""


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
    fallback: bool = False
    """Whether a task goes on to the next engine when one is unavailable: for the operator to say, see `routes.py`."""
    example: JsonObject = field(default_factory=dict[str, JsonValue])
    """A create request that is accepted, without a callback. Empty until example.json is read beside the card."""

    @property
    def kind(self) -> Kind:
        """Whose credits pay a task of a live key: none can buy what only plays."""
        return Kind.TEST if any(mapping.name == PLAY_ENGINE for mapping in self.engines) else Kind.LIVE


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

    Raises: ConfigError if no row of the card fits; `complaints.py` finds such a card.
    """
    for row in card.prices:
        if all(values.get(name) == wanted for name, wanted in row.when.items()):
            return row.credits * (int(str(values[row.times])) if row.times else 1)
    raise ConfigError(f"{card.id}: no price for this input")


def choose_engine(card: Card, configured: Collection[str]) -> EngineMapping | None:
    """Return the first of the card's engines that is configured, or None if none is."""
    return next((mapping for mapping in card.engines if mapping.name in configured), None)


def clip_seconds(values: JsonObject, mapping: EngineMapping) -> int:
    """Return the length of the clip that a validated input asks for; 0 where the card leaves it to the engine."""
    return int(str(values.get(mapping.order.get("duration_s", ""), 0)))


def deadline(values: JsonObject, mapping: EngineMapping) -> timedelta:
    """Return how long one attempt at a validated input may take, pictures and storing included."""
    return timedelta(seconds=mapping.deadline_s + mapping.deadline_a_clip_second_s * clip_seconds(values, mapping))


def work_size(values: JsonObject, mapping: EngineMapping) -> str:
    """Return what of a validated input sets how long its clip takes to make, such as `720p 5 s`.

    Tasks of one engine and model with the same size take about the same time.
    """
    resolution, duration = (values.get(mapping.order.get(key, "")) for key in ("resolution", "duration_s"))
    parts = ("" if resolution is None else str(resolution), "" if duration is None else f"{duration} s")
    return " ".join(part for part in parts if part)[:SIZE_CHARS_MAX]


def needed_engines(card: Card) -> str:
    """Return the engines that can serve the card, in words: one of them must be configured."""
    return " or ".join(mapping.name for mapping in card.engines)


def fits(card: Card, *, search: str, task_type: str) -> bool:
    """Say whether a card is among those looked for; an empty text looks for all."""
    text = f"{card.id} {card.title} {card.provider} {card.description}".casefold()
    return search.casefold() in text and (not task_type or task_type in card.task_types)

"""Which engine a task goes to: the card's order or the operator's, and the next one where the operator allows that.

Off unless switched on for a card: nobody gets a filmed still where a generated clip was promised.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from photoplay.domain.cards import Card
from photoplay.domain.errors import AppError, ConfigError, EngineUnavailable
from photoplay.domain.tasks import Task

__all__ = ["Route", "engine_after", "next_engine", "next_engines", "routed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """What an operator says of one card."""

    engines: tuple[str, ...] = ()
    """Those that may serve it, in order of preference. Empty: as the card has them."""
    fallback: bool = False
    """Whether a task goes on to the next engine when one is unavailable."""


def routed(card: Card, route: Route) -> Card:
    """Return the card with the operator's engines, in the operator's order.

    Raises: ConfigError if the card cannot be served by one of them.
    """
    mappings = {mapping.name: mapping for mapping in card.engines}
    for name in route.engines:
        if name not in mappings:
            raise ConfigError(f'routes."{card.id}".engines: {name!r} is not one of {", ".join(mappings)}')
    engines = tuple(mappings[name] for name in dict.fromkeys(route.engines)) or card.engines
    return replace(card, engines=engines, fallback=route.fallback)


def next_engine(card: Card, engine: str, *, configured: Collection[str]) -> str | None:
    """Return the engine that takes over when this one is unavailable; None where none may, or none is left."""
    names = [mapping.name for mapping in card.engines]
    if not card.fallback or engine not in names:
        return None
    return next((name for name in names[names.index(engine) + 1 :] if name in configured), None)


def next_engines(cards: Mapping[str, Card], engine: str, *, configured: Collection[str]) -> Mapping[str, str]:
    """Return what takes over for this engine, by model."""
    found = {model: next_engine(card, engine, configured=configured) for model, card in cards.items()}
    return {model: name for model, name in found.items() if name is not None}


def engine_after(result: AppError, task: Task, *, cards: Mapping[str, Card], configured: Collection[str]) -> str:
    """Return where the next attempt is made: where the last one was, unless its engine was unavailable.

    A task with a job at another server stays: that job may go on, and would be paid for although nobody wants it.
    """
    card = cards.get(task.model)
    if card is None or task.submission is not None or not isinstance(result, EngineUnavailable):
        return task.engine
    return next_engine(card, task.engine, configured=configured) or task.engine

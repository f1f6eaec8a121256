"""Whose order of engines counts, and where a task goes on."""

from dataclasses import replace

import pytest

from made_up import MADE_UP
from photoplay.domain.cards import Card, EngineMapping, choose_engine
from photoplay.domain.errors import ConfigError
from photoplay.domain.routes import Route, next_engine, next_engines, routed

CARD = replace(MADE_UP, engines=tuple(EngineMapping(name=name, order={}) for name in ("ark", "kie", "camera")))
ALL = {"ark", "kie", "camera"}


def names(card: Card) -> list[str]:
    return [mapping.name for mapping in card.engines]


def test_without_a_word_the_cards_order_stands_and_nothing_falls_back() -> None:
    card = routed(CARD, Route())

    assert card == CARD
    assert next_engine(card, "ark", configured=ALL) is None


def test_the_operators_order_overrides_the_cards() -> None:
    card = routed(CARD, Route(engines=("camera", "ark")))
    chosen = choose_engine(card, ALL)

    assert names(card) == ["camera", "ark"]
    assert chosen is not None
    assert chosen.name == "camera"


def test_an_engine_that_is_named_twice_counts_once() -> None:
    assert names(routed(CARD, Route(engines=("camera", "ark", "camera")))) == ["camera", "ark"]


def test_an_engine_that_the_card_does_not_name_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"routes\.\"nobody/made-up\"\.engines: 'comfyui' is not one of ark, kie"):
        routed(CARD, Route(engines=("comfyui",)))


@pytest.mark.parametrize(
    ("engine", "configured", "following"),
    [
        ("ark", ALL, "kie"),
        ("kie", ALL, "camera"),
        ("camera", ALL, None),
        ("ark", {"ark", "camera"}, "camera"),
        ("ark", {"ark"}, None),
        ("sandbox", ALL, None),
    ],
)
def test_the_next_configured_engine_takes_over(engine: str, configured: set[str], following: str | None) -> None:
    assert next_engine(routed(CARD, Route(fallback=True)), engine, configured=configured) == following


def test_only_models_with_a_fallback_are_told_of() -> None:
    cards = {"with": routed(CARD, Route(fallback=True)), "without": CARD}

    assert next_engines(cards, "ark", configured=ALL) == {"with": "kie"}

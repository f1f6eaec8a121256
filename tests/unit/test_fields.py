"""The kinds of field, as words that a card writes."""

import re
from dataclasses import MISSING, fields
from typing import get_args

import pytest

from made_up import MADE_UP
from photoplay.domain.fields import Field

KINDS: tuple[type, ...] = get_args(Field)


def word(kind: type) -> object:
    return next(part.default for part in fields(kind) if part.name == "kind")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_kind_is_written_as_its_name(kind: type) -> None:
    assert word(kind) == re.sub("(?<=[a-z])(?=[A-Z])", "_", kind.__name__).lower()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_what_a_card_leaves_out_asks_for_nothing(kind: type) -> None:
    left_out = {part.name: part.default for part in fields(kind) if part.default is not MISSING}

    assert left_out["required"] is False
    assert left_out.get("default") is None
    assert left_out.get("items_min", 0) == left_out.get("chars_min", 0) == 0


def test_the_made_up_card_has_every_kind() -> None:
    assert {type(field) for field in MADE_UP.fields} == set(KINDS)

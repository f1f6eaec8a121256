"""The JSON Schema of a card accepts what the server accepts, and nothing of the card is lost in it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from forms import Form, forms
from inputs import Spoilt, any_inputs, json_values, judge, rule_breakers, spoilt_inputs, travelled, valid_inputs
from made_up import MADE_UP, options
from photoplay.domain.cards import Card, validate
from photoplay.domain.errors import ConfigError
from photoplay.domain.fields import Alias, Choice, Field, FileUrl, Integer, Text
from photoplay.domain.json import JsonObject
from photoplay.domain.rules import fields_of
from photoplay.files.cards import card_fields, load_cards

CARDS = {MADE_UP.id: MADE_UP, **load_cards()}
RULED = {name: card for name, card in CARDS.items() if card.rules}
each_card = pytest.mark.parametrize("card", CARDS.values(), ids=CARDS.keys())


JUDGES = {name: judge(card.fields, card.rules) for name, card in CARDS.items()}


def is_fine(values: object, card: Card) -> bool:
    return JUDGES[card.id](values)


@each_card
@settings(max_examples=30)
@given(data=st.data())
def test_what_the_card_allows_passes_the_server_and_the_schema(card: Card, data: st.DataObject) -> None:
    values = data.draw(valid_inputs(card))

    assert isinstance(validate(values, card), Mapping), validate(values, card)
    assert is_fine(values, card)


@each_card
@settings(max_examples=60)
@given(data=st.data())
def test_one_wrong_value_is_refused_by_the_server_with_its_path_and_by_the_schema(
    card: Card, data: st.DataObject
) -> None:
    spoilt: Spoilt = data.draw(spoilt_inputs(card))

    problems = validate(spoilt.values, card)

    assert isinstance(problems, tuple)
    assert [problem.field for problem in problems] == [spoilt.path]
    assert not is_fine(spoilt.values, card)


@pytest.mark.parametrize("card", RULED.values(), ids=RULED.keys())
@settings(max_examples=60)
@given(data=st.data())
def test_one_broken_rule_is_refused_by_the_server_in_its_words_and_by_the_schema(
    card: Card, data: st.DataObject
) -> None:
    values, rule = data.draw(rule_breakers(card))

    problems = validate(values, card)

    assert isinstance(problems, tuple)
    said = {problem.message for problem in problems}
    assert said & {f"input.{name}: {rule.message}" for name in fields_of(rule)}
    assert not is_fine(values, card)


@each_card
@settings(max_examples=60)
@given(data=st.data())
def test_the_server_and_the_schema_agree_about_anything(card: Card, data: st.DataObject) -> None:
    values: Mapping[str, Any] = data.draw(any_inputs(card))

    assert is_fine(values, card) == isinstance(validate(values, card), Mapping)


@given(value=json_values.filter(lambda value: not isinstance(value, dict)))
def test_an_input_is_an_object(value: object) -> None:
    assert not is_fine(value, MADE_UP)


@each_card
def test_the_schema_keeps_to_the_standard(card: Card) -> None:
    Draft202012Validator.check_schema(travelled(card.fields, card.rules))

    assert travelled(card.fields, card.rules)["type"] == "object"


@each_card
def test_a_card_survives_the_way_to_its_schema_and_back(card: Card) -> None:
    assert card_fields(travelled(card.fields, card.rules)) == (card.fields, card.rules)


@given(form=forms())
def test_any_form_configuration_survives_the_way_to_its_schema_and_back(form: Form) -> None:
    fields, rules = form

    assert repr(card_fields(travelled(fields, rules))) == repr(form)


@pytest.mark.parametrize(
    ("schema", "place"),
    [
        ({}, "properties"),
        ({"properties": {"prompt": {"type": "string"}}}, "properties.0"),
        ({"properties": {}, "x-rules": [{"rule": "both"}]}, "x-rules.0"),
        ({"properties": {}, "x-rules": {"rule": "exclusive"}}, "x-rules"),
    ],
    ids=["nothing", "a field of somebody else", "an unknown rule", "no list"],
)
def test_a_schema_of_somebody_else_is_refused(schema: JsonObject, place: str) -> None:
    with pytest.raises(ConfigError, match=rf"^{place}"):
        card_fields(schema)


def only(*fields: Field) -> Card:
    return replace(MADE_UP, fields=fields, rules=())


ALIASED = only(
    Integer(name="count", label="", help="", required=True, minimum=0, maximum=9),
    Alias(name="number", label="", help="", of="count", required=True),
    Alias(name="n", label="", help="", of="count"),
)
WORDS = only(Choice(name="x", label="", help="", options=options("--5", "-0", "05", "5", "²", "-7", "")))
LINK = only(FileUrl(name="x", label="", help="", accept=("image/png",), bytes_max=1))
TEXT = only(Text(name="x", label="", help="", chars_max=2))


@pytest.mark.parametrize(
    ("card", "values", "is_valid"),
    [
        (ALIASED, {"count": 1}, True),
        (ALIASED, {"n": 1}, True),
        (ALIASED, {}, False),
        (ALIASED, {"count": None, "number": None, "n": 9}, True),
        (ALIASED, {"count": 1, "number": "x", "n": 10}, True),
        (ALIASED, {"number": 1, "n": 10}, True),
        (ALIASED, {"number": 10, "n": 1}, False),
        (WORDS, {"x": 5}, True),
        (WORDS, {"x": -7.0}, True),
        (WORDS, {"x": 0}, False),
        (WORDS, {"x": "--5"}, True),
        (LINK, {"x": "https://a.b"}, True),
        (LINK, {"x": "https://a.b\n"}, False),
        (LINK, {"x": "HTTP://a.b"}, True),
        (TEXT, {"x": "😀😀"}, True),
        (TEXT, {"x": "😀😀😀"}, False),
        (TEXT, {"x": None, "y": 1}, True),
    ],
    ids=lambda value: value.fields[0].kind if isinstance(value, Card) else ascii(value)[:50],
)
def test_a_corner_is_judged_alike(card: Card, values: dict[str, Any], is_valid: bool) -> None:
    assert isinstance(validate(values, card), Mapping) == is_valid
    assert judge(card.fields)(values) == is_valid

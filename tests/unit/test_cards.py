"""The shipped card, checked against the contract: what it takes, what it makes of it, and what it costs."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_up import MADE_UP
from photoplay.domain.cards import ENGINE_NAMES, Card, PriceRow, choose_engine, deadline, price, validate, work_size
from photoplay.domain.errors import ConfigError
from photoplay.domain.json import JsonValue
from photoplay.files.cards import load_cards
from photoplay.settings import Settings

MODEL = "bytedance/v1-pro-fast-image-to-video"
CARD = load_cards()[MODEL]
URL = "https://example.com/photo.jpg"
KNOWN = {"prompt", "image_url", "resolution", "duration", "nsfw_checker"}

Values = dict[str, JsonValue]

prompts = st.text(min_size=1, max_size=60)
urls = st.from_regex(r"\Ahttps?://[a-z0-9]{1,20}\.[a-z]{2,5}(/[\w.-]{0,20}){0,3}(\?[a-z]=\d)?\Z")
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=20))
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)
strangers = st.dictionaries(st.text(max_size=12).filter(lambda name: name not in KNOWN), json_values, max_size=4)
required = st.fixed_dictionaries({"prompt": prompts, "image_url": urls})
optional = st.fixed_dictionaries(
    {},
    optional={
        "resolution": st.sampled_from([None, "720p", "1080p"]),
        "duration": st.sampled_from([None, "5", "10", 5, 10, 5.0]),
        "nsfw_checker": st.sampled_from([None, True, False]),
    },
)
wrong_values: dict[str, st.SearchStrategy[Any]] = {
    "prompt": json_values.filter(lambda v: v is not None and (not isinstance(v, str) or v == "")),
    "image_url": json_values.filter(lambda v: v is not None and not str(v).startswith("http")),
    "resolution": json_values.filter(lambda v: v not in (None, "720p", "1080p")),
    "duration": json_values.filter(lambda v: v is not None and (isinstance(v, bool) or v not in ("5", "10", 5, 10))),
    "nsfw_checker": json_values.filter(lambda v: v is not None and not isinstance(v, bool)),
}


def ask(**values: JsonValue) -> Values:
    return {"prompt": "slow push in", "image_url": URL, **values}


def complaints_about(values: Values) -> list[str]:
    problems = validate(values, CARD)
    assert isinstance(problems, tuple)
    return [problem.message for problem in problems]


@given(required, optional, strangers)
def test_a_valid_input_comes_out_normalised(given: Values, choices: Values, more: Values) -> None:
    chosen = {name: value for name, value in choices.items() if value is not None}

    clean = validate({**more, **given, **choices}, CARD)

    expected = {**given, "resolution": "720p", "duration": "5", **chosen}
    assert clean == {**expected, "duration": str(expected["duration"]).removesuffix(".0")}


@given(st.data(), required, optional, strangers)
def test_one_wrong_value_is_named_by_its_path_alone(
    data: st.DataObject, given: Values, choices: Values, more: Values
) -> None:
    name = data.draw(st.sampled_from(sorted(wrong_values)))
    wrong = data.draw(wrong_values[name])

    problems = validate({**more, **given, **choices, name: wrong}, CARD)

    assert isinstance(problems, tuple)
    assert [problem.field for problem in problems] == [f"input.{name}"]
    assert f"input.{name}" in problems[0].message


@given(st.dictionaries(st.sampled_from(sorted(KNOWN)) | st.text(max_size=8), json_values, max_size=6))
def test_whatever_the_input_holds_it_is_judged_without_an_error(values: Values) -> None:
    judged = validate(values, CARD)

    assert isinstance(judged, Mapping) or all(problem.field.startswith("input.") for problem in judged)


@pytest.mark.parametrize(
    ("values", "beginning"),
    [
        ({"prompt": None}, "input.prompt is required"),
        ({"prompt": ""}, "input.prompt is required"),
        ({"prompt": 5}, "input.prompt must be a string, got the number 5"),
        ({"prompt": ["a"]}, "input.prompt must be a string, got a list"),
        ({"prompt": "x" * 10001}, "The text length cannot exceed the maximum limit: input.prompt has 10001 characters"),
        ({"image_url": None}, "input.image_url is required"),
        ({"image_url": {}}, "input.image_url must be an http or https URL, got an object"),
        ({"image_url": "ftp://a/b"}, 'input.image_url must be an http or https URL, got "ftp://a/b"'),
        ({"image_url": "https://"}, "input.image_url must be an http or https URL"),
        ({"image_url": "data:image/png;base64,AA"}, "input.image_url must be an http or https URL"),
        ({"image_url": "http://a/" + "x" * 2040}, "input.image_url has 2049 characters, the limit for a URL is 2048"),
        ({"resolution": "480p"}, "input.resolution is not within the range of allowed options: "),
        ({"resolution": 720}, "input.resolution is not within the range of allowed options: the number 720"),
        ({"resolution": "720P"}, "input.resolution is not within the range of allowed options: "),
        ({"duration": "7"}, 'input.duration is not within the range of allowed options: "7" is not one of 5, 10'),
        ({"duration": 5.5}, "input.duration is not within the range of allowed options: the number 5.5"),
        ({"duration": True}, "input.duration is not within the range of allowed options: true"),
        ({"duration": "05"}, "input.duration is not within the range of allowed options: "),
        ({"nsfw_checker": "true"}, "input.nsfw_checker must be true or false, got a string"),
        ({"nsfw_checker": 1}, "input.nsfw_checker must be true or false, got the number 1"),
    ],
    ids=lambda value: "" if isinstance(value, str) else ascii(value)[:40],
)
def test_a_complaint_begins_with_what_clients_match_on(values: Values, beginning: str) -> None:
    (complaint,) = complaints_about(ask(**values))

    assert complaint.startswith(beginning)


def test_everything_that_is_wrong_is_said_in_the_order_of_the_card() -> None:
    said = complaints_about({"duration": "7", "resolution": "480p", "image_url": 1})

    assert [text.split()[0] for text in said] == [
        "input.prompt",
        "input.image_url",
        "input.resolution",
        "input.duration",
    ]


@pytest.mark.parametrize("character", ["x", "é", "漢", "😀", "𝄞"], ids=["ascii", "latin", "han", "emoji", "astral"])
def test_a_character_is_one_code_point(character: str) -> None:
    assert isinstance(validate(ask(prompt=character * 10000), CARD), Mapping)
    assert len(complaints_about(ask(prompt=character * 10001))) == 1


def test_the_prompt_is_passed_on_untouched() -> None:
    prompt = "  a cup\r\n\t--ar 16:9 --q 2 \u202e"

    clean = validate(ask(prompt=prompt), CARD)

    assert isinstance(clean, Mapping)
    assert clean["prompt"] == prompt


def test_a_long_wrong_value_is_not_repeated_in_full() -> None:
    (complaint,) = complaints_about(ask(resolution="x" * 5000))

    assert len(complaint) < 200


@pytest.mark.parametrize(
    ("resolution", "duration", "credits"),
    [("720p", "5", 16), ("720p", "10", 36), ("1080p", "5", 36), ("1080p", "10", 72)],
)
def test_the_price_is_the_contracts(resolution: str, duration: str, credits: int) -> None:
    clean = validate(ask(resolution=resolution, duration=duration), CARD)

    assert isinstance(clean, Mapping)
    assert price(clean, CARD) == credits


@pytest.mark.parametrize("card", load_cards().values(), ids=lambda card: card.id)
def test_every_allowed_combination_has_a_whole_price(card: Card) -> None:
    choices = [field for field in card.fields if hasattr(field, "options")]

    for values in product(*([option.value for option in getattr(field, "options")] for field in choices)):  # noqa: B009 - the union has no such name
        cost = price(dict(zip([field.name for field in choices], values, strict=True)), card)

        assert type(cost) is int
        assert cost > 0


def test_an_input_without_a_price_is_a_fault_of_the_card() -> None:
    with pytest.raises(ConfigError, match=MODEL):
        price({"resolution": "480p", "duration": "5"}, CARD)


@pytest.mark.parametrize(
    ("values", "credits"),
    [
        ({"quality": "high", "steps": 15}, 30),
        ({"quality": "high"}, 40),
        ({"quality": "low", "steps": 15}, 3),
        ({}, 3),
    ],
    ids=["times a number", "times its default", "the next row", "the last row"],
)
def test_the_first_row_that_fits_is_the_price(values: Values, credits: int) -> None:
    clean = validate({"prompt": "slow", "image": URL, **values}, MADE_UP)

    assert isinstance(clean, Mapping)
    assert price(clean, MADE_UP) == credits


def test_a_flag_and_a_number_have_prices_of_their_own() -> None:
    card = replace(MADE_UP, prices=(PriceRow(when={"sound": True, "layers": 4}, credits=9), *MADE_UP.prices))

    assert price({"sound": True, "layers": 4}, card) == 9
    assert price({"sound": False, "layers": 4}, card) == 3


def test_a_number_of_a_choice_has_a_price_of_its_own() -> None:
    card = replace(MADE_UP, prices=(PriceRow(when={"layers": 2.5}, credits=9), *MADE_UP.prices))

    assert price({"layers": 2.5}, card) == 9
    assert price({"layers": 1}, card) == 3


def test_a_card_can_name_every_engine_that_can_be_configured() -> None:
    configurable = get_args(get_args(Settings.model_fields["engines"].annotation)[0])

    assert configurable == ENGINE_NAMES


def test_rules_are_looked_at_once_every_field_is_well() -> None:
    broken = {"prompt": "slow", "title": "abc", "quality": "high"}

    fields_first = validate({**broken, "steps": 7}, MADE_UP)
    rules_then = validate(broken, MADE_UP)

    assert isinstance(fields_first, tuple)
    assert isinstance(rules_then, tuple)
    assert [problem.field for problem in fields_first] == ["input.steps"]
    assert [problem.field for problem in rules_then] == ["input.image", "input.title"]


@pytest.mark.parametrize(
    ("configured", "chosen"),
    [(("b", "a"), "a"), (("b", "c"), "b"), (("c",), None), ((), None)],
    ids=["both", "the second", "neither", "none at all"],
)
def test_the_first_configured_engine_of_the_card_is_chosen(configured: tuple[str, ...], chosen: str | None) -> None:
    engines = tuple(replace(MADE_UP.engines[0], name=name) for name in ("a", "b"))

    engine = choose_engine(replace(MADE_UP, engines=engines), configured)

    assert (engine.name if engine else None) == chosen


def test_the_shipped_card_says_what_the_contract_says() -> None:
    fields = {field.name: field for field in CARD.fields}

    assert fields.keys() == KNOWN
    assert [name for name, field in fields.items() if field.required] == ["prompt", "image_url"]
    assert getattr(fields["image_url"], "bytes_max") == 10 * 1024 * 1024  # noqa: B009 - the union has no such name
    assert getattr(fields["image_url"], "accept") == ("image/jpeg", "image/png", "image/webp")  # noqa: B009 - likewise
    assert CARD.sources


@pytest.mark.parametrize(
    ("values", "size"),
    [
        ({"resolution": "720p", "duration": "5"}, "720p 5 s"),
        ({"resolution": "1080p"}, "1080p"),
        ({"duration": 7}, "7 s"),
        ({}, ""),
        ({"resolution": "x" * 100}, "x" * 60),
    ],
)
def test_the_size_of_the_work_is_what_the_engine_is_told_of_it(values: Values, size: str) -> None:
    assert work_size(values, CARD.engines[0]) == size


def test_a_deadline_grows_with_the_clip_and_is_the_cards_to_say() -> None:
    (mapping,) = (engine for engine in CARD.engines if engine.name == "camera")
    slower = replace(mapping, deadline_s=600, deadline_a_clip_second_s=100)

    told = [deadline(ask(duration=duration), mapping).total_seconds() for duration in ("5", "10")]
    assert told == [180, 300]
    assert deadline(ask(duration="5"), slower).total_seconds() == 1100
    assert deadline(ask(), replace(mapping, order={})).total_seconds() == 60

"""What a test key's task does, worked out from what its caller wrote."""

from dataclasses import replace
from datetime import timedelta

import pytest

from made_up import MADE_UP
from photoplay.domain.cards import deadline, validate, work_size
from photoplay.domain.errors import InvalidInput
from photoplay.domain.json import JsonObject
from photoplay.domain.script import (
    PLAY_CARD,
    Telling,
    act,
    attempts,
    own_script,
    play_mapping,
    read_script,
    telling,
)
from photoplay.files.cards import load_cards

CARDS = load_cards()
PLAY = CARDS[PLAY_CARD]


def script(**given: object) -> JsonObject:
    return read_script(given, PLAY)  # pyright: ignore[reportArgumentType] - values of JSON, said shortly


def test_a_script_that_says_nothing_succeeds_at_once_and_is_told_once() -> None:
    assert act(script(), attempt=1) == {"outcome": "succeed", "seconds": 0.0, "code": 500}
    assert telling(script()) == Telling(times=1, delay=timedelta())
    assert attempts(script(), otherwise=7) == 3


def test_without_a_script_nothing_is_acted() -> None:
    assert act({}, attempt=1) == {}
    assert telling({}) == Telling()
    assert attempts({}, otherwise=3) == 3


def test_a_wrong_name_is_refused_instead_of_succeeding() -> None:
    with pytest.raises(InvalidInput, match=r"sandbox\.outcom is not a field of a script; there are prompt, outcome"):
        script(outcom="fail")


def test_a_wrong_value_is_refused_by_its_path() -> None:
    with pytest.raises(InvalidInput, match=r"sandbox\.outcome is not within the range") as refused:
        script(outcome="explode")

    assert refused.value.field == "sandbox.outcome"


def test_lost_workers_come_first_and_halfway_through() -> None:
    written = script(lost_workers=2, seconds=4, outcome="fail", code=422, text="too dark")

    assert [act(written, attempt=attempt) for attempt in (1, 2, 3)] == [
        {"outcome": "crash", "seconds": 2},
        {"outcome": "crash", "seconds": 2},
        {"outcome": "fail", "seconds": 4, "code": 422, "text": "too dark"},
    ]


@pytest.mark.parametrize(
    ("given", "seconds"), [({}, 60), ({"seconds": 30}, 90), ({"seconds": 30, "deadline_seconds": 1}, 1)]
)
def test_no_script_meets_a_deadline_that_it_does_not_name(given: dict[str, object], seconds: int) -> None:
    mapping = play_mapping(PLAY, script(**given))

    assert deadline({}, mapping) == timedelta(seconds=seconds)


def test_the_sandbox_serves_every_card_without_its_pictures() -> None:
    for card in CARDS.values():
        mapping = play_mapping(card, {})

        assert mapping.name == "sandbox"
        assert not {"still", "end_still"} & mapping.order.keys()


def test_the_length_of_the_clip_is_the_models() -> None:
    card = CARDS["bytedance/v1-pro-fast-image-to-video"]
    values = validate({"prompt": "x", "image_url": "https://example.com/a.jpg", "duration": "10"}, card)
    assert not isinstance(values, tuple)

    assert work_size(values, play_mapping(card, {})) == "720p 10 s"


def test_the_input_of_a_card_of_the_sandbox_is_its_script() -> None:
    values = validate({"outcome": "hang", "attempts": 1}, PLAY)
    assert not isinstance(values, tuple)

    assert own_script(values, PLAY) == script(outcome="hang", attempts=1)


def test_a_card_of_ones_own_says_which_of_its_fields_are_the_script() -> None:
    mapping = replace(MADE_UP.engines[0], name="sandbox", order={"outcome": "quality", "text": "title"})
    card = replace(MADE_UP, engines=(mapping,))

    assert own_script({"quality": "fail", "steps": 20}, card) == {"outcome": "fail"}

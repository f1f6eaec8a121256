"""Reading cards from files: every complaint says where, and the shelf follows the operator's folder."""

import json
import os
from collections.abc import Callable
from importlib import resources
from itertools import count
from pathlib import Path
from typing import Final

import pytest

from photoplay.domain.cards import price, validate
from photoplay.domain.errors import ConfigError
from photoplay.domain.routes import Route
from photoplay.files.cards import CardShelf, ModelFolder, check_folder, find_folders, load_cards, read_card
from photoplay.flows.execute import ORDER_FIELDS

SHIPPED: Final = "bytedance/v1-pro-fast-image-to-video"
ID: Final = "nobody/tiny"
CARD: Final = """\
id = "nobody/tiny"
title = "Tiny"
provider = "Nobody"
task_types = ["text-to-video"]
description = "As little as a card can be."
sources = ["nowhere"]
retention_days = 1

[output]
kind = "video/mp4"
fps = 24
sizes = "one"

[[fields]]
name = "prompt"
kind = "text"
label = "Prompt"
help = ""
required = true
chars_max = 10

[[fields]]
name = "quality"
kind = "choice"
label = "Quality"
help = ""
default = "low"
options = [{ value = "low", label = "Low" }, { value = "high", label = "High" }]

[[fields]]
name = "seconds"
kind = "integer"
label = "Seconds"
help = ""
default = 4
minimum = 2
maximum = 8
step = 2

[[fields]]
name = "shots"
kind = "objects"
label = "Shots"
help = ""
fields = [{ name = "words", kind = "text", label = "Words", help = "", chars_max = 5 }]
items_max = 2

[[rules]]
rule = "maximum_when"
field = "seconds"
maximum = 4
when = { field = "quality", equals = "high" }
message = "4 seconds at most"

[[prices]]
when = { quality = "low" }
credits = 1
times = "seconds"

[[prices]]
when = { quality = "high" }
credits = 3

[[engines]]
name = "camera"
order = { prompt = "prompt" }
"""
EXAMPLE: Final = {"model": ID, "input": {"prompt": "slow"}}
DEFAULTS: Final = {"quality": "low", "seconds": 4}
PICTURE: Final = """\
[[fields]]
name = "picture"
kind = "file_url"
label = ""
help = ""
accept = ["image/png"]
bytes_max = 1

[[fields]]
name = "scale"
kind = "number_choice"
label = ""
help = ""
options = [{ value = 0.5, label = "half" }, { value = 1, label = "whole" }]

[[rules]]"""
BELOW: Final = '[[fields]]\nname = "below"\nkind = "integer"\nlabel = ""\nhelp = ""\nminimum = -2\nmaximum = 8'
ALIAS: Final = '[[fields]]\nname = "old"\nkind = "alias"\nlabel = ""\nhelp = ""\nof = "colour"\n\n[[rules]]'

ticks = count(1_000_000_000)


def write(root: Path, card: str = CARD, example: str | None = None, id: str = ID) -> ModelFolder:
    """Write a model's folder, later than all before it."""
    folder = root / id
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (("card.toml", card), ("example.json", json.dumps(EXAMPLE) if example is None else example)):
        (folder / name).write_text(text, encoding="utf-8")
        os.utime(folder / name, (tick := next(ticks), tick))
    return ModelFolder(id=id, folder=folder)


def changed(old: str, new: str) -> str:
    assert CARD.count(old) >= 1, "the card has what is to be changed"
    return CARD.replace(old, new, 1)


def test_a_good_folder_has_no_complaints(tmp_path: Path) -> None:
    model = write(tmp_path)

    assert check_folder(model) == []
    assert read_card(model).fields[3].kind == "objects"


# What is changed in card.toml, and the one complaint.
SPOILT: Final = {
    "unknown key": ('title = "Tiny"', 'title = "Tiny"\ncolour = "red"', "colour: Extra inputs are not permitted"),
    "unknown key of a field": (
        "chars_max = 10",
        "chars_max = 10\nrows = 2",
        "fields.0 (prompt).text.rows: Unexpected keyword",
    ),
    "unknown key of an option": (
        'label = "Low"',
        'label = "Low", x = 1',
        "fields.1 (quality).choice.options.0.x: Unexpected",
    ),
    "unknown key of the output": ("fps = 24", "fps = 24\ndpi = 1", "output.dpi: Unexpected keyword argument"),
    "missing key": ('title = "Tiny"\n', "", "title: Field required"),
    "missing key of a field": ("chars_max = 10", "", "fields.0 (prompt).text.chars_max: Field required"),
    "wrong type": ('title = "Tiny"', "title = 5", "title: Input should be a valid string"),
    "text for a list": ('["nowhere"]', '"nowhere"', "sources: Input should be a valid array"),
    "text for a number": (
        "chars_max = 10",
        'chars_max = "10"',
        "fields.0 (prompt).text.chars_max: Input should be a valid int",
    ),
    "true for a number": (
        "chars_max = 10",
        "chars_max = true",
        "fields.0 (prompt).text.chars_max: Input should be a valid int",
    ),
    "a number for text": (
        'value = "low"',
        "value = 1",
        "fields.1 (quality).choice.options.0.value: Input should be a valid str",
    ),
    "part of a credit": ("credits = 1", "credits = 1.5", "prices.0.credits: Input should be a valid integer"),
    "unknown kind": ('"choice"', '"wish"', "fields.1 (quality): Input tag 'wish' found using 'kind' does not match"),
    "no kind": ('kind = "choice"\n', "", "fields.1 (quality): Unable to extract tag using discriminator 'kind'"),
    "kept for no time": ("retention_days = 1", "retention_days = 0", "retention_days: 0 is not between 1 and 36500"),
    "kept for less": ("retention_days = 1", "retention_days = -3", "retention_days: -3 is not between 1 and 36500"),
    "kept for ever": (
        "retention_days = 1",
        "retention_days = 36501",
        "retention_days: 36501 is not between 1 and 36500",
    ),
    "file of no bytes": (
        "[[rules]]",
        PICTURE.replace("bytes_max = 1", "bytes_max = 0"),
        "fields.picture: bytes_max 0 is below 1",
    ),
    "file of no type": (
        "[[rules]]",
        PICTURE.replace('"image/png"', ""),
        "fields.picture: accept must hold a MIME type at least",
    ),
    "file of a type that is none": (
        "[[rules]]",
        PICTURE.replace("png", "jpg"),
        'fields.picture: accept holds "image/jpg", which is not a MIME type such as image/jpeg',
    ),
    "whole number with a point": (
        "[[rules]]",
        PICTURE.replace("value = 1,", "value = 1.0,"),
        "fields.scale: write 1.0 as 1",
    ),
    "whole default with a point": (
        "[[rules]]",
        PICTURE.replace("options", "default = 1.0\noptions"),
        "fields.scale: write 1.0 as 1",
    ),
    "unknown rule": ('"maximum_when"', '"never"', "rules.0: Input tag 'never' found using 'rule' does not match"),
    "below an object": (
        "chars_max = 5",
        'chars_max = "5"',
        "fields.3.fields.0 (words).text.chars_max: Input should be",
    ),
    "no kind below an object": (', kind = "text", l', ", l", "fields.3.fields.0 (words): Unable to extract tag"),
    "a date": ("retention_days = 1", "retention_days = 2026-01-01", "card.toml cannot be read: Object of type date"),
    "no bound": ("maximum = 4", "maximum = inf", "card.toml cannot be read: Out of range float values"),
    "not TOML": ("[output]", "[output", "card.toml cannot be read: Expected ']'"),
    "order of keys": (
        'title = "Tiny"\nprovider = "Nobody"',
        'provider = "Nobody"\ntitle = "Tiny"',
        "the keys stand in the order id, title, provider, task_types, ",
    ),
    "id against folder": ('"nobody/tiny"', '"nobody/huge"', "example.json: it must hold model nobody/huge"),
    "a name twice": ('"seconds"', '"quality"', "fields: the name quality stands twice"),
    "alias of nothing": ("[[rules]]", ALIAS, "fields.old: it is an alias of colour, which is not a field"),
    "alias of an alias": (
        "[[rules]]",
        ALIAS.replace('"colour"', '"old"'),
        "fields.old: it is an alias of old, which is not a field",
    ),
    "rule of nothing": (
        'field = "seconds"',
        'field = "second"',
        "rules: maximum_when names second, which is not a field",
    ),
    "condition on nothing": (
        '{ field = "quality"',
        '{ field = "grade"',
        "rules: maximum_when names grade, which is not a field",
    ),
    "condition that never holds": ('equals = "high"', 'equals = "5"', 'rules: maximum_when: quality is never "5"'),
    "condition on another type": ('equals = "high"', "equals = 5", "rules: maximum_when: quality is never 5"),
    "maximum of text": (
        'field = "seconds"',
        'field = "prompt"',
        "rules: maximum_when names prompt, which is not a number",
    ),
    "rule about one field": (
        "[[prices]]",
        '[[rules]]\nrule = "exclusive"\nfields = ["prompt"]\nmessage = ""\n\n[[prices]]',
        "rules: exclusive needs two fields at least",
    ),
    "rule about one group": (
        "[[prices]]",
        '[[rules]]\nrule = "exclusive_groups"\ngroups = [["prompt"], []]\nmessage = ""\n\n[[prices]]',
        "rules: exclusive_groups needs two groups at least, and none empty",
    ),
    "no time at all": (
        'name = "camera"',
        'name = "camera"\ndeadline_s = 0',
        "engines.camera: deadline_s must be 1 or more, deadline_a_clip_second_s 0 or more",
    ),
    "no engine": (
        '[[engines]]\nname = "camera"\norder = { prompt = "prompt" }\n',
        "",
        "engines: Field required",
    ),
    "an engine that is none": (
        'name = "camera"',
        'name = "cumulus"',
        "engines.cumulus: this is not one of ark, camera, cog, comfyui, diffusers, kie, openai-videos, sandbox",
    ),
    "seconds that are text": (
        '{ prompt = "prompt" }',
        '{ duration_s = "prompt" }',
        "engines.camera: the order's duration_s is prompt, a field of kind text: it must be an integer, or a choice of",
    ),
    "seconds that are a word": (
        '{ prompt = "prompt" }',
        '{ duration_s = "quality" }',
        'engines.camera: the order\'s duration_s is quality, which can be "low": seconds are whole numbers from 0 to',
    ),
    "seconds below nothing": (
        '{ prompt = "prompt" }',
        '{ duration_s = "below" }\n\n' + BELOW,
        'engines.camera: the order\'s duration_s is below, which can be "-2": seconds are whole numbers from 0',
    ),
    "still that is text": (
        '{ prompt = "prompt" }',
        '{ still = "prompt" }',
        "engines.camera: the order's still is prompt, a field of kind text: it must be a file_url or file_urls",
    ),
    "last still that is text": (
        '{ prompt = "prompt" }',
        '{ end_still = "quality" }',
        "engines.camera: the order's end_still is quality, a field of kind choice: it must be a file_url or file_urls",
    ),
    "order of nothing": ('"prompt" }', '"still" }', "engines.camera: the order names still, which is not a field"),
    "default that is no option": (
        'default = "low"',
        'default = "mid"',
        'fields.quality.default is not within the range of allowed options: "mid" is not one of low, high',
    ),
    "default out of bounds": ("default = 4", "default = 10", "fields.seconds.default: 10 is not between 2 and 8"),
    "default between steps": ("default = 4", "default = 3", "fields.seconds.default: 3 is not 2 plus a multiple of 2"),
    "default below an object": (
        "chars_max = 5",
        'chars_max = 1, default = "ab"',
        "The text length cannot exceed the maximum limit: fields.shots.words.default has 2 characters, the limit is 1",
    ),
    "bounds the wrong way": ("minimum = 2", "minimum = 12", "fields.seconds: minimum 12 is above maximum 8"),
    "step of nothing": ("step = 2", "step = 0", "fields.seconds: the step 0 is not above 0"),
    "step beside the minimum": (
        "step = 2",
        "step = 3",
        "fields.seconds: the minimum 2 is not a multiple of the step 3",
    ),
    "option twice": ('value = "high"', 'value = "low"', "fields.quality: options must be there, and each once"),
    "price for nothing": ('{ quality = "low" }', '{ grade = "low" }', "prices: they name grade, which is not a field"),
    "price that never fits": (
        "[[engines]]",
        '[[prices]]\nwhen = { quality = "mid" }\ncredits = 1\n\n[[engines]]',
        'prices: quality is never "mid"',
    ),
    "no price for an input": (
        'when = { quality = "high" }',
        'when = { quality = "high", seconds = 2 }',
        "prices: no whole number for {'quality': 'high', 'seconds': 4}",
    ),
    "negative price": ("credits = 3", "credits = -3", "prices: below 0 for {'quality': 'high', 'seconds': 2}"),
    "price above what can be had": (
        "credits = 3",
        "credits = 1000000000000001",
        "prices: 1000000000000001 is above 1000000000000000 for {'quality': 'high', 'seconds': 2}",
    ),
    "price above it for a text": (
        "[[prices]]",
        '[[prices]]\nwhen = { prompt = "much" }\ncredits = 1000000000000001\n\n[[prices]]',
        "prices.0: credits 1000000000000001 is not between 0 and 1000000000000000",
    ),
    "price below nothing for a text": (
        "[[prices]]",
        '[[prices]]\nwhen = { prompt = "little" }\ncredits = -1\n\n[[prices]]',
        "prices.0: credits -1 is not between 0 and 1000000000000000",
    ),
    "price above it by its factor": (
        "credits = 1",
        "credits = 300000000000000",
        "prices: 1200000000000000 is above 1000000000000000 for {'quality': 'low', 'seconds': 4}",
    ),
    "times nothing": ('times = "seconds"', 'times = "minutes"', "prices: they name minutes, which is not a field"),
    "times text": ('times = "seconds"', 'times = "quality"', "prices: no whole number for {'quality': 'low'}"),
    "too many prices": ("maximum = 8", "maximum = 20008", "prices: more than 10000 inputs have a price of their own"),
}


@pytest.mark.parametrize(("old", "new", "complaint"), SPOILT.values(), ids=SPOILT.keys())
def test_a_complaint_says_where_and_what(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    said = check_folder(write(tmp_path, changed(old, new)))

    assert said
    assert said[0].startswith(complaint)


FRACTIONS: Final = changed(
    "[[rules]]",
    PICTURE.replace("[[rules]]", '[[rules]]\nrule = "allowed_when"\nfield = "scale"\nvalues = [0.5]\n')
    + 'when = { field = "scale", equals = 0.5 }\nmessage = "half"\n\n[[rules]]',
).replace('when = { quality = "low" }', 'when = { scale = 0.5 }\ncredits = 7\n\n[[prices]]\nwhen = { quality = "low" }')


def test_a_choice_of_numbers_may_have_parts_of_a_whole(tmp_path: Path) -> None:
    model = write(tmp_path, FRACTIONS)

    card = read_card(model)

    assert check_folder(model) == []
    assert validate({"prompt": "slow", "scale": 0.5}, card) == {"prompt": "slow", **DEFAULTS, "scale": 0.5}
    assert price({"scale": 0.5}, card) == 7
    assert isinstance(validate({"prompt": "slow", "scale": 0.75}, card), tuple)


@pytest.mark.parametrize("picture", ["file_url", "file_urls"])
def test_an_order_of_pictures_and_seconds_is_well(tmp_path: Path, picture: str) -> None:
    fields = PICTURE.replace("file_url", f"{picture}").replace(
        "bytes_max = 1", "bytes_max = 1" + ("\nitems_max = 2" if picture == "file_urls" else "")
    )
    order = '{ still = "picture", end_still = "picture", duration_s = "seconds" }'

    assert check_folder(write(tmp_path, changed("[[rules]]", fields).replace('{ prompt = "prompt" }', order))) == []


def test_a_still_that_takes_no_picture_is_told(tmp_path: Path) -> None:
    text = changed("[[rules]]", PICTURE.replace("image/png", "video/mp4"))

    said = check_folder(write(tmp_path, text.replace('{ prompt = "prompt" }', '{ still = "picture" }')))

    assert said == [
        "engines.camera: the order's still is picture, which accepts none of image/jpeg, image/png, image/webp"
    ]


def test_a_control_is_told_where_the_engines_own_are_known(tmp_path: Path) -> None:
    model = write(tmp_path, changed('{ prompt = "prompt" }', '{ prompt = "prompt", zoom = "seconds" }'))

    assert check_folder(model) == []
    assert check_folder(model, controls={"camera": ("move", "zoom")}) == []
    assert check_folder(model, controls={"camera": ("move", "speed")}) == [
        "engines.camera: the order's zoom is no control of this engine, which has move, speed"
    ]


def test_what_every_engine_is_told_is_no_control(tmp_path: Path) -> None:
    names = {"still": "picture", "duration_s": "seconds"}
    order = ", ".join(f'{key} = "{names.get(key, "prompt")}"' for key in sorted(ORDER_FIELDS))
    text = changed("[[rules]]", PICTURE).replace('{ prompt = "prompt" }', f"{{ {order} }}")

    assert check_folder(write(tmp_path, text), controls={"camera": ()}) == []


EXAMPLES: Final = {
    "not JSON": ("{", "example.json cannot be read: Expecting property name"),
    "no object": ("[1]", "example.json: it must hold model nobody/tiny and an input"),
    "no input": ('{"model": "nobody/tiny"}', "example.json: it must hold model nobody/tiny and an input"),
    "another model": ('{"model": "a/b", "input": {}}', "example.json: it must hold model nobody/tiny and an input"),
    "wrong value": (
        '{"model": "nobody/tiny", "input": {"prompt": "slow", "seconds": 9}}',
        "example.json: input.seconds: 9 is not between 2 and 8",
    ),
    "broken rule": (
        '{"model": "nobody/tiny", "input": {"prompt": "slow", "seconds": 6, "quality": "high"}}',
        "example.json: input.seconds: 4 seconds at most",
    ),
}


@pytest.mark.parametrize(("example", "complaint"), EXAMPLES.values(), ids=EXAMPLES.keys())
def test_an_example_that_cannot_be_sent_is_told(tmp_path: Path, example: str, complaint: str) -> None:
    (said,) = check_folder(write(tmp_path, example=example))

    assert said.startswith(complaint)


@pytest.mark.parametrize("name", ["card.toml", "example.json"])
def test_a_missing_file_is_told(tmp_path: Path, name: str) -> None:
    model = write(tmp_path)
    (tmp_path / ID / name).unlink()

    (said,) = check_folder(model)

    assert said.startswith(f"{name} cannot be read: ")


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    model = write(tmp_path)
    (tmp_path / ID / "card.toml").write_bytes(b"id = '\xff'")

    (said,) = check_folder(model)

    assert said.startswith("card.toml cannot be read: ")


def test_another_folder_than_the_id_is_told(tmp_path: Path) -> None:
    assert check_folder(write(tmp_path, id="nobody/else")) == ["id: nobody/tiny is not its folder, nobody/else"]


def test_folders_come_in_the_order_of_their_ids(tmp_path: Path) -> None:
    for id in ("b/a", "a/c", "a/b"):
        write(tmp_path, id=id)
    (tmp_path / "README.md").write_text("no vendor")

    assert [model.id for model in find_folders(tmp_path)] == ["a/b", "a/c", "b/a"]


def test_a_folder_behind_a_dot_is_no_model(tmp_path: Path) -> None:
    cards = shelf(tmp_path)
    before = set(cards)
    for id in (".git/hooks", ".new-x/slow", "nobody/.draft"):
        write(tmp_path, "no card", id=id)
    write(tmp_path)

    assert [model.id for model in find_folders(tmp_path)] == [ID]
    assert set(load_cards(tmp_path)) - before == {ID}
    assert set(cards) - before == {ID}


def test_a_wrong_card_stops_the_start_by_its_name(tmp_path: Path) -> None:
    write(tmp_path, changed("credits = 3", "credits = -3"))

    with pytest.raises(ConfigError, match="card nobody/tiny: prices: below 0"):
        load_cards(tmp_path)


def test_a_folder_that_is_not_there_adds_nothing(tmp_path: Path) -> None:
    assert load_cards(tmp_path / "none").keys() == load_cards().keys()


def shelf(own: Path | None) -> CardShelf:
    """A shelf that looks each time."""
    return CardShelf(own, look_again_s=0)


def test_a_card_that_is_added_appears(tmp_path: Path) -> None:
    cards = shelf(tmp_path)
    before = set(cards)
    write(tmp_path)

    assert set(cards) - before == {ID}
    assert len(cards) == len(before) + 1
    assert cards[ID].title == "Tiny"


def test_the_first_card_of_a_new_folder_appears(tmp_path: Path) -> None:
    cards = shelf(tmp_path / "cards")
    write(tmp_path / "cards")

    assert ID in cards


def test_a_card_that_is_changed_is_served_as_it_is_now(tmp_path: Path) -> None:
    write(tmp_path)
    cards = shelf(tmp_path)
    write(tmp_path, changed('"Tiny"', '"Small"'))

    assert cards[ID].title == "Small"


def test_a_card_that_is_taken_away_disappears(tmp_path: Path) -> None:
    write(tmp_path)
    cards = shelf(tmp_path)
    assert ID in cards
    (tmp_path / ID / "card.toml").unlink()
    (tmp_path / ID / "example.json").unlink()
    (tmp_path / ID).rmdir()

    assert ID not in cards


def test_a_card_that_breaks_is_served_as_it_was_until_it_is_mended(tmp_path: Path) -> None:
    write(tmp_path)
    cards = shelf(tmp_path)
    write(tmp_path, "no card")
    broken = cards[ID].title
    write(tmp_path, changed('"Tiny"', '"Mended"'))

    assert broken == "Tiny"
    assert cards[ID].title == "Mended"


def test_an_own_card_replaces_the_shipped_one_of_its_id(tmp_path: Path) -> None:
    shipped = resources.files("photoplay") / "cards" / SHIPPED
    text, example = ((shipped / name).read_text(encoding="utf-8") for name in ("card.toml", "example.json"))
    own = text.replace("credits = 16", "credits = 1")
    cards = shelf(tmp_path)
    before = cards[SHIPPED].prices[0].credits
    write(tmp_path, own, example, id=SHIPPED)

    assert before == 16
    assert cards[SHIPPED].prices[0].credits == 1
    assert len(cards) == len(load_cards())


def test_a_route_orders_the_engines_of_a_card_also_after_a_change(tmp_path: Path) -> None:
    write(tmp_path)
    cards = CardShelf(tmp_path, routes={SHIPPED: Route(fallback=True)}, look_again_s=0)
    before = cards[SHIPPED]
    write(tmp_path, changed('"Tiny"', '"Small"'))

    assert before.fallback
    assert cards[SHIPPED] == before
    assert (cards[ID].title, cards[ID].fallback) == ("Small", False)


@pytest.mark.parametrize(
    ("model", "route", "words"),
    [
        ("nobody/none", Route(), r'routes\."nobody/none": there is no such model; there are bytedance/'),
        (SHIPPED, Route(engines=("nothing",)), r"routes\..*: 'nothing' is not one of "),
    ],
)
def test_a_route_to_nowhere_stops_the_start(model: str, route: Route, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load_cards(routes={model: route})


def look_twice(looks: Callable[[], object], change: Callable[[], object]) -> tuple[object, object]:
    first = looks()
    change()
    return first, looks()


def test_between_two_looks_the_folder_is_left_alone(tmp_path: Path) -> None:
    cards = CardShelf(tmp_path, look_again_s=3600)

    assert look_twice(lambda: ID in cards, lambda: write(tmp_path)) == (False, False)


def test_without_a_folder_the_shipped_cards_are_served() -> None:
    assert dict(shelf(None)) == load_cards()

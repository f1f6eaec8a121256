"""A value of each kind of field, at its bounds."""

import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inputs import judge
from made_up import options
from photoplay.domain.checks import Problem, Wrong, check, check_all
from photoplay.domain.fields import (
    Alias,
    Boolean,
    Choice,
    Field,
    FileUrl,
    FileUrls,
    Ids,
    Integer,
    IntegerLists,
    Number,
    NumberChoice,
    NumberOption,
    Objects,
    Seed,
    TaskRef,
    Text,
)
from photoplay.domain.json import JsonObject, JsonValue

PATH = "input.x"
HEX = "0123456789abcdef" * 2
LINK = "https://a.b/"
TEXT = Text(name="x", label="X", help="", chars_min=2, chars_max=4)
CHOICE = Choice(name="x", label="X", help="", options=options("1", "-2", "true"))
NUMBERS = NumberChoice(
    name="x",
    label="X",
    help="",
    options=tuple(NumberOption(value=value, label=label) for value, label in ((1, "one"), (4, "four"), (0.5, "half"))),
)
INTEGER = Integer(name="x", label="X", help="", minimum=-4, maximum=8, step=4)
NUMBER = Number(name="x", label="X", help="", minimum=-0.5, maximum=1.5, step=0.5)
SEED = Seed(name="x", label="X", help="", maximum=99)
BOOLEAN = Boolean(name="x", label="X", help="")
FILE = FileUrl(name="x", label="X", help="", accept=("image/png",), bytes_max=1)
FILES = FileUrls(name="x", label="X", help="", accept=("image/png",), bytes_max=1, items_min=1, items_max=2)
IDS = Ids(name="x", label="X", help="", items_min=1, items_max=2)
TASK = TaskRef(name="x", label="X", help="")
NAMES = Objects(
    name="x",
    label="X",
    help="",
    fields=(
        Text(name="name", label="", help="", required=True, chars_min=1, chars_max=3),
        Integer(name="age", label="", help="", minimum=0, maximum=9, default=5),
    ),
    items_max=2,
)
BOXES = IntegerLists(name="x", label="X", help="", items_min=1, items_max=2, length=2, minimum=0, maximum=9)

# Field, what was sent, what engines read.
READ: list[tuple[Field, JsonValue, JsonValue]] = [
    (TEXT, "ab", "ab"),
    (TEXT, "abcd", "abcd"),
    (TEXT, "😀漢é𝄞", "😀漢é𝄞"),
    (CHOICE, "1", "1"),
    (CHOICE, 1, "1"),
    (CHOICE, 1.0, "1"),
    (CHOICE, -2, "-2"),
    (CHOICE, "true", "true"),
    (NUMBERS, 1, 1),
    (NUMBERS, 4.0, 4),
    (NUMBERS, 0.5, 0.5),
    (INTEGER, -4, -4),
    (INTEGER, 0, 0),
    (INTEGER, 8, 8),
    (INTEGER, 4.0, 4),
    (NUMBER, -0.5, -0.5),
    (NUMBER, 1.5, 1.5),
    (NUMBER, 0.123, 0.123),
    (NUMBER, 1, 1),
    (SEED, -1, -1),
    (SEED, 99, 99),
    (SEED, 0.0, 0),
    (BOOLEAN, True, True),
    (BOOLEAN, False, False),
    (FILE, "http://a.b", "http://a.b"),
    (FILE, "HTTPS://A.B/c?d=e#f", "HTTPS://A.B/c?d=e#f"),
    (FILE, "https://例え.jp/絵.png", "https://例え.jp/絵.png"),
    (FILE, "http://[::1]:8080/c", "http://[::1]:8080/c"),
    (FILE, LINK + "x" * 2036, LINK + "x" * 2036),
    (FILES, [LINK], [LINK]),
    (FILES, [LINK, LINK], [LINK, LINK]),
    (IDS, ["a"], ["a"]),
    (IDS, ["x" * 255, "é"], ["x" * 255, "é"]),
    (TASK, HEX, HEX),
    (NAMES, [], []),
    (NAMES, [{"name": "ann"}, {"name": "bob", "age": 9.0}], [{"name": "ann", "age": 5}, {"name": "bob", "age": 9}]),
    (NAMES, [{"name": "ann", "age": None, "hat": 1}], [{"name": "ann", "age": 5}]),
    (BOXES, [[0, 9]], [[0, 9]]),
    (BOXES, [[1, 2.0], [3, 4]], [[1, 2], [3, 4]]),
]
# Field, what was sent, where the complaint points, and its text.
REFUSED: list[tuple[Field, JsonValue, str, str]] = [
    (TEXT, "", PATH, "input.x is required: the text is empty"),
    (TEXT, "a", PATH, "input.x has 1 characters, at least 2 are needed"),
    (
        TEXT,
        "abcde",
        PATH,
        "The text length cannot exceed the maximum limit: input.x has 5 characters, the limit is 4",
    ),
    (TEXT, 55, PATH, "input.x must be a string, got the number 55"),
    (TEXT, True, PATH, "input.x must be a string, got true"),
    (CHOICE, "2", PATH, 'input.x is not within the range of allowed options: "2" is not one of 1, -2, true'),
    (CHOICE, True, PATH, "input.x is not within the range of allowed options: true is not one of 1, -2, true"),
    (CHOICE, ["1"], PATH, "input.x is not within the range of allowed options: a list is not one of 1, -2, true"),
    (CHOICE, 1.5, PATH, "input.x is not within the range of allowed options: the number 1.5 is not one of 1, -2, true"),
    (CHOICE, " 1", PATH, 'input.x is not within the range of allowed options: " 1" is not one of 1, -2, true'),
    (CHOICE, "\uff11", PATH, 'input.x is not within the range of allowed options: "\uff11" is not one of 1, -2, true'),
    (NUMBERS, "1", PATH, 'input.x is not within the range of allowed options: "1" is not one of 1, 4, 0.5'),
    (NUMBERS, True, PATH, "input.x is not within the range of allowed options: true is not one of 1, 4, 0.5"),
    (NUMBERS, 2, PATH, "input.x is not within the range of allowed options: the number 2 is not one of 1, 4, 0.5"),
    (NUMBERS, 1.5, PATH, "input.x is not within the range of allowed options: the number 1.5 is not one of 1, 4, 0.5"),
    (NUMBERS, False, PATH, "input.x is not within the range of allowed options: false is not one of 1, 4, 0.5"),
    (INTEGER, -8, PATH, "input.x: -8 is not between -4 and 8"),
    (INTEGER, 12, PATH, "input.x: 12 is not between -4 and 8"),
    (INTEGER, 5, PATH, "input.x: 5 is not -4 plus a multiple of 4"),
    (INTEGER, 4.5, PATH, "input.x must be a whole number, got the number 4.5"),
    (INTEGER, "4", PATH, "input.x must be a whole number, got a string"),
    (INTEGER, False, PATH, "input.x must be a whole number, got false"),
    (NUMBER, -0.51, PATH, "input.x: -0.51 is not between -0.5 and 1.5"),
    (NUMBER, 2, PATH, "input.x: 2 is not between -0.5 and 1.5"),
    (NUMBER, True, PATH, "input.x must be a number, got true"),
    (NUMBER, "1", PATH, "input.x must be a number, got a string"),
    (NUMBER, float("nan"), PATH, "input.x must be a number, got the number nan"),
    (NUMBER, float("inf"), PATH, "input.x: inf is not between -0.5 and 1.5"),
    (SEED, -2, PATH, "input.x: -2 is not between -1 and 99"),
    (SEED, 100, PATH, "input.x: 100 is not between -1 and 99"),
    (SEED, True, PATH, "input.x must be a whole number, got true"),
    (SEED, float("inf"), PATH, "input.x must be a whole number, got the number inf"),
    (BOOLEAN, 0, PATH, "input.x must be true or false, got the number 0"),
    (BOOLEAN, 1.0, PATH, "input.x must be true or false, got the number 1"),
    (BOOLEAN, "yes", PATH, "input.x must be true or false, got a string"),
    (BOOLEAN, {}, PATH, "input.x must be true or false, got an object"),
    (BOOLEAN, [], PATH, "input.x must be true or false, got a list"),
    (FILE, 5, PATH, "input.x must be an http or https URL, got the number 5"),
    (FILE, LINK + "x" * 2037, PATH, "input.x has 2049 characters, the limit for a URL is 2048"),
    (FILES, LINK, PATH, "input.x must be a list, got a string"),
    (FILES, {"0": LINK}, PATH, "input.x must be a list, got an object"),
    (FILES, [], PATH, "input.x has 0 items, allowed are 1 to 2"),
    (FILES, [LINK] * 3, PATH, "input.x has 3 items, allowed are 1 to 2"),
    (FILES, [LINK, None], f"{PATH}[1]", "input.x[1] must be an http or https URL, got null"),
    (IDS, [""], f"{PATH}[0]", "input.x[0] must be a string of 1 to 255 characters"),
    (IDS, ["a", "x" * 256], f"{PATH}[1]", "input.x[1] must be a string of 1 to 255 characters"),
    (IDS, [7], f"{PATH}[0]", "input.x[0] must be a string of 1 to 255 characters"),
    (IDS, [], PATH, "input.x has 0 items, allowed are 1 to 2"),
    (TASK, HEX[1:], PATH, "input.x must be a task id: 32 hexadecimal digits in lower case"),
    (TASK, HEX + "0", PATH, "input.x must be a task id: 32 hexadecimal digits in lower case"),
    (TASK, HEX + "\n", PATH, "input.x must be a task id: 32 hexadecimal digits in lower case"),
    (TASK, HEX.upper(), PATH, "input.x must be a task id: 32 hexadecimal digits in lower case"),
    (TASK, 7, PATH, "input.x must be a task id: 32 hexadecimal digits in lower case"),
    (NAMES, [{"name": "ann"}, {"age": 1}], f"{PATH}[1].name", "input.x[1].name is required"),
    (NAMES, [{"name": "ann", "age": 10}], f"{PATH}[0].age", "input.x[0].age: 10 is not between 0 and 9"),
    (NAMES, ["ann"], f"{PATH}[0]", "input.x[0] must be an object, got a string"),
    (NAMES, [None], f"{PATH}[0]", "input.x[0] must be an object, got null"),
    (NAMES, {}, PATH, "input.x must be a list, got an object"),
    (BOXES, [[1, 2], [1]], f"{PATH}[1]", "input.x[1] must be a list of 2 whole numbers"),
    (BOXES, [[1, 2, 3]], f"{PATH}[0]", "input.x[0] must be a list of 2 whole numbers"),
    (BOXES, [[1, True]], f"{PATH}[0]", "input.x[0] must be a list of 2 whole numbers"),
    (BOXES, [[1, 2.5]], f"{PATH}[0]", "input.x[0] must be a list of 2 whole numbers"),
    (BOXES, ["12"], f"{PATH}[0]", "input.x[0] must be a list of 2 whole numbers"),
    (BOXES, [[1, 10]], f"{PATH}[0]", "input.x[0]: 10 is not between 0 and 9"),
    (BOXES, [[-1.0, 1]], f"{PATH}[0]", "input.x[0]: -1 is not between 0 and 9"),
]


def readable(value: object) -> str | None:
    """Name a case by what is in it."""
    if isinstance(value, Text | Choice | NumberChoice | Integer | Number | Seed | Boolean | FileUrl | FileUrls):
        return value.kind
    if isinstance(value, Ids | TaskRef | Objects | IntegerLists):
        return value.kind
    return ascii(value)[:40].replace("'", "")


def shape(value: JsonValue) -> str:
    """A value with its types: 5 is not 5.0 here, and not true."""
    return json.dumps(value)


@pytest.mark.parametrize(("field", "sent", "read"), READ, ids=readable)
def test_a_value_within_its_bounds_is_read(field: Field, sent: JsonValue, read: JsonValue) -> None:
    assert shape(check_ok(field, sent)) == shape(read)
    assert judge((field,))({"x": sent})


def check_ok(field: Field, value: JsonValue) -> JsonValue:
    checked = check(field, value, path=PATH)
    assert not isinstance(checked, Wrong)
    return checked


@pytest.mark.parametrize(("field", "sent", "path", "text"), REFUSED, ids=readable)
def test_a_value_beyond_its_bounds_is_told_what_which_limit_and_got(
    field: Field, sent: JsonValue, path: str, text: str
) -> None:
    assert check(field, sent, path=PATH) == Wrong((Problem(field=path, message=text),))
    # JSON has no NaN, and a schema no word against it.
    assert not judge((field,))({"x": sent}) or sent != sent  # noqa: PLR0124


@pytest.mark.parametrize(
    "url",
    [
        "",
        "a.b/c",
        "//a.b/c",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "http:",
        "http://",
        "http:///c",
        "ftp://a/b",
        " http://a.b",
        "http://a.b/ c",
        "http://a.b\n",
        "http://a.b\\c",
    ],
)
def test_what_is_no_web_address_is_refused(url: str) -> None:
    message = f'input.x must be an http or https URL, got "{url}"'

    assert check(FILE, url, path=PATH) == Wrong((Problem(field=PATH, message=message),))


@given(st.text(min_size=2, max_size=4))
def test_text_within_its_bounds_is_untouched(text: str) -> None:
    assert check(TEXT, text, path=PATH) == text


@given(st.text(min_size=5))
def test_longer_text_is_refused_with_its_length_and_the_limit(text: str) -> None:
    refused = check(TEXT, text, path=PATH)

    assert isinstance(refused, Wrong)
    assert refused.problems[0].message.endswith(f"{PATH} has {len(text)} characters, the limit is 4")


@given(st.text())
def test_an_address_is_its_text_or_a_complaint(text: str) -> None:
    url = "http://" + text

    assert check(FILE, url, path=PATH) == url or isinstance(check(FILE, url, path=PATH), Wrong)


@pytest.mark.parametrize("field", [CHOICE, NUMBERS, INTEGER, NUMBER, SEED], ids=readable)
@pytest.mark.parametrize("number", [10**400, -(10**400), 1e308], ids=["large", "small", "float"])
def test_a_huge_number_is_refused_in_few_words(field: Field, number: float) -> None:
    refused = check(field, number, path=PATH)

    assert isinstance(refused, Wrong)
    assert len(refused.problems[0].message) < 200


def test_every_problem_of_a_list_is_told_with_its_place() -> None:
    refused = check(NAMES, [{"name": 5, "age": -1}, {"age": "x"}], path=PATH)

    assert isinstance(refused, Wrong)
    assert [problem.field for problem in refused.problems] == [
        "input.x[0].name",
        "input.x[0].age",
        "input.x[1].name",
        "input.x[1].age",
    ]


def test_a_list_below_a_list_has_both_places() -> None:
    outer = Objects(name="x", label="", help="", fields=(NAMES,), items_max=3)

    refused = check(outer, [{}, {"x": [{"name": "ann"}, {"name": ""}]}], path=PATH)

    assert isinstance(refused, Wrong)
    assert [problem.field for problem in refused.problems] == ["input.x[1].x[1].name"]


FIELDS: tuple[Field, ...] = (
    Integer(name="count", label="", help="", minimum=1, maximum=9, default=3),
    Text(name="name", label="", help="", required=True, chars_max=9),
    Boolean(name="loud", label="", help=""),
    Alias(name="number", label="", help="", of="count"),
    Alias(name="n", label="", help="", of="count"),
    Alias(name="title", label="", help="", of="name"),
)


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ({"name": "a"}, {"count": 3, "name": "a"}),
        ({"name": "a", "count": None, "loud": None}, {"count": 3, "name": "a"}),
        ({"name": "a", "colour": [1], "kind": {}}, {"count": 3, "name": "a"}),
        ({"name": "", "loud": False}, {"count": 3, "name": "", "loud": False}),
        ({"title": "a", "number": 4.0}, {"count": 4, "name": "a"}),
        ({"name": "a", "n": 5}, {"count": 5, "name": "a"}),
        ({"name": "a", "n": 5, "number": 6}, {"count": 6, "name": "a"}),
        ({"name": "a", "n": 5, "number": None}, {"count": 5, "name": "a"}),
        ({"name": "a", "title": "b", "count": 1, "number": 2}, {"count": 1, "name": "a"}),
        ({"name": None, "title": "b"}, {"count": 3, "name": "b"}),
        ({"name": "a", "title": 5, "count": 1, "number": "x"}, {"count": 1, "name": "a"}),
    ],
    ids=[
        "defaults",
        "null is absent",
        "unknown keys",
        "false and empty are there",
        "aliases",
        "the second alias",
        "the first alias counts",
        "a null alias does not count",
        "the own name counts",
        "an alias beside null",
        "what does not count is not looked at",
    ],
)
def test_an_object_is_read_as_engines_need_it(sent: JsonObject, read: JsonObject) -> None:
    checked = check_all(FIELDS, sent, path="input")

    assert isinstance(checked, Mapping)
    assert shape(dict(checked)) == shape(dict(read))


@pytest.mark.parametrize(
    ("sent", "paths"),
    [
        ({}, ["input.name"]),
        ({"name": None, "title": None}, ["input.name"]),
        ({"title": 5, "number": 10}, ["input.number", "input.title"]),
        ({"name": "a", "n": 0}, ["input.n"]),
        ({"name": 5, "title": "b", "count": 0, "number": 1}, ["input.count", "input.name"]),
        ({"loud": 1, "name": 1, "count": True}, ["input.count", "input.name", "input.loud"]),
    ],
    ids=["missing", "null", "under aliases", "under the second alias", "the own name counts", "in the card's order"],
)
def test_a_problem_points_at_the_name_that_was_used(sent: JsonObject, paths: list[str]) -> None:
    refused = check_all(FIELDS, sent, path="input")

    assert isinstance(refused, Wrong)
    assert [problem.field for problem in refused.problems] == paths
    assert all(problem.field in problem.message for problem in refused.problems)


def test_what_has_no_default_stays_absent() -> None:
    assert check_all((BOOLEAN, SEED, FILES), {}, path="input") == {}

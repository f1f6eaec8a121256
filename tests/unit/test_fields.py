"""Each kind of field, at its bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photoplay.domain.fields import Boolean, Choice, FileUrl, Option, Problem, Text, check
from photoplay.domain.json import JsonValue

PATH = "input.x"
TEXT = Text(name="x", label="X", help="", chars_min=2, chars_max=4)
CHOICE = Choice(
    name="x", label="X", help="", options=(Option(value="1", label="one"), Option(value="true", label="yes"))
)
BOOLEAN = Boolean(name="x", label="X", help="")
FILE = FileUrl(name="x", label="X", help="", accept=("image/png",), bytes_max=1)


@given(st.text(min_size=2, max_size=4))
def test_text_within_its_bounds_is_untouched(text: str) -> None:
    assert check(TEXT, text, path=PATH) == text


@given(st.text(min_size=5))
def test_longer_text_is_refused_with_its_length_and_the_limit(text: str) -> None:
    problem = check(TEXT, text, path=PATH)

    assert isinstance(problem, Problem)
    assert problem.field == PATH
    assert problem.message.endswith(f"{PATH} has {len(text)} characters, the limit is 4")


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "input.x is required: the text is empty"), ("a", "input.x has 1 characters, at least 2 are needed")],
)
def test_shorter_text_is_refused(text: str, message: str) -> None:
    assert check(TEXT, text, path=PATH) == Problem(field=PATH, message=message)


@pytest.mark.parametrize(("value", "read"), [("1", "1"), (1, "1"), ("true", "true")])
def test_a_number_that_reads_like_an_option_is_that_option(value: JsonValue, read: str) -> None:
    assert check(CHOICE, value, path=PATH) == read


@pytest.mark.parametrize("value", [True, 1.0, "2", "", " 1", "\uff11", [], {}, ["1"]])
def test_what_only_resembles_an_option_is_refused(value: JsonValue) -> None:
    problem = check(CHOICE, value, path=PATH)

    assert isinstance(problem, Problem)
    assert "is not one of 1, true" in problem.message


@pytest.mark.parametrize("value", [True, False])
def test_a_boolean_is_itself(value: bool) -> None:
    assert check(BOOLEAN, value, path=PATH) is value


@pytest.mark.parametrize(
    ("value", "got"),
    [(0, "the number 0"), (1.5, "the number 1.5"), ("yes", "a string"), ({}, "an object"), ([], "a list")],
)
def test_another_type_is_named(value: JsonValue, got: str) -> None:
    assert check(BOOLEAN, value, path=PATH) == Problem(field=PATH, message=f"input.x must be true or false, got {got}")


@pytest.mark.parametrize(
    "url", ["http://a.b", "https://a.b/c?d=e#f", "HTTPS://A.B/", "https://例え.jp/絵.png", "https://a.b/" + "x" * 2036]
)
def test_a_web_address_is_accepted_as_it_stands(url: str) -> None:
    assert check(FILE, url, path=PATH) == url


@pytest.mark.parametrize(
    "url", ["", "a.b/c", "//a.b/c", "file:///etc/passwd", "javascript:alert(1)", "http:", "http://", "http:///c"]
)
def test_anything_else_is_no_web_address(url: str) -> None:
    problem = check(FILE, url, path=PATH)

    assert isinstance(problem, Problem)
    assert problem.message.startswith("input.x must be an http or https URL")


@given(st.text())
def test_any_text_is_judged_as_an_address_without_an_error(text: str) -> None:
    assert check(FILE, "http://" + text, path=PATH) is not None

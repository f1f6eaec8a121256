"""Reading bodies strictly: whatever arrives is read, or refused in words."""

import json
import math
import re
from contextlib import suppress
from datetime import timedelta
from time import perf_counter
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photoplay.domain.errors import AppError, InvalidInput, MalformedBody
from photoplay.domain.json import JsonValue
from photoplay.web.strict import parse_json
from photoplay.web.wire import dump, parse_submission, parse_task_id

# A megabyte is the most that a body may hold; reading it must not keep the other callers waiting.
QUICK = timedelta(seconds=20)

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20),
)
json_values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8), inner, max_size=4
        )
    ),
    max_leaves=20,
)
PIECES = [
    *'{}[]",:\\0123456789.eE+-',
    *("true", "false", "null", "NaN", "Infinity", "-Infinity", '"a"', '"a":', "\\u", "\\ud800", "\\udc00", "\\u0000"),
    *("1e999", "\x00", "\ufeff", "\u2028", "😀", " ", "\n", "9" * 5000, "[" * 70),
]  # fmt: skip


def refusal_of(body: bytes) -> AppError | None:
    """How the parser refuses the body; None when it reads it. Anything else that it raises fails the test."""
    try:
        parse_json(body)
    except AppError as refusal:
        return refusal
    return None


@given(json_values)
def test_what_we_write_we_read_back(value: JsonValue) -> None:
    assert parse_json(dump(value).encode()) == value


@given(json_values)
def test_what_another_writer_escapes_we_read_too(value: JsonValue) -> None:
    assert parse_json(json.dumps(value, indent=1).encode()) == value


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_read_or_refused(body: bytes) -> None:
    refusal = refusal_of(body)

    assert refusal is None or isinstance(refusal, (MalformedBody, InvalidInput))


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_text_that_looks_like_json_is_read_or_refused(text: str) -> None:
    refusal = refusal_of(text.encode())

    assert isinstance(refusal, (MalformedBody, InvalidInput)) or dump(parse_json(text.encode())).encode()


@given(st.lists(st.sampled_from(PIECES), max_size=20).map("".join))
def test_a_submission_is_parsed_or_refused(text: str) -> None:
    with suppress(MalformedBody, InvalidInput):
        assert parse_submission(text.encode(), idempotency_key=None).model


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "The body is not JSON: Expecting value at line 1, column 1"),
        (b"{", "The body is not JSON: "),
        (b"model=x", "The body is not JSON: "),
        (b"{} {}", "The body is not JSON: Extra data"),
        (b"\xef\xbb\xbf{}", "The body is not JSON: "),
        (b'{"a":1,"a":2}', "The body is not JSON that can be read: the key 'a' stands twice in one object"),
        (b'{"a":{"b":1,"b":1}}', "The body is not JSON that can be read: the key 'b' stands twice"),
        (b'{"a":1,"\\u0061":2}', "The body is not JSON that can be read: the key 'a' stands twice"),
        (b'{"a":NaN}', "The body is not JSON that can be read: NaN is not a JSON number"),
        (b"[Infinity]", "The body is not JSON that can be read: Infinity is not a JSON number"),
        (b"[-Infinity]", "The body is not JSON that can be read: -Infinity is not a JSON number"),
        (b"[1e999]", "The body is not JSON that can be read: the number 1e999 is too large"),
        (b"[-1e999]", "The body is not JSON that can be read: the number -1e999 is too large"),
        (b'{"a":"\xff"}', "The body is not UTF-8: byte 6 cannot be read"),
        (b'"\xed\xa0\x80"', "The body is not UTF-8: "),
        ('{"a":1}'.encode("utf-16"), "The body is not UTF-8: "),
        (b'["a\x00b"]', "The body is not JSON: Invalid control character"),
        (b"[" + b"9" * 5000 + b"]", "The body is not JSON that can be read: "),
        (b"[" * 65 + b"]" * 65, "The body is not JSON that can be read: it is nested deeper than 64"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "The body is not JSON that can be read: it is nested deeper than 64"),
        (b"[" * 500_000, "The body is not JSON that can be read: it is nested deeper than 64"),
    ],
    ids=lambda value: repr(value[:24]) if isinstance(value, bytes) else "",
)  # fmt: skip
def test_a_malformed_body_is_refused(body: bytes, text: str) -> None:
    with pytest.raises(MalformedBody, match="^" + re.escape(text)):
        parse_json(body)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b'"a\\u0000"', "the body"),
        (b'{"a":"\\u0000"}', "a"),
        (b'{"a":{"b":["x","\\ud800"]}}', "a.b[1]"),
        (b'["\\udc00\\ud800"]', "the body[0]"),
        (b'{"input":{"x\\u0000":1}}', "a key of input"),
        (b'{"\\udfff":1}', "a key of the body"),
    ],
)
def test_text_that_nobody_can_carry_is_refused_by_its_path(body: bytes, path: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_json(body)

    assert refused.value.field == path
    assert str(refused.value) == f"{path} holds a NUL character or half of a surrogate pair"


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"[" * 64 + b"]" * 64, None),
        (b'["' + b"[" * 100 + b'"]', ["[" * 100]),
        (b'["\\"' + b"{[" * 100 + b'"]', ['"' + "{[" * 100]),
        (b'{"' + b"{" * 100 + b'":"\\\\"}', {"{" * 100: "\\"}),
        (b"[" + b"[0]," * 100 + b"[0]]", [[0]] * 101),
        (b'"\\ud83d\\ude00"', "😀"),
        (b"[1e308,-0,1E-999]", [1e308, 0, 0.0]),
        (b" \n[1] ", [1]),
    ],
    ids=["depth 64", "in a string", "after a quote", "in a key", "side by side", "pair", "numbers", "space"],
)
def test_what_only_looks_wrong_is_read(body: bytes, value: JsonValue) -> None:
    read = parse_json(body)

    assert value is None or read == value


@pytest.mark.parametrize(
    "body",
    [
        b'"' + b'\\"' * 500_000,
        b"{" + b",".join(b'"%d":0' % n for n in range(80_000)) + b',"79999":0}',
        b'{"' + b"k" * 500_000 + b'":[' + b",".join([b"0"] * 250_000) + b"]}",
        b"[" + b",".join([b'"\\u0041"'] * 100_000) + b"]",
        b"[" + b"9" * 1_000_000 + b"]",
    ],
    ids=["string without an end", "repeated last key", "long name over many items", "many escapes", "huge number"],
)
def test_a_megabyte_of_anything_is_judged_quickly(body: bytes) -> None:
    began = perf_counter()
    refusal_of(body)

    assert perf_counter() - began < QUICK.total_seconds()


@pytest.mark.parametrize(
    ("body", "field", "beginning"),
    [
        ("[]", "", "The body must be a JSON object"),
        ("null", "", "The body must be a JSON object"),
        ('"model"', "", "The body must be a JSON object"),
        ("{}", "model", "model is required"),
        ('{"model":null,"input":{}}', "model", "model is required"),
        ('{"model":5,"input":{}}', "model", "model must be a string"),
        ('{"model":"m"}', "input", "input is required"),
        ('{"model":"m","input":null}', "input", "input is required"),
        ('{"model":"m","input":[]}', "input", "input must be an object"),
        ('{"model":"m","input":"{}"}', "input", "input must be an object"),
        ('{"model":"m","input":{},"callBackUrl":5}', "callBackUrl", "callBackUrl must be an http or https URL"),
    ],
)
def test_a_wrong_root_is_refused_by_its_field(body: str, field: str, beginning: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_submission(body.encode(), idempotency_key=None)

    assert refused.value.field == field
    assert str(refused.value).startswith(beginning)


@pytest.mark.parametrize("url", ["null", '""'])
def test_no_callback_url_is_none(url: str) -> None:
    parsed = parse_submission(f'{{"model":"m","input":{{}},"callBackUrl":{url}}}'.encode(), idempotency_key=None)

    assert parsed.callback_url is None


def test_the_request_is_kept_as_the_caller_sent_it() -> None:
    sent: dict[str, JsonValue] = {
        "zebra": [1, 2.5, None],
        "model": "m",
        "callBackUrl": "https://a.b/c",
        "input": {"duration": 5, "prompt": "é😀 \u2028", "extra": {"deep": [True]}},
    }

    parsed = parse_submission(json.dumps(sent).encode(), idempotency_key="k")

    assert json.loads(parsed.request) == sent
    assert list(cast("dict[str, JsonValue]", json.loads(parsed.request))) == list(sent)
    assert (parsed.model, parsed.callback_url, parsed.idempotency_key) == ("m", "https://a.b/c", "k")


@pytest.mark.parametrize("size", [1, 255])
def test_an_idempotency_key_within_its_bounds_is_kept(size: int) -> None:
    assert parse_submission(b'{"model":"m","input":{}}', idempotency_key="k" * size).idempotency_key == "k" * size


@pytest.mark.parametrize("size", [0, 256])
def test_an_idempotency_key_beyond_its_bounds_is_refused(size: int) -> None:
    with pytest.raises(InvalidInput, match=f"Idempotency-Key has {size} characters, allowed are 1 to 255"):
        parse_submission(b'{"model":"m","input":{}}', idempotency_key="k" * size)


@pytest.mark.parametrize("text", [None, ""])
def test_a_missing_task_id_is_refused(text: str | None) -> None:
    with pytest.raises(InvalidInput, match=r"^taskId is required"):
        parse_task_id(text)


@given(st.text(min_size=1))
def test_only_32_hexadecimal_digits_can_be_a_task(text: str) -> None:
    read = parse_task_id(text)

    assert read is None or read.hex == text


@given(st.uuids())
def test_a_task_id_is_its_32_digits(id: object) -> None:
    text = str(id).replace("-", "")

    assert parse_task_id(text) == id
    assert parse_task_id(str(id)) is None
    assert parse_task_id(text.upper()) is None or text.isdigit()


def test_numbers_that_json_does_not_know_are_never_written() -> None:
    with pytest.raises(ValueError, match="Out of range float"):
        dump(math.nan)

"""What is made of another server's answer."""

from typing import Any

import pytest

from photoplay.engines.replies import parse_object, share_in


@pytest.mark.parametrize("text", [b"", b"<h1>404</h1>", b"[1]", b"\xff", b'{"a": 1', b'{"a": ' + b"[" * 100_000])
def test_what_is_no_object_is_an_empty_one(text: bytes) -> None:
    assert parse_object(text) == {}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b'{"is_changed": [NaN, 1]}', {"is_changed": [None, 1]}),
        (b'{"a": Infinity, "b": -1e999, "c": 1.5}', {"a": None, "b": None, "c": 1.5}),
        (b'{"id": "a\\u0000b", "n\\u0000": {"x": "\\ud800y"}}', {"id": "a b", "n ": {"x": "?y"}}),
    ],
)
def test_what_could_not_be_kept_is_other_than_it_was_sent(text: bytes, found: object) -> None:
    assert parse_object(text) == found


@pytest.mark.parametrize(
    ("percent", "share"),
    [(0, None), (50, 0.5), (12.5, 0.125), (10**400, 1), (-3, None), (True, None), ("50", None), (None, None)],
)
def test_a_progress_in_percent_is_a_share(percent: Any, share: float | None) -> None:
    assert share_in(percent) == share

"""API keys: a slip of the pen is seen before any look-up, and only a hash is kept."""

import hashlib
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photoplay.domain.keys import digest_key, is_well_formed, make_key, shown_prefix

KEYS = st.binary(min_size=20, max_size=20).map(make_key)
KEY = make_key(bytes(range(20)))


@given(KEYS)
def test_a_made_key_is_well_formed(key: str) -> None:
    assert is_well_formed(key)
    assert key.startswith("pp_live_")
    assert len(key) == len("pp_live_") + 40 + 8


@given(KEYS, st.data())
def test_any_changed_character_is_caught(key: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(key) - 1))
    other = data.draw(st.one_of(st.sampled_from(string.hexdigits), st.characters()).filter(lambda c: c != key[place]))

    assert not is_well_formed(key[:place] + other + key[place + 1 :])


@pytest.mark.parametrize(
    "text",
    ["", "pp_live_", "pp_test_" + KEY[8:], KEY.upper(), KEY[:-1], KEY + "0", " " + KEY, KEY + "\n", "pp_live_00000000"],
    ids=["empty", "prefix", "other prefix", "upper", "cut", "longer", "space", "newline", "only a checksum"],
)
def test_what_is_not_a_key_is_refused(text: str) -> None:
    assert not is_well_formed(text)


@given(st.text())
def test_any_text_is_judged_without_an_error(text: str) -> None:
    assert is_well_formed("pp_live_" + text) in {True, False}


@given(KEYS)
def test_only_a_sha256_is_kept(key: str) -> None:
    assert digest_key(key) == hashlib.sha256(key.encode("ascii")).digest()


def test_only_six_random_characters_are_shown() -> None:
    assert shown_prefix(KEY) == "pp_live_000102"


@pytest.mark.parametrize("size", [0, 19, 21])
def test_a_key_of_another_size_is_a_bug(size: int) -> None:
    with pytest.raises(AssertionError, match="160 random bits"):
        make_key(bytes(size))

"""API keys: a slip of the pen is seen before any look-up, and only a hash is kept."""

import hashlib
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photoplay.domain.errors import InvalidInput
from photoplay.domain.keys import (
    Kind,
    check_name,
    comes_from,
    digest_key,
    is_well_formed,
    make_key,
    parse_network,
    shown_prefix,
)

KINDS = st.sampled_from(Kind)
KEYS = st.builds(make_key, st.binary(min_size=20, max_size=20), KINDS)
KEY = make_key(bytes(range(20)), Kind.LIVE)


@given(KEYS)
def test_a_made_key_is_well_formed(key: str) -> None:
    assert is_well_formed(key)
    assert key.startswith(("pp_live_", "pp_test_"))
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
        make_key(bytes(size), Kind.LIVE)


@pytest.mark.parametrize(
    ("address", "networks", "is_in"),
    [
        ("10.1.2.3", ["10.0.0.0/8"], True),
        ("11.1.2.3", ["10.0.0.0/8"], False),
        ("10.0.0.5", ["10.0.0.5"], True),
        ("10.0.0.6", ["10.0.0.5", "10.0.0.6/32"], True),
        ("::ffff:10.1.2.3", ["10.0.0.0/8"], True),
        ("::1", ["10.0.0.0/8"], False),
        ("::1", ["::/0"], True),
        ("10.1.2.3", ["::/0"], False),
        ("unknown", ["0.0.0.0/0"], False),
        ("10.1.2.3:443", ["0.0.0.0/0"], False),
        ("", ["0.0.0.0/0"], False),
        (None, ["0.0.0.0/0"], False),
    ],
)
def test_an_address_is_in_its_networks_alone(address: str | None, networks: list[str], is_in: bool) -> None:
    assert comes_from(address, [parse_network(text) for text in networks]) is is_in


@pytest.mark.parametrize("text", ["", "10.0.0.1/8", "10.0.0", "example.com", "10.0.0.0/33", "*"])
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"^networks: "):
        parse_network(text)


@pytest.mark.parametrize("name", ["a", "studio", "Söhne & Co.", "Студия", "7", "x" * 100, "a@b"])
def test_a_name_that_can_be_printed_is_one(name: str) -> None:
    assert check_name(name, field="account") == name


@pytest.mark.parametrize("name", ["", " ", "-a", "=1", "@a", "a/b", "a\nb", "a\x00", "a\u202eb", "x" * 101])
def test_what_is_no_name_is_refused_by_its_field(name: str) -> None:
    with pytest.raises(InvalidInput, match=r"^account: ") as refused:
        check_name(name, field="account")

    assert refused.value.field == "account"

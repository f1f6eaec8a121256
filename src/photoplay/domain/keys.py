"""API keys: what they look like, the hash that is all we keep of them, and what each may be used for."""

import hashlib
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, TypeAlias

from photoplay.domain.errors import InvalidInput
from photoplay.domain.limits import NO_CAPS, Caps

__all__ = [
    "NAME_CHARS_MAX",
    "NO_TERMS",
    "PLAY_CREDITS",
    "RANDOM_BYTES",
    "Kind",
    "Network",
    "Terms",
    "check_name",
    "comes_from",
    "digest_key",
    "is_loopback",
    "is_well_formed",
    "make_key",
    "parse_network",
    "shown_prefix",
]

Network: TypeAlias = IPv4Network | IPv6Network

NAME_CHARS_MAX: Final = 100
# What a test account begins with. They are worth nothing, so there may be many.
PLAY_CREDITS: Final = 1_000_000

RANDOM_BYTES: Final = 20
_CHECKSUM_CHARS: Final = 8
_LOOPBACK: Final = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
_SHOWN_CHARS: Final = 6


class Kind(StrEnum):
    """What an account's credits are: those of a live one are money, those of a test one are play."""

    LIVE = "live"
    TEST = "test"

    @property
    def key_prefix(self) -> str:
        return f"pp_{self.value}_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a key may be used for."""

    caps: Caps = NO_CAPS
    models: frozenset[str] | None = None
    """None for every model."""
    networks: tuple[Network, ...] | None = None
    """Where it may come from; None for everywhere."""
    expires_at: datetime | None = None


NO_TERMS: Final = Terms()


def make_key(randomness: bytes, kind: Kind) -> str:
    """Return a key of 160 random bits and a checksum, so that a mistyped one is refused without a look-up."""
    assert len(randomness) == RANDOM_BYTES, "a key holds 160 random bits"
    body = kind.key_prefix + randomness.hex()
    return body + _checksum(body)


def is_well_formed(key: str) -> bool:
    body, checksum = key[:-_CHECKSUM_CHARS], key[-_CHECKSUM_CHARS:]
    is_known = any(key.startswith(kind.key_prefix) for kind in Kind)
    return is_known and key.isascii() and _checksum(body) == checksum


def digest_key(key: str) -> bytes:
    """Return what is stored. A plain hash is enough: there is nothing to guess in 160 random bits."""
    return hashlib.sha256(key.encode()).digest()


def shown_prefix(key: str) -> str:
    """Return as much of a key as a list may show."""
    return key[: len(Kind.LIVE.key_prefix) + _SHOWN_CHARS]


def _checksum(body: str) -> str:
    return f"{zlib.crc32(body.encode()):08x}"


def parse_network(text: str) -> Network:
    """Read an address or a network in CIDR. Raises: InvalidInput."""
    try:
        return ip_network(text.strip())
    except ValueError as exc:
        raise InvalidInput(
            f"networks: {text[:60]!r} is not an address or a network such as 203.0.113.0/24", field="networks"
        ) from exc


def comes_from(address: str | None, networks: Iterable[Network]) -> bool:
    """Say whether a client's address is in one of the networks. One that cannot be read is in none."""
    try:
        client = ip_address(address or "")
    except ValueError:
        return False
    if isinstance(client, IPv6Address) and client.ipv4_mapped is not None:
        # What a socket that listens for both families says of an IPv4 client.
        client = client.ipv4_mapped
    return any(client in network for network in networks)


def is_loopback(address: str | None) -> bool:
    """Say whether an address is this machine's own, for itself alone."""
    return address == "localhost" or comes_from(address, _LOOPBACK)


def check_name(name: str, *, field: str) -> str:
    """Return the name of an account or a key, if it can be printed, put in a path and opened in a spreadsheet.

    Raises: InvalidInput.
    """
    is_fine = 1 <= len(name) <= NAME_CHARS_MAX and name[0].isalnum() and name.isprintable() and "/" not in name
    if not is_fine:
        raise InvalidInput(
            f"{field}: {name[:NAME_CHARS_MAX]!r} is not a name: 1 to {NAME_CHARS_MAX} characters that can be printed,"
            " a letter or digit first, no slash",
            field=field,
        )
    return name

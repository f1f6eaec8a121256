"""API keys as text: what they look like, and the hash that is all we keep of them."""

import hashlib
import zlib
from typing import Final

__all__ = ["KEY_PREFIX", "RANDOM_BYTES", "digest_key", "is_well_formed", "make_key", "shown_prefix"]

KEY_PREFIX: Final = "pp_live_"
RANDOM_BYTES: Final = 20
_CHECKSUM_CHARS: Final = 8
_SHOWN_CHARS: Final = 6


def make_key(randomness: bytes) -> str:
    """Return a key of 160 random bits and a checksum, so that a mistyped one is refused without a look-up."""
    assert len(randomness) == RANDOM_BYTES, "a key holds 160 random bits"
    body = KEY_PREFIX + randomness.hex()
    return body + _checksum(body)


def is_well_formed(key: str) -> bool:
    body, checksum = key[:-_CHECKSUM_CHARS], key[-_CHECKSUM_CHARS:]
    return key.startswith(KEY_PREFIX) and key.isascii() and _checksum(body) == checksum


def digest_key(key: str) -> bytes:
    """Return what is stored. A plain hash is enough: there is nothing to guess in 160 random bits."""
    return hashlib.sha256(key.encode()).digest()


def shown_prefix(key: str) -> str:
    """Return as much of a key as a list may show."""
    return key[: len(KEY_PREFIX) + _SHOWN_CHARS]


def _checksum(body: str) -> str:
    return f"{zlib.crc32(body.encode()):08x}"

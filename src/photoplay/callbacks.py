"""For receivers: check that a callback comes from your Photoplay. Nothing but the standard library is imported.

from photoplay.callbacks import InvalidCallback, verify

callback = verify(request.headers, body, secret)
"""

import binascii
import hmac
import json
from collections.abc import ItemsView, Iterable
from typing import Any, Final, Protocol, cast

from photoplay import clock
from photoplay.domain.callbacks import Secret, sign_body

__all__ = ["InvalidCallback", "verify"]

# Source: Standard Webhooks recommends five minutes, either way.
TOLERANCE_S: Final = 300


class InvalidCallback(ValueError):
    """Not from the server that has this secret, or not from now. Answer 401 and do nothing."""


class Headers(Protocol):
    """What every framework's headers and a plain dict can do."""

    def items(self) -> "ItemsView[str, str] | Iterable[tuple[str, str]]": ...


def verify(headers: Headers, body: bytes, secret: str) -> dict[str, Any]:
    """Return the callback once its signature and its time are right.

    `body` is what arrived, before any parser has changed it; `secret` begins with `whsec_`. Keep `webhook-id` and
    ignore one that you have seen: the same callback can arrive twice.

    Raises: InvalidCallback. TypeError for a body that is no bytes.
    Source: Standard Webhooks 1.0, https://www.standardwebhooks.com
    """
    _require_bytes(body)
    given = {str(name).lower(): str(text) for name, text in headers.items()}
    webhook_id, stamp, signatures = (_header(given, f"webhook-{name}") for name in ("id", "timestamp", "signature"))
    _require_recent(stamp)
    expected = _sign(body, secret, webhook_id=webhook_id, stamp=stamp).encode()
    # All are compared, each in constant time: during a rotation there are two.
    matches = [hmac.compare_digest(expected, signature.encode()) for signature in signatures.split(" ")]
    if not any(matches):
        raise InvalidCallback("the signature is wrong: another secret, or a body that was changed on the way")
    return cast("dict[str, Any]", json.loads(body))


def _require_bytes(body: object) -> None:
    # A parsed body cannot be checked, and passing one is the usual mistake.
    if not isinstance(body, bytes):
        raise TypeError(f"the body must be the bytes that arrived, got {type(body).__name__}")


def _header(headers: dict[str, str], name: str) -> str:
    text = headers.get(name)
    if not text:
        raise InvalidCallback(f"the header {name} is missing")
    return text


def _require_recent(stamp: str) -> None:
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 12):
        raise InvalidCallback("the header webhook-timestamp is not a number of seconds")
    away_s = clock.now().timestamp() - int(stamp)
    if abs(away_s) > TOLERANCE_S:
        raise InvalidCallback(f"it was signed {away_s:.0f} s ago, the limit is {TOLERANCE_S} s either way")


def _sign(body: bytes, secret: str, *, webhook_id: str, stamp: str) -> str:
    try:
        return sign_body(body, secret=Secret(secret), webhook_id=webhook_id, stamp=stamp)
    except binascii.Error as exc:
        raise InvalidCallback("the secret is not whsec_ and base64") from exc

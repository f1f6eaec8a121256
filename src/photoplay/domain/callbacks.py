"""The promise to tell: signatures, the retry schedule, and what one answer means.

Source: contract §4; Standard Webhooks 1.0 (https://www.standardwebhooks.com).
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final, TypeAlias

__all__ = [
    "Delivered",
    "Exhausted",
    "Gone",
    "Secret",
    "Verdict",
    "WaitUntil",
    "judge",
    "read_retry_after",
    "signature_headers",
]

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - a prefix, not a secret
# A receiver may ask for patience, but not for longer than the longest step of the default schedule.
RETRY_AFTER_MAX: Final = timedelta(hours=6)
# Spreads what failed together: up to a fifth is added to each step.
JITTER_SHARE: Final = 0.2


class Secret:
    """A callback secret as text, `whsec_<base64>`. Its repr hides it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return "Secret(…)"

    @classmethod
    def from_bytes(cls, key: bytes) -> "Secret":
        return cls(SECRET_PREFIX + base64.b64encode(key).decode())

    def reveal(self) -> str:
        return self._text

    def key(self) -> bytes:
        """Return the key of Standard Webhooks: the decoded bytes."""
        return base64.b64decode(self._text.removeprefix(SECRET_PREFIX))


def signature_headers(
    *, secret: Secret, task_id: str, webhook_id: str, body: bytes, now: datetime
) -> Mapping[str, str]:
    """Return both families of signature headers for one attempt.

    Source: contract §4. The first signs `taskId.timestamp` with the secret's text as it stands; the second is
    Standard Webhooks and covers the whole body.
    """
    stamp = str(int(now.timestamp()))
    signed_content = f"{webhook_id}.{stamp}.".encode() + body
    return {
        "X-Webhook-Timestamp": stamp,
        "X-Webhook-Signature": _hmac(secret.reveal().encode(), f"{task_id}.{stamp}".encode()),
        "webhook-id": webhook_id,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{_hmac(secret.key(), signed_content)}",
    }


def _hmac(key: bytes, content: bytes) -> str:
    return base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()


@dataclass(frozen=True, slots=True)
class Delivered:
    """The receiver took it."""


@dataclass(frozen=True, slots=True)
class Gone:
    """The receiver wants no more of it: 410."""


@dataclass(frozen=True, slots=True)
class Exhausted:
    """The schedule is at its end."""


@dataclass(frozen=True, slots=True)
class WaitUntil:
    """Another attempt, no sooner than this from now."""

    delay: timedelta


Verdict: TypeAlias = Delivered | Gone | Exhausted | WaitUntil


def judge(
    status: int | None,
    *,
    attempt: int,
    schedule: Sequence[timedelta],
    retry_after: timedelta | None = None,
    jitter: float = 0.0,
) -> Verdict:
    """Say what one attempt means for its callback.

    `status` is None when no answer came; `attempt` counts from 1; `jitter` is a random share, 0 to 1.
    """
    if status is not None and 200 <= status < 300:
        return Delivered()
    if status == 410:
        return Gone()
    if attempt >= len(schedule):
        return Exhausted()
    delay = schedule[attempt] * (1 + JITTER_SHARE * jitter)
    return WaitUntil(max(delay, min(retry_after or timedelta(), RETRY_AFTER_MAX)))


def read_retry_after(text: str | None, *, now: datetime) -> timedelta | None:
    """Read a `Retry-After` header: whole seconds or a date. None for a missing one and for what cannot be read.

    Source: RFC 9110 §10.2.3.
    """
    if text is None:
        return None
    if text.isascii() and text.isdigit() and len(text) < 10:
        return timedelta(seconds=int(text))
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    # A date without a zone is in UTC by the header's own rule.
    return max(timedelta(), (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now)

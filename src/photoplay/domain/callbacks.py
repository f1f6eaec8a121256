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
    "FAILURES_MAX",
    "Again",
    "Delivered",
    "Exhausted",
    "Gone",
    "Health",
    "Secret",
    "Verdict",
    "WaitUntil",
    "callback_id",
    "judge",
    "judge_receiver",
    "longest",
    "read_retry_after",
    "sign_body",
    "signature_headers",
]

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - a prefix, not a secret
# A receiver may ask for patience, but not for longer than the longest step of the default schedule.
RETRY_AFTER_MAX: Final = timedelta(hours=6)
# Spreads what failed together: up to a fifth is added to each step.
JITTER_SHARE: Final = 0.2
# So many deliveries without any answer in a row, and a receiver is taken for dead.
FAILURES_MAX: Final = 5
# Two POSTs' worth: a dead receiver costs one place in three, and one that is back is found within half a minute.
PAUSE: Final = timedelta(seconds=30)


def callback_id(task_id: str, event: str) -> str:
    """Return what names the callback of one event of a task, the same on every attempt and in every place."""
    return f"msg_{task_id}_{event}"


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
    *, secrets: Sequence[Secret], task_id: str, webhook_id: str, body: bytes, now: datetime, attempt: int
) -> Mapping[str, str]:
    """Return both families of signature headers for one attempt; the newest secret comes first.

    Standard Webhooks takes the signatures of all secrets in one header. `X-Webhook-Signature` is one value, so the
    secrets take turns: a receiver that knows one of two accepts every other attempt.

    Source: contract §4. The first signs `taskId.timestamp` with the secret's text as it stands; the second covers the
    whole body.
    """
    stamp = str(int(now.timestamp()))
    turn = secrets[(attempt - 1) % len(secrets)]
    return {
        "X-Webhook-Timestamp": stamp,
        "X-Webhook-Signature": _hmac(turn.reveal().encode(), f"{task_id}.{stamp}".encode()),
        "webhook-id": webhook_id,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(
            sign_body(body, secret=secret, webhook_id=webhook_id, stamp=stamp) for secret in secrets
        ),
    }


def sign_body(body: bytes, *, secret: Secret, webhook_id: str, stamp: str) -> str:
    """Return one signature of Standard Webhooks, with its version in front."""
    return f"v1,{_hmac(secret.key(), f'{webhook_id}.{stamp}.'.encode() + body)}"


def _hmac(key: bytes, content: bytes) -> str:
    return base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()


@dataclass(frozen=True, slots=True)
class Delivered:
    """The receiver took it."""


@dataclass(frozen=True, slots=True)
class Again:
    """The receiver took it, and is to take it once more: see `Telling.times`."""


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


Verdict: TypeAlias = Delivered | Again | Gone | Exhausted | WaitUntil


def judge(
    status: int | None,
    *,
    attempt: int,
    times: int = 1,
    schedule: Sequence[timedelta],
    retry_after: timedelta | None = None,
    jitter: float = 0.0,
) -> Verdict:
    """Say what one attempt means for its callback.

    `status` is None when no answer came; `attempt` counts from 1; `times` is how often the receiver is to take it;
    `jitter` is a random share, 0 to 1.
    """
    if status is not None and 200 <= status < 300:
        return Delivered() if times == 1 else Again()
    if status == 410:
        return Gone()
    if attempt >= len(schedule):
        return Exhausted()
    delay = schedule[attempt] * (1 + JITTER_SHARE * jitter)
    return WaitUntil(max(delay, min(retry_after or timedelta(), RETRY_AFTER_MAX)))


def longest(schedule: Sequence[timedelta]) -> timedelta:
    """Return how long a schedule can take at most: every step in full, or as late as a receiver may ask for."""
    return sum((max(step * (1 + JITTER_SHARE), RETRY_AFTER_MAX) for step in schedule), timedelta())


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What is held against a receiver after a delivery."""

    failures: int
    """Deliveries in a row without any answer. An answer of any kind makes it 0."""
    pause: timedelta | None
    """How long its other callbacks wait. Until one brings an answer, they go one at a time."""


def judge_receiver(verdict: Verdict, *, status: int | None, failures: int) -> Health:
    """Say what one attempt means for its receiver: a circuit breaker.

    A pause ends no later than the next attempt of the callback that caused it, which is then the one to find out.
    """
    if status is not None:
        return Health(failures=0, pause=None)
    failures += 1
    if failures < FAILURES_MAX:
        return Health(failures=failures, pause=None)
    return Health(failures=failures, pause=min(PAUSE, verdict.delay) if isinstance(verdict, WaitUntil) else PAUSE)


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

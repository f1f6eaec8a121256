"""What another server's answer says, read with care: its text is a stranger's. Pure."""

import json
import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from photoplay.domain.errors import EngineError, EngineRejected, EngineUnavailable, TargetUnreachable
from photoplay.domain.json import JsonObject, JsonValue
from photoplay.egress import Reply

__all__ = ["object_in", "parse_object", "refusal", "share_in", "words_in"]

_WORDS_CHARS_MAX: Final = 300
# Where the servers of this kind put their words, the most telling first.
_PLACES: Final = ("error", "detail", "message", "msg", "details", "exception_message")
# Surely not taken: the server looked at the order, or turned it away at the door.
_ORDER_AT_FAULT: Final = frozenset({400, 413, 415, 422})
_AWAY: Final = frozenset({408, 409, 425, 429, 503})


def object_in(reply: Reply) -> JsonObject:
    """Return the JSON object that an answer is, an empty one where it is none."""
    return parse_object(reply.body)


def parse_object(text: str | bytes) -> JsonObject:
    """Return the JSON object that a text is, an empty one where it is none.

    What cannot be kept would keep a task from ending: NaN and infinities, which some servers send, are null; a NUL and
    half of a surrogate pair are other characters.
    """
    try:
        found = _keepable(json.loads(text, parse_constant=lambda _: None, parse_float=_finite))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


def _keepable(value: JsonValue) -> JsonValue:
    if isinstance(value, str):
        return value.replace("\x00", " ").encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {str(_keepable(name)): _keepable(held) for name, held in value.items()}
    return [_keepable(held) for held in value] if isinstance(value, list) else value


def share_in(percent: JsonValue) -> float | None:
    """Return what a server calls a progress in percent as a share up to 1; None where it tells of none."""
    if isinstance(percent, bool) or not isinstance(percent, int | float) or percent <= 0:
        return None
    return min(percent, 100) / 100


def words_in(value: JsonValue) -> str:
    """Find what an answer says in words, on one line and cut to 300 characters."""
    if isinstance(value, str):
        return " ".join(value.split())[:_WORDS_CHARS_MAX]
    if isinstance(value, Mapping):
        return next(filter(None, (words_in(value.get(place)) for place in _PLACES)), "")
    if isinstance(value, list):
        return "; ".join(filter(None, map(words_in, value)))[:_WORDS_CHARS_MAX]
    return ""


def refusal(engine: str, reply: Reply) -> EngineError | TargetUnreachable:
    """Say why an order was not taken; TargetUnreachable where it may have been taken all the same."""
    status = reply.status
    said = words_in(object_in(reply)) or "no words"
    text = f"{engine}: answered {status}: {said}"
    if status in _ORDER_AT_FAULT:
        return EngineRejected(text)
    if status in _AWAY:
        return EngineUnavailable(text)
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return EngineUnavailable(f"{text}; is its key right?")
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return EngineUnavailable(f"{text}; is its URL right?")
    return TargetUnreachable(text, may_have_arrived=True)

"""The one reader of JSON that strangers send: read whole and strictly, or refused in words.

Source: RFC 8259; the wire contract §2.
"""

import json
import math
from collections import Counter
from collections.abc import Callable
from typing import Final, NoReturn, TypeVar

from starlette.concurrency import run_in_threadpool

from photoplay.domain.errors import InvalidInput, MalformedBody
from photoplay.domain.json import JsonObject, JsonValue

__all__ = ["parse_json", "read_large_aside"]

Read = TypeVar("Read")

# §2: deeper nesting has no use and can exhaust a parser's stack.
DEPTH_MAX: Final = 64
_TOO_DEEP: Final = f"it is nested deeper than {DEPTH_MAX}"
_NAME_CHARS_SHOWN: Final = 60
# No whole number that means anything here is longer, and reading one takes time that grows with its square.
_INT_CHARS_MAX: Final = 1000
# Reading costs up to 0.3 µs a byte: more than this would keep the other callers waiting for tens of milliseconds.
_ASIDE_BYTES: Final = 64 * 1024


async def read_large_aside(read: Callable[[bytes], Read], body: bytes) -> Read:
    """Read a body here if it is small, and in a thread if it is large."""
    return read(body) if len(body) <= _ASIDE_BYTES else await run_in_threadpool(read, body)


def parse_json(body: bytes) -> JsonValue:
    """Parse a body: UTF-8, no duplicate key, no NaN or Infinity, no depth over 64, no text that cannot be carried.

    Raises: MalformedBody; InvalidInput for text that no database and no caller can carry.
    """
    try:
        value: JsonValue = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_whole,
        )
        _require_clean(value, depth=0)
    except UnicodeDecodeError as exc:
        raise MalformedBody(f"The body is not UTF-8: byte {exc.start} cannot be read") from exc
    except json.JSONDecodeError as exc:
        raise MalformedBody(f"The body is not JSON: {exc.msg} at line {exc.lineno}, column {exc.colno}") from exc
    except (ValueError, RecursionError) as exc:
        reason = _TOO_DEEP if isinstance(exc, RecursionError) else exc
        raise MalformedBody(f"The body is not JSON that can be read: {reason}") from exc
    except _Unclean as exc:
        raise InvalidInput(f"{exc.where} holds a NUL character or half of a surrogate pair", field=exc.where) from exc
    return value


class _Unclean(Exception):
    """A text that cannot be carried. Its path grows as the walk returns, so that only a flaw costs a path."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self._kind = kind
        self._path = ""

    def add(self, step: str | int) -> None:
        self._path = (f"[{step}]" if isinstance(step, int) else f".{step[:_NAME_CHARS_SHOWN]}") + self._path

    @property
    def where(self) -> str:
        return self._kind + (self._path[1:] if self._path.startswith(".") else f"the body{self._path}")


def _require_clean(value: JsonValue, *, depth: int) -> None:
    """Raises: ValueError for what is nested too deep; _Unclean."""
    if isinstance(value, str):
        _require_text(value)
    elif isinstance(value, (dict, list)):
        if depth == DEPTH_MAX:
            raise ValueError(_TOO_DEEP)
        if isinstance(value, dict):
            for name in value:
                _require_text(name, kind="a key of ")
        for step, item in value.items() if isinstance(value, dict) else enumerate(value):
            try:
                _require_clean(item, depth=depth + 1)
            except _Unclean as exc:
                exc.add(step)
                raise


def _require_text(text: str, *, kind: str = "") -> None:
    if "\x00" in text or not (text.isascii() or _is_encodable(text)):
        raise _Unclean(kind)


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _unique(pairs: list[tuple[str, JsonValue]]) -> JsonObject:
    value = dict(pairs)
    if len(value) < len(pairs):
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise ValueError(f"the key {twice[:_NAME_CHARS_SHOWN]!r} stands twice in one object")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _whole(text: str) -> int:
    if len(text) > _INT_CHARS_MAX:
        raise ValueError(f"the number {text[:30]}… has {len(text)} digits, the limit is {_INT_CHARS_MAX}")
    return int(text)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {text[:30]} is too large")
    return value

"""Log events on standard error, as text for people or JSON for machines. Configured once a process.

At every level but `debug`, no line holds a key, a secret, a prompt, a link to a file or a query string: events name
what happened, and what comes from elsewhere is cleaned here. An error that an event holds as such is named by its kind.
"""

import json
import logging
import re
import sys
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Literal, TypeAlias, cast

import structlog
from structlog.typing import EventDict, WrappedLogger

from photoplay.domain.errors import ConfigError, StillRejected, StorageError

__all__ = ["clean", "configure", "told"]

_ExcInfo: TypeAlias = tuple[type[BaseException], BaseException, TracebackType | None]

# What is secret by its shape, and what is left of it.
_SECRETS: Final = (
    (re.compile(r"(pp_(?:live|test)_)\w+"), r"\1…"),
    (re.compile(r"whsec_[\w+/=-]+"), "whsec_…"),
    (re.compile(r"(?i)\b(bearer|basic) +[^\s'\",]+"), r"\1 …"),
    (re.compile(r"(://)[^/\s@'\"]+@"), r"\1…@"),
    (re.compile(r"(/files/[\w-]{6})[\w-]+[^\s'\"?#]*"), r"\1…"),
    (re.compile(r"((?:https?://|/)[^\s?#'\"]*)[?#][^\s'\"]+"), r"\1?…"),
)

# Errors whose words are all ours. Those of the others may quote what callers sent, or what another server answered.
_IN_OUR_WORDS: Final = (ConfigError, StillRejected, StorageError)


def configure(*, format: Literal["text", "json"], level: str) -> None:
    """Send our events, and the warnings of libraries, to standard error."""
    is_debug = level.upper() == "DEBUG"
    renderer = structlog.processors.JSONRenderer() if format == "json" else structlog.dev.ConsoleRenderer(colors=False)
    cleaning = [structlog.processors.format_exc_info, _spell_errors] if is_debug else [_tell_exception, _clean_event]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *cleaning,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    # What strangers send wrongly is no event of ours: one line for each would fill the disk.
    for name in ("uvicorn.error", "python_multipart"):
        logging.getLogger(name).setLevel(logging.ERROR)
    handler = logging.StreamHandler(sys.stderr)
    kind = logging.Formatter if is_debug else _Cleaning
    handler.setFormatter(_AsJson(kind("%(message)s")) if format == "json" else kind(_LIBRARY_FORMAT))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


_LIBRARY_FORMAT: Final = "%(asctime)s [%(levelname)s] %(name)s: %(message)s"


def clean(text: str) -> str:
    """Blank out what is secret by its shape."""
    for shape, left in _SECRETS:
        text = shape.sub(left, text)
    return text


def told(error: BaseException) -> str:
    """Say where an error came from."""
    return clean("".join(_lines(error)).rstrip())


def _lines(error: BaseException) -> Iterator[str]:
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None:
        yield from _lines(before)
        yield "\nwhich led to:\n\n"
    yield from traceback.format_tb(error.__traceback__)
    yield f"{_named(error)}\n"
    if isinstance(error, BaseExceptionGroup):
        for inner in cast("BaseExceptionGroup[BaseException]", error).exceptions:
            yield "\none of it:\n\n"
            yield from _lines(inner)


def _named(error: BaseException) -> str:
    """Name the kind of an error, and say what it says where nobody else's words can be in it."""
    kind = type(error).__qualname__
    words = str(error) if isinstance(error, _IN_OUR_WORDS) else error.strerror if isinstance(error, OSError) else None
    return f"{kind}: {words}" if words else kind


def _tell_exception(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    given: object = event.pop("exc_info", None)
    error = given if isinstance(given, BaseException) else sys.exc_info()[1] if given else None
    if error is not None:
        event["exception"] = told(error)
    return event


def _clean_event(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    named = {name: _named(value) if isinstance(value, BaseException) else value for name, value in event.items()}
    return {name: clean(value) if isinstance(value, str) else value for name, value in named.items()}


def _spell_errors(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {
        name: str(value) or type(value).__qualname__ if isinstance(value, BaseException) else value
        for name, value in event.items()
    }


class _AsJson(logging.Formatter):
    """What another formatter makes of a line, as the event of an object like ours."""

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        event = {
            "logger": record.name,
            "event": self._inner.format(record),
            "level": record.levelname.lower(),
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z"),
        }
        return json.dumps(event)


class _Cleaning(logging.Formatter):
    """For libraries, which log in their own words."""

    def format(self, record: logging.LogRecord) -> str:
        return clean(super().format(record))

    def formatException(self, ei: _ExcInfo | tuple[None, None, None]) -> str:  # noqa: N802 - the name is logging's
        return told(ei[1]) if ei[1] is not None else ""

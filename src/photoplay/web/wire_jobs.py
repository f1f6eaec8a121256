"""How lists, streams and cancellations of tasks are spelled on the wire."""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from photoplay.domain.errors import InvalidInput
from photoplay.domain.json import JsonObject
from photoplay.domain.tasks import State, TaskId
from photoplay.flows.cancel import Cancellation
from photoplay.flows.list import KeyName, Page
from photoplay.flows.query import WAIT_MAX
from photoplay.flows.track import Change
from photoplay.store.task_lists import Cursor, Filters
from photoplay.web.wire import STATES, task_data

__all__ = [
    "LIMIT_DEFAULT",
    "LIMIT_MAX",
    "WAIT_MAX_S",
    "ListRequest",
    "cancelled",
    "event_id",
    "page_data",
    "parse_event_id",
    "parse_list",
    "parse_wait",
]

LIMIT_DEFAULT: Final = 50
LIMIT_MAX: Final = 200
WAIT_MAX_S: Final = int(WAIT_MAX.total_seconds())
# Until the year 2286, in milliseconds and in microseconds; what is longer is no moment of ours.
_EPOCH_MS: Final = re.compile(r"[0-9]{1,13}")
_EPOCH_US: Final = re.compile(r"[0-9]{1,16}")
_CURSOR: Final = re.compile(r"([0-9]{1,16})-([0-9a-f]{32})")
_EPOCH: Final = datetime.fromtimestamp(0, UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRequest:
    filters: Filters
    key: KeyName | None
    cursor: Cursor | None
    limit: int


def parse_wait(text: str | None) -> timedelta:
    """Raises: InvalidInput."""
    return timedelta(seconds=0 if text is None else _whole("wait", text, at_least=0, at_most=WAIT_MAX_S))


def parse_list(given: Mapping[str, str]) -> ListRequest:
    """Read the query of a list; an empty parameter counts as absent. Raises: InvalidInput."""
    values = {name: _clean(name, text) for name, text in given.items() if text}
    limit = values.get("limit")
    return ListRequest(
        filters=Filters(
            states=_states(values["state"]) if "state" in values else None,
            model=values.get("model"),
            reference=values.get("clientReference"),
            after=_moment("createdAfter", values),
            before=_moment("createdBefore", values),
        ),
        key=_key(values["key"]) if "key" in values else None,
        cursor=_cursor(values["cursor"]) if "cursor" in values else None,
        limit=LIMIT_DEFAULT if limit is None else _whole("limit", limit, at_least=1, at_most=LIMIT_MAX),
    )


def page_data(page: Page, *, files_url: str) -> JsonObject:
    return {
        "tasks": [task_data(task, files_url=files_url) for task in page.tasks],
        "nextCursor": None if page.next is None else _write_cursor(page.next),
    }


def cancelled(task_id: TaskId | None, outcome: Cancellation) -> JsonObject:
    assert task_id is not None, "an unknown task is not cancelled"
    return {"taskId": task_id.hex, "outcome": outcome.value}


def event_id(change: Change) -> str:
    return str(_epoch_us(change.at))


def parse_event_id(text: str | None) -> datetime | None:
    """Return what `Last-Event-ID` names; None for one that is not of ours, as for none."""
    return _from_epoch_us(text) if text and _EPOCH_US.fullmatch(text) else None


def _clean(name: str, text: str) -> str:
    if "\x00" in text:
        raise InvalidInput(f"{name} holds a NUL character or half of a surrogate pair", field=name)
    return text


def _whole(name: str, text: str, *, at_least: int, at_most: int) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text) or not at_least <= int(text) <= at_most:
        raise InvalidInput(f"{name} must be a whole number from {at_least} to {at_most}, got {text[:60]}", field=name)
    return int(text)


def _states(text: str) -> list[State]:
    wanted, known = set(text.split(",")), dict.fromkeys(STATES.values())
    if wrong := sorted(wanted - known.keys()):
        raise InvalidInput(
            f"state is not within the range of allowed options: {', '.join(known)}; got {wrong[0][:60]}", field="state"
        )
    return [state for state, name in STATES.items() if name in wanted]


def _moment(name: str, values: Mapping[str, str]) -> datetime | None:
    text = values.get(name)
    if text is not None and not _EPOCH_MS.fullmatch(text):
        raise InvalidInput(f"{name} must be milliseconds since the epoch, got {text[:60]}", field=name)
    return None if text is None else _EPOCH + timedelta(milliseconds=int(text))


def _key(text: str) -> KeyName:
    is_id = re.fullmatch(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}", text)
    return KeyName(id=UUID(hex=text) if is_id else None, prefix=text)


def _cursor(text: str) -> Cursor:
    try:
        padded = text + "=" * (-len(text) % 4)
        plain = base64.urlsafe_b64decode(padded.encode("ascii", "replace")).decode("ascii", "replace")
    except ValueError:
        plain = ""
    parts = _CURSOR.fullmatch(plain)
    if parts is None:
        raise InvalidInput("cursor is not one that this server gave; begin again without one", field="cursor")
    return Cursor(created_at=_from_epoch_us(parts[1]), id=TaskId(UUID(hex=parts[2])))


def _write_cursor(cursor: Cursor) -> str:
    plain = f"{_epoch_us(cursor.created_at)}-{cursor.id.hex}"
    return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def _epoch_us(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _from_epoch_us(text: str) -> datetime:
    return _EPOCH + timedelta(microseconds=int(text))

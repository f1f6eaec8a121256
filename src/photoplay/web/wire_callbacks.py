"""How the wire spells callbacks: their log, what sends them again, a ping, the rotated secret, and events."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from photoplay.domain.errors import InvalidInput
from photoplay.domain.json import JsonObject, JsonValue
from photoplay.domain.tasks import Task, TaskId
from photoplay.flows.callbacks import Rotation
from photoplay.flows.follow import Told
from photoplay.store.callback_log import Attempt, LoggedCallback
from photoplay.store.callbacks import Delivery
from photoplay.web.event_stream import Event
from photoplay.web.strict import parse_json
from photoplay.web.wire import callback_body, dump, epoch_ms, parse_known_task_id, text_in

__all__ = [
    "FAILED_STATE",
    "LIST_MAX",
    "OVERLAP_HOURS",
    "OVERLAP_HOURS_MAX",
    "STATES",
    "Chosen",
    "callback_list",
    "opened",
    "parse_chosen",
    "parse_last_event_id",
    "parse_overlap",
    "parse_states",
    "ping_body",
    "pinged",
    "rotated",
    "told",
]

STATES: Final = ("pending", "delivered", "gone", "exhausted")
# What `state=failed` asks for: given up, for either reason.
FAILED_STATE: Final = "failed"
FAILED: Final = ("gone", "exhausted")
LIST_MAX: Final = 100
OVERLAP_HOURS: Final = 24
OVERLAP_HOURS_MAX: Final = 168
LOST: Final = "the worker ended before it wrote down what came back"
# The latest moment that a timestamp can hold here.
EPOCH_MS_MAX: Final = 253_402_300_799_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which callbacks to send again: exactly one of the two."""

    task_id: TaskId | None
    failed_since: datetime | None


def parse_states(text: str | None) -> Sequence[str] | None:
    """Raises: InvalidInput."""
    if not text:
        return None
    if text == FAILED_STATE:
        return FAILED
    if text not in STATES:
        allowed = ", ".join((*STATES, FAILED_STATE))
        raise InvalidInput(
            f"state is not within the range of allowed options: {allowed}; got {text[:60]}", field="state"
        )
    return (text,)


def parse_chosen(body: bytes) -> Chosen:
    """Raises: MalformedBody, InvalidInput."""
    value = parse_json(body)
    fields: JsonObject = value if isinstance(value, Mapping) else {}
    task_id, since = fields.get("taskId"), fields.get("failedSince")
    if (task_id is None) == (since is None):
        raise InvalidInput("taskId is required, or failedSince, and not both", field="taskId")
    if since is None:
        return Chosen(task_id=parse_known_task_id(text_in(fields, "taskId")), failed_since=None)
    if not isinstance(since, int) or isinstance(since, bool) or not 0 <= since <= EPOCH_MS_MAX:
        raise InvalidInput("failedSince must be a time in milliseconds since the epoch", field="failedSince")
    return Chosen(task_id=None, failed_since=datetime.fromtimestamp(since / 1000, UTC))


def parse_overlap(body: bytes) -> timedelta:
    """How long the earlier secret signs too; 24 hours unless the body says otherwise.

    Raises: MalformedBody, InvalidInput.
    """
    value = parse_json(body) if body else None
    hours = value.get("overlapHours", OVERLAP_HOURS) if isinstance(value, Mapping) else OVERLAP_HOURS
    if isinstance(hours, bool) or not isinstance(hours, int | float) or not 0 <= hours <= OVERLAP_HOURS_MAX:
        raise InvalidInput(
            f"overlapHours must be a number from 0 to {OVERLAP_HOURS_MAX}, got {dump(hours)[:60]}", field="overlapHours"
        )
    return timedelta(hours=hours)


def parse_last_event_id(text: str | None) -> datetime | None:
    """Raises: InvalidInput."""
    if text is None:
        return None
    if not re.fullmatch(r"\d{1,19}", text, re.ASCII) or int(text) > EPOCH_MS_MAX * 1000:
        raise InvalidInput(f"Last-Event-ID is not an id of this stream: {text[:60]}", field="Last-Event-ID")
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=int(text))


def callback_list(callbacks: Sequence[LoggedCallback]) -> JsonObject:
    return {"callbacks": [_callback(callback) for callback in callbacks]}


def _callback(callback: LoggedCallback) -> JsonObject:
    last = callback.attempts[-1].number if callback.attempts else 0
    return {
        "id": callback.id,
        "taskId": callback.task_id.hex,
        "event": callback.event,
        "url": callback.url,
        "state": callback.state,
        "createTime": epoch_ms(callback.created_at),
        "completeTime": _epoch_ms_or_null(callback.concluded_at),
        "nextTime": _epoch_ms_or_null(callback.next_at),
        "attempts": [
            _attempt(attempt, is_lost=attempt.number < last or not callback.is_under_way)
            for attempt in callback.attempts
        ],
    }


def _attempt(attempt: Attempt, *, is_lost: bool) -> JsonObject:
    error = LOST if attempt.duration_ms is None and is_lost else attempt.error
    return {
        "attempt": attempt.number,
        "startTime": epoch_ms(attempt.started_at),
        "durationMs": attempt.duration_ms,
        "status": attempt.status,
        "error": error,
        "answer": _text(attempt.answer_head),
        "answerBytes": attempt.answer_bytes,
        "nextTime": _epoch_ms_or_null(attempt.next_at),
    }


def pinged(delivery: Delivery) -> JsonObject:
    return {
        "status": delivery.status,
        "durationMs": round(delivery.duration / timedelta(milliseconds=1)),
        "error": delivery.error,
        "answer": _text(delivery.answer_head),
        "answerBytes": delivery.answer_bytes,
    }


def ping_body(task: Task, *, files_url: str) -> bytes:
    """A callback as a good end sends it, but for one key that says what it is."""
    sample = parse_json(callback_body(task, files_url=files_url))
    assert isinstance(sample, Mapping), "a callback is an object"
    return dump({**sample, "ping": True}).encode()


def rotated(rotation: Rotation) -> JsonObject:
    return {"secret": rotation.secret.reveal(), "earlierSecretUntil": epoch_ms(rotation.earlier_until)}


def opened(since: datetime) -> Event:
    """The beginning of the stream: nothing after this time is missed."""
    return Event(id=_event_id(since), name="open", data={})


def told(event: Told | None) -> Event | None:
    """One event of the stream. Its id is its time, so a client that lost its connection goes on from there."""
    if event is None:
        return None
    headers: dict[str, JsonValue] = {"Content-Type": "application/json", **event.headers}
    return Event(
        id=_event_id(event.at),
        name=event.event.value,
        data={"id": event.id, "taskId": event.task_id.hex, "headers": headers, "body": event.body.decode()},
    )


def _event_id(at: datetime) -> str:
    return str((at - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1))


def _text(head: bytes) -> str:
    """Whatever a receiver said, as text that JSON and a terminal can carry."""
    return head.decode("utf-8", errors="replace").replace("\x00", "\ufffd")


def _epoch_ms_or_null(moment: datetime | None) -> int | None:
    return None if moment is None else epoch_ms(moment)

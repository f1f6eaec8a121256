"""The wire's spelling, here alone: camelCase, epoch milliseconds, JSON inside strings, `message` beside `msg`.

Source: the wire contract, by section.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from photoplay.domain.errors import InvalidInput
from photoplay.domain.json import JsonObject, JsonValue
from photoplay.domain.outcomes import TIMINGS
from photoplay.domain.script import SCRIPT_FIELD
from photoplay.domain.tasks import CallbackEvent, Priority, State, Task, TaskId
from photoplay.domain.waiting import next_poll
from photoplay.flows.query import Record
from photoplay.flows.submit import Submission
from photoplay.web.strict import parse_json

__all__ = [
    "CALLBACK_EVENTS",
    "REFERENCE_CHARS_MAX",
    "STATES",
    "callback_body",
    "check_idempotency_key",
    "created",
    "dump",
    "envelope",
    "epoch_ms",
    "parse_fields",
    "parse_known_task_id",
    "parse_submission",
    "parse_task_id",
    "parse_text",
    "record_data",
    "task_data",
    "text_in",
]

IDEMPOTENCY_KEY_CHARS_MAX: Final = 255
REFERENCE_CHARS_MAX: Final = 255

# §3: the wire knows five states.
STATES: Final[Mapping[State, str]] = {
    State.WAITING: "waiting",
    State.CLAIMED: "queuing",
    State.GENERATING: "generating",
    State.SUCCEEDED: "success",
    State.FAILED: "fail",
    State.CANCELLED: "fail",
    State.EXPIRED: "fail",
}
# §4 and what may be asked for beyond it: the end alone, unless the request says otherwise.
CALLBACK_EVENTS: Final = frozenset({CallbackEvent.SUCCESS, CallbackEvent.FAIL})
_CALLBACKS: Final[Mapping[CallbackEvent, tuple[int, str]]] = {
    CallbackEvent.GENERATING: (200, "Playground task is generating."),
    CallbackEvent.SUCCESS: (200, "Playground task completed successfully."),
    CallbackEvent.FAIL: (501, "Playground task failed."),
}
_ARTIFACTS: Final[Mapping[str, str]] = {"poster": "posterUrl", "last_frame": "lastFrameUrl"}


def envelope(code: int, text: str, data: JsonValue) -> JsonObject:
    """Both `message` and `msg`: the contract's examples use the one and the other (§1)."""
    return {"code": code, "message": text, "msg": text, "data": data}


def dump(value: JsonValue) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def parse_submission(body: bytes, *, idempotency_key: str | None) -> Submission:
    """Read a create request (§2). What `input` holds is for its card to judge.

    Raises: MalformedBody, InvalidInput.
    """
    value = parse_json(body)
    if not isinstance(value, Mapping):
        raise InvalidInput("The body must be a JSON object with model and input")
    model, fields, url = value.get("model"), value.get("input"), value.get("callBackUrl")
    if not isinstance(model, str):
        raise InvalidInput(_required_or("model", model, "must be a string"), field="model")
    if not isinstance(fields, Mapping):
        raise InvalidInput(_required_or("input", fields, "must be an object"), field="input")
    if url is not None and not isinstance(url, str):
        raise InvalidInput("callBackUrl must be an http or https URL", field="callBackUrl")
    # An empty callBackUrl is what form-built clients send for none.
    return Submission(
        model=model,
        input=fields,
        callback_url=url or None,
        callback_events=_parse_callback_events(value.get("callBackEvents")),
        request=dump(value),
        idempotency_key=check_idempotency_key(idempotency_key),
        credits_max=_parse_credits_max(value.get("maxCredits")),
        priority=_parse_priority(value.get("priority")),
        reference=_parse_reference(value.get("clientReference")),
        script=_parse_script(value.get(SCRIPT_FIELD)),
    )


def check_idempotency_key(key: str | None) -> str | None:
    """Raises: InvalidInput if it is empty or too long."""
    if key is not None and not 1 <= len(key) <= IDEMPOTENCY_KEY_CHARS_MAX:
        raise InvalidInput(
            f"Idempotency-Key has {len(key)} characters, allowed are 1 to {IDEMPOTENCY_KEY_CHARS_MAX}",
            field="Idempotency-Key",
        )
    return key


def _parse_callback_events(value: JsonValue) -> frozenset[CallbackEvent]:
    if value is None:
        return CALLBACK_EVENTS
    known = [event.value for event in CallbackEvent]
    if (
        not isinstance(value, Sequence)
        or isinstance(value, str)
        or not value
        or any(item not in known for item in value)
    ):
        raise InvalidInput(
            f"callBackEvents is not within the range of allowed options: a list of one or more of {', '.join(known)};"
            f" got {dump(value)[:100]}",
            field="callBackEvents",
        )
    return frozenset(CallbackEvent(str(item)) for item in value)


def _parse_credits_max(value: JsonValue) -> int | None:
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
        raise InvalidInput("maxCredits must be a whole number of credits, 0 or more", field="maxCredits")
    return value


def _parse_priority(value: JsonValue) -> Priority:
    names = {priority.name.lower(): priority for priority in Priority}
    if value is None:
        return Priority.NORMAL
    if not isinstance(value, str) or value not in names:
        raise InvalidInput(
            f"priority is not within the range of allowed options: {', '.join(names)}; got {dump(value)[:60]}",
            field="priority",
        )
    return names[value]


def _parse_reference(value: JsonValue) -> str | None:
    if value is not None and (not isinstance(value, str) or not 1 <= len(value) <= REFERENCE_CHARS_MAX):
        raise InvalidInput(
            f"clientReference must be a text of 1 to {REFERENCE_CHARS_MAX} characters", field="clientReference"
        )
    return value


def _parse_script(value: JsonValue) -> JsonObject | None:
    if value is not None and not isinstance(value, Mapping):
        raise InvalidInput(f"{SCRIPT_FIELD} must be an object", field=SCRIPT_FIELD)
    return value


def _required_or(name: str, value: JsonValue, text: str) -> str:
    return f"{name} is required" if value is None else f"{name} {text}"


def parse_text(body: bytes, name: str) -> str:
    """Read the one text field that a JSON object must have. Raises: MalformedBody, InvalidInput."""
    return text_in(parse_json(body), name)


def text_in(fields: JsonValue, name: str, *, hint: str = "") -> str:
    """Return a text field. Raises: InvalidInput, with the hint, if it is missing or empty, or if it is no text."""
    found = fields.get(name) if isinstance(fields, Mapping) else None
    if found is None or found == "":
        raise InvalidInput(f"{name} is required{hint}", field=name)
    if not isinstance(found, str):
        raise InvalidInput(f"{name} must be a string, got {dump(found)[:60]}", field=name)
    return found


def parse_fields(body: bytes, *names: str) -> list[str | None]:
    """Read some text fields of a JSON object; None where one is missing or not a text.

    Raises: MalformedBody, InvalidInput.
    """
    value = parse_json(body)
    found = [value.get(name) if isinstance(value, Mapping) else None for name in names]
    return [field if isinstance(field, str) else None for field in found]


def parse_task_id(text: str | None) -> TaskId | None:
    """Return the id, or None for a text that no task can have.

    Raises: InvalidInput if it is missing.
    """
    if not text:
        raise InvalidInput("taskId is required", field="taskId")
    return TaskId(UUID(hex=text)) if re.fullmatch(r"[0-9a-f]{32}", text) else None


def parse_known_task_id(text: str | None) -> TaskId:
    """Return the id. Raises: InvalidInput if it is missing, or if no task can have it."""
    task_id = parse_task_id(text)
    if task_id is None:
        raise InvalidInput("recordInfo is null", field="taskId")
    return task_id


def created(task_id: TaskId) -> JsonObject:
    return {"taskId": task_id.hex, "recordId": task_id.hex}


def record_data(record: Record, *, files_url: str) -> JsonObject:
    """The query answer's data: every field, always present (§3)."""
    poll = next_poll(record.task, record.eta)
    return {
        **task_data(record.task, files_url=files_url),
        "queuePosition": record.queue_position,
        "etaSeconds": None if record.eta is None else math.ceil(record.eta.total_seconds()),
        "nextPollMs": None if poll is None else round(poll.total_seconds() * 1000),
    }


def task_data(task: Task, *, files_url: str) -> JsonObject:
    """What a record says of a task by itself, whatever waits before it."""
    succeeded = task.state is State.SUCCEEDED
    # §3: JSON inside a string, as `param` is.
    result = dump(_result(task, files_url)) if succeeded else ""
    return {
        "taskId": task.id.hex,
        "model": task.model,
        "state": STATES[task.state],
        "param": task.request,
        "resultJson": result,
        "failCode": task.failure.code if task.failure else None,
        "failMsg": task.failure.message if task.failure else None,
        "costTime": _cost_time_s(task),
        "createTime": epoch_ms(task.created_at),
        "updateTime": epoch_ms(task.updated_at),
        "completeTime": epoch_ms(task.finished_at) if task.finished_at else None,
        "progress": task.progress,
        "consumeCredits": task.charged_credits,
        "creditsConsumed": task.charged_credits,
        "remainedCredits": task.balance_credits,
        "engine": task.engine,
        "engineVersion": task.facts.get("version"),
        "seed": task.seed,
        "timings": _timings(task),
        "stage": task.stage.value,
        "priority": task.priority.name.lower(),
        "clientReference": task.reference,
    }


# Of the engine's facts, those that say what became of the caller's words.
_TOLD: Final = ("direction", "made", "shown")


def _result(task: Task, files_url: str) -> JsonObject:
    """The clip alone in `resultUrls`, as the contract has it; what else there is stands beside it."""
    more = {_ARTIFACTS[kind]: files_url + path for kind, path in task.artifacts.items() if kind in _ARTIFACTS}
    told = {name: task.facts[name] for name in _TOLD if name in task.facts}
    return {"resultUrls": [files_url + path for path in task.results], **more, **told}


def callback_body(task: Task, *, files_url: str) -> bytes:
    """The callback of a task that has ended or generates (§4).

    Published verifiers read the id from any of three places.
    """
    code, text = _CALLBACKS[CallbackEvent.of(task.state)]
    data = record_data(Record(task=task), files_url=files_url)
    body: JsonObject = {
        "code": code,
        "msg": text,
        "taskId": task.id.hex,
        "data": {**data, "task_id": task.id.hex},
    }
    return dump(body).encode()


def _cost_time_s(task: Task) -> int | None:
    """Whole seconds of generation, waiting excluded; 0 for a failed task, null before the end (§3)."""
    if task.finished_at is None:
        return None
    if task.state is not State.SUCCEEDED or task.generating_at is None:
        return 0
    return round((task.finished_at - task.generating_at).total_seconds())


def _timings(task: Task) -> JsonValue:
    """What the successful attempt took, in milliseconds; null before that, and where it was not measured."""
    seconds = task.facts.get(TIMINGS)
    if not isinstance(seconds, Mapping):
        return None
    return {name.removesuffix("_s") + "Ms": round(float(str(value)) * 1000) for name, value in seconds.items()}


def epoch_ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)

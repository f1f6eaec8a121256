"""The wire's spelling, here alone: camelCase, epoch milliseconds, JSON inside strings, `message` beside `msg`.

Source: the wire contract, by section.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NoReturn
from uuid import UUID

from photoplay.domain.errors import InvalidInput, MalformedBody
from photoplay.domain.json import JsonObject, JsonValue
from photoplay.domain.tasks import State, Task, TaskId
from photoplay.flows.query import Record
from photoplay.flows.submit import Submission
from photoplay.store.files import StoredFile

__all__ = [
    "STATES",
    "callback_body",
    "created",
    "dump",
    "envelope",
    "parse_field",
    "parse_json",
    "parse_submission",
    "parse_task_id",
    "record_data",
    "uploaded",
]

# §2: deeper nesting has no use and can exhaust a parser's stack.
DEPTH_MAX: Final = 64
IDEMPOTENCY_KEY_CHARS_MAX: Final = 255

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
_NEXT_POLL_MS: Final[Mapping[State, int]] = {State.WAITING: 1000, State.CLAIMED: 500, State.GENERATING: 1000}


def envelope(code: int, text: str, data: JsonValue) -> JsonObject:
    """Both `message` and `msg`: the contract's examples use the one and the other (§1)."""
    return {"code": code, "message": text, "msg": text, "data": data}


def dump(value: JsonValue) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def parse_json(body: bytes) -> JsonValue:
    """Parse a body strictly: UTF-8, no duplicate key, no NaN or Infinity, no depth over 64 (§2).

    Raises: MalformedBody; InvalidInput for text that no database and no caller can carry.
    """
    try:
        text = body.decode("utf-8")
        _require_depth(text)
        value: JsonValue = json.loads(
            text, object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_finite
        )
    except UnicodeDecodeError as exc:
        raise MalformedBody(f"The body is not UTF-8: byte {exc.start} cannot be read") from exc
    except json.JSONDecodeError as exc:
        raise MalformedBody(f"The body is not JSON: {exc.msg} at line {exc.lineno}, column {exc.colno}") from exc
    except ValueError as exc:
        raise MalformedBody(f"The body is not JSON that can be read: {exc}") from exc
    _require_clean_text(value, "the body")
    return value


def _require_depth(text: str) -> None:
    depth = 0
    # The closing quote is optional: a string without an end is read once, not from each of its quotes anew.
    for token in re.finditer(r'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', text, re.DOTALL):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token.group(), 0)
        if depth > DEPTH_MAX:
            raise ValueError(f"it is nested deeper than {DEPTH_MAX}")


def _unique(pairs: list[tuple[str, JsonValue]]) -> JsonObject:
    value = dict(pairs)
    if len(value) < len(pairs):
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise ValueError(f"the key {twice[:60]!r} stands twice in one object")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {text[:30]} is too large")
    return value


def _require_clean_text(value: JsonValue, path: str) -> None:
    match value:
        case str():
            if "\x00" in value or not _is_encodable(value):
                raise InvalidInput(f"{path} holds a NUL character or half of a surrogate pair", field=path)
        case Mapping():
            for name, item in value.items():
                _require_clean_text(name, f"a key of {path}")
                # Cut, or a long name would be copied for each of its items.
                short = name[:60]
                _require_clean_text(item, short if path == "the body" else f"{path}.{short}")
        case Sequence():
            for index, item in enumerate(value):
                _require_clean_text(item, f"{path}[{index}]")
        case _:
            pass


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


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
    if idempotency_key is not None and not 1 <= len(idempotency_key) <= IDEMPOTENCY_KEY_CHARS_MAX:
        raise InvalidInput(
            f"Idempotency-Key has {len(idempotency_key)} characters, allowed are 1 to {IDEMPOTENCY_KEY_CHARS_MAX}",
            field="Idempotency-Key",
        )
    # An empty callBackUrl is what form-built clients send for none.
    return Submission(
        model=model, input=fields, callback_url=url or None, request=dump(value), idempotency_key=idempotency_key
    )


def _required_or(name: str, value: JsonValue, text: str) -> str:
    return f"{name} is required" if value is None else f"{name} {text}"


def parse_field(body: bytes, name: str) -> str | None:
    """Read one text field of a JSON object; None where it is missing or not a text.

    Raises: MalformedBody, InvalidInput.
    """
    value = parse_json(body)
    field = value.get(name) if isinstance(value, Mapping) else None
    return field if isinstance(field, str) else None


def parse_task_id(text: str | None) -> TaskId | None:
    """Return the id, or None for a text that no task can have.

    Raises: InvalidInput if it is missing.
    """
    if not text:
        raise InvalidInput("taskId is required", field="taskId")
    return TaskId(UUID(hex=text)) if re.fullmatch(r"[0-9a-f]{32}", text) else None


def created(task_id: TaskId) -> JsonObject:
    return {"taskId": task_id.hex, "recordId": task_id.hex}


def record_data(record: Record, *, files_url: str) -> JsonObject:
    """The query answer's data: every field, always present (§3)."""
    task = record.task
    succeeded = task.state is State.SUCCEEDED
    # §3: JSON inside a string, as `param` is.
    result = dump({"resultUrls": [files_url + path for path in task.results]}) if succeeded else ""
    return {
        "taskId": task.id.hex,
        "model": task.model,
        "state": STATES[task.state],
        "param": task.request,
        "resultJson": result,
        "failCode": task.failure.code if task.failure else None,
        "failMsg": task.failure.message if task.failure else None,
        "costTime": _cost_time_s(task),
        "createTime": _epoch_ms(task.created_at),
        "updateTime": _epoch_ms(task.updated_at),
        "completeTime": _epoch_ms(task.finished_at) if task.finished_at else None,
        "progress": task.progress,
        "consumeCredits": task.charged_credits,
        "creditsConsumed": task.charged_credits,
        "remainedCredits": task.balance_credits,
        "engine": task.engine,
        "queuePosition": record.queue_position,
        "etaSeconds": None,
        "nextPollMs": _NEXT_POLL_MS.get(task.state),
    }


def callback_body(task: Task, *, files_url: str) -> bytes:
    """The callback of a finished task (§4). Published verifiers read the id from any of three places."""
    succeeded = task.state is State.SUCCEEDED
    data = record_data(Record(task=task, queue_position=None), files_url=files_url)
    body: JsonObject = {
        "code": 200 if succeeded else 501,
        "msg": "Playground task completed successfully." if succeeded else "Playground task failed.",
        "taskId": task.id.hex,
        "data": {**data, "task_id": task.id.hex},
    }
    return dump(body).encode()


def uploaded(file: StoredFile, *, files_url: str) -> JsonObject:
    """Both field sets that the public service publishes for an upload (§6)."""
    name, url = file.path.rpartition("/")[2], files_url + file.path
    return {
        "success": True,
        "fileName": name,
        "filePath": file.path,
        "downloadUrl": url,
        "fileSize": file.size_bytes,
        "mimeType": file.mime_type,
        "uploadedAt": file.created_at.isoformat(),
        "fileId": file.path.partition("/")[0],
        "originalName": file.original_name,
        "fileUrl": url,
        "uploadPath": "",
        "expiresAt": file.expires_at.isoformat(),
    }


def _cost_time_s(task: Task) -> int | None:
    """Whole seconds of generation, waiting excluded; 0 for a failed task, null before the end (§3)."""
    if task.finished_at is None:
        return None
    if task.state is not State.SUCCEEDED or task.generating_at is None:
        return 0
    return round((task.finished_at - task.generating_at).total_seconds())


def _epoch_ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)

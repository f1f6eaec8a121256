"""Requests that run as they are pasted, and the answers to them as the wire's own renderers write them. Pure."""

import json
import shlex
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, cast
from uuid import UUID

from photoplay.domain.cards import Card, price, validate
from photoplay.domain.errors import EngineTimeout
from photoplay.domain.json import JsonObject, JsonValue
from photoplay.domain.outcomes import TIMINGS
from photoplay.domain.tasks import AccountId, Failure, KeyId, Priority, State, Task, TaskId
from photoplay.flows.query import Record
from photoplay.web import wire
from photoplay.web.strict import parse_json

__all__ = [
    "FAILED",
    "KEY_VARIABLE",
    "SUCCEEDED",
    "callback",
    "create_answer",
    "curl",
    "curl_record",
    "javascript",
    "python",
    "record_answer",
    "task",
]

SUCCEEDED: Final = State.SUCCEEDED
FAILED: Final = State.FAILED
# Not one that begins with PHOTOPLAY_: those are settings, and a server does not start with one that it does not know.
KEY_VARIABLE: Final = "API_KEY"
CREATE: Final = "/api/v1/jobs/createTask"

_TASK_ID: Final = TaskId(UUID(hex="a667b937c92f4c4abd49dd128a5caef4"))
_TOKEN: Final = "9HP8lMcPHmr_9OJO7mET5xDTK7WWshOR"  # noqa: S105 - the name of a file that is not there
_CREATED_AT: Final = datetime(2026, 1, 1, 12, tzinfo=UTC)
_FINISHED_AT: Final = _CREATED_AT + timedelta(seconds=9)
_BALANCE_CREDITS: Final = 1000
_FACTS: Final[JsonObject] = {
    "version": "1",
    TIMINGS: {"wait_s": 0.6, "fetch_s": 0.4, "engine_s": 7.8, "store_s": 0.2},
}


def curl(request: JsonObject, *, base_url: str) -> str:
    # No line of a JSON text is the bare word that ends it.
    return f"""curl -sS {shlex.quote(base_url + CREATE)} \\
  -H "Authorization: Bearer ${KEY_VARIABLE}" \\
  -H 'Content-Type: application/json' \\
  --data-binary @- <<'JSON'
{_indented(request)}
JSON"""


def javascript(request: JsonObject, *, base_url: str) -> str:
    return f"""const task = {_indented(request)};
const answer = await fetch({_quoted(base_url + CREATE)}, {{
  method: "POST",
  headers: {{
    "Authorization": `Bearer ${{process.env.{KEY_VARIABLE}}}`,
    "Content-Type": "application/json",
  }},
  body: JSON.stringify(task),
}});
console.log(await answer.text());"""


def python(request: JsonObject, *, base_url: str) -> str:
    return f"""import json
import os
import urllib.error
import urllib.request

task = {_python(request)}
request = urllib.request.Request(
    {_quoted(base_url + CREATE)},
    data=json.dumps(task).encode(),
    headers={{
        "Authorization": f"Bearer {{os.environ['{KEY_VARIABLE}']}}",
        "Content-Type": "application/json",
    }},
)
try:
    answer = urllib.request.urlopen(request)
except urllib.error.HTTPError as error:
    answer = error  # refused: it says why
print(answer.read().decode())"""


def curl_record(*, base_url: str) -> str:
    url = f"{base_url}/api/v1/jobs/recordInfo?taskId={_TASK_ID.hex}"
    return f"""curl -sS {shlex.quote(url)} \\
  -H "Authorization: Bearer ${KEY_VARIABLE}\""""


def task(card: Card, *, engine: str, state: Literal[State.SUCCEEDED, State.FAILED], callback_url: str = "") -> Task:
    """Return a task of this model as it may end: the card's example, at its price."""
    values = cast("JsonObject", card.example["input"])
    checked = validate(values, card)
    assert isinstance(checked, Mapping), "an example is accepted by its card"
    is_good = state is State.SUCCEEDED
    charged = price(checked, card) if is_good else 0
    extension = card.output.kind.rpartition("/")[2]
    return Task(
        id=_TASK_ID,
        account_id=AccountId(UUID(int=0)),
        key_id=KeyId(UUID(int=0)),
        model=card.id,
        engine=engine,
        priority=Priority.NORMAL,
        reference=None,
        request=wire.dump(
            {"model": card.id, **({"callBackUrl": callback_url} if callback_url else {}), "input": values}
        ),
        input=checked,
        size="",
        callback_url=callback_url or None,
        callback_events=wire.CALLBACK_EVENTS,
        state=state,
        attempt=1 if is_good else 3,
        attempts_max=3,
        progress=100 if is_good else 40,
        reported_stage=None,
        submission=None,
        cancel_asked=False,
        price_credits=price(checked, card),
        charged_credits=charged,
        balance_credits=_BALANCE_CREDITS - charged,
        seed=1,
        artifacts={},
        facts=_FACTS if is_good else {},
        results=(f"{_TOKEN}/{_TASK_ID.hex}.{extension}",) if is_good else (),
        failure=None if is_good else Failure(code="500", message=str(EngineTimeout())),
        created_at=_CREATED_AT,
        updated_at=_FINISHED_AT,
        generating_at=_CREATED_AT + timedelta(seconds=1),
        finished_at=_FINISHED_AT,
    )


def create_answer() -> str:
    return _indented(wire.envelope(200, "success", wire.created(_TASK_ID)))


def record_answer(ended: Task, *, files_url: str) -> str:
    return _indented(wire.envelope(200, "success", wire.record_data(Record(task=ended), files_url=files_url)))


def callback(ended: Task, *, files_url: str) -> str:
    return _indented(parse_json(wire.callback_body(ended, files_url=files_url)))


def _indented(value: JsonValue) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _quoted(text: str) -> str:
    """Spell a text as JSON, JavaScript and Python alike do."""
    return json.dumps(text, ensure_ascii=False)


def _python(value: JsonValue, *, margin: str = "") -> str:
    """Spell a value as Python does."""
    inner = f"{margin}    "
    match value:
        case str():
            return _quoted(value)
        case Mapping():
            lines = [f"{inner}{_quoted(name)}: {_python(item, margin=inner)},\n" for name, item in value.items()]
            return f"{{\n{''.join(lines)}{margin}}}"
        case Sequence():
            lines = [f"{inner}{_python(item, margin=inner)},\n" for item in value]
            return f"[\n{''.join(lines)}{margin}]"
        case _:
            return repr(value)

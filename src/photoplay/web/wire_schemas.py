"""What `wire.py` renders, as JSON Schema: the parts of the OpenAPI document that are the same for every model."""

from collections.abc import Mapping
from typing import Final

from photoplay.domain.json import JsonObject, JsonValue
from photoplay.domain.tasks import Priority, Stage
from photoplay.web.wire import STATES

__all__ = [
    "CALLBACK",
    "CANCELLED",
    "CREATED",
    "CREDIT",
    "LINK",
    "MODELS",
    "MOMENT_MS",
    "PAGE",
    "PRICES",
    "QUOTE",
    "RECORD",
    "UPLOADED",
    "envelope",
    "list_of",
    "object_of",
    "or_null",
]

_TEXT: Final[JsonObject] = {"type": "string"}
_COUNT: Final[JsonObject] = {"type": "integer", "minimum": 0}
_URL: Final[JsonObject] = {"type": "string", "format": "uri"}
_MOMENT: Final[JsonObject] = {"type": "string", "format": "date-time"}
_TASK_ID: Final[JsonObject] = {"type": "string", "pattern": "^[0-9a-f]{32}$"}
MOMENT_MS: Final[JsonObject] = {"type": "integer", "description": "Milliseconds since the epoch."}


def object_of(properties: Mapping[str, JsonValue]) -> JsonObject:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _parts(schema: JsonObject) -> JsonObject:
    parts = schema["properties"]
    assert isinstance(parts, Mapping), "an object has properties"
    return parts


def or_null(schema: JsonObject) -> JsonObject:
    return {"anyOf": [schema, {"type": "null"}]}


def list_of(schema: JsonObject) -> JsonObject:
    return {"type": "array", "items": schema}


def _told(schema: JsonObject, text: str) -> JsonObject:
    return {**schema, "description": text}


def envelope(data: JsonValue, *, code: JsonObject | None = None) -> JsonObject:
    """Contract §1: every answer of the API has these four."""
    return object_of(
        {
            "code": code or {"const": 200},
            "message": _TEXT,
            "msg": _told(_TEXT, "The same text as message."),
            "data": data,
        }
    )


CREATED: Final = object_of({"taskId": _TASK_ID, "recordId": _TASK_ID})

RECORD: Final = object_of(
    {
        "taskId": _TASK_ID,
        "model": _TEXT,
        "state": {"enum": list(dict.fromkeys(STATES.values()))},
        "param": _told(_TEXT, "The create request as JSON, values as they were sent."),
        "resultJson": _told(_TEXT, "JSON after success: resultUrls, and what else the engine gives; otherwise empty."),
        "failCode": or_null(_TEXT),
        "failMsg": or_null(_TEXT),
        "costTime": or_null(_told(_COUNT, "Whole seconds of generation.")),
        "createTime": MOMENT_MS,
        "updateTime": MOMENT_MS,
        "completeTime": or_null(MOMENT_MS),
        "progress": {"type": "integer", "minimum": 0, "maximum": 100},
        "consumeCredits": _COUNT,
        "creditsConsumed": _COUNT,
        "remainedCredits": _told(_COUNT, "The balance after the task's last movement of credits."),
        "engine": _told(_TEXT, "What makes the clip."),
        "engineVersion": or_null(_told(_TEXT, "After success.")),
        "seed": _told(_COUNT, "The same request and seed make the same clip, where the engine can do that."),
        "timings": or_null(
            _told(
                object_of(dict.fromkeys(("waitMs", "fetchMs", "engineMs", "storeMs"), _COUNT)),
                "After success: what the attempt took.",
            )
        ),
        "stage": _told(_TEXT, f"What is being done: {', '.join(Stage)}; there may be others some day."),
        "priority": {"enum": [priority.name.lower() for priority in Priority]},
        "clientReference": or_null(_TEXT),
        "queuePosition": or_null({"type": "integer", "minimum": 1}),
        "etaSeconds": or_null(_told(_COUNT, "Until the end: an estimate from what such tasks took.")),
        "nextPollMs": or_null(_told(_COUNT, "When to ask again.")),
    }
)

CALLBACK: Final = object_of(
    {
        "code": {"enum": [200, 501]},
        "msg": _TEXT,
        "taskId": _TASK_ID,
        "data": {"allOf": [{"$ref": "#/components/schemas/Record"}, object_of({"task_id": _TASK_ID})]},
    }
)

# What a record says only where one task is asked for.
_OUTLOOK: Final = ("queuePosition", "etaSeconds", "nextPollMs")

LISTED: Final = object_of({name: part for name, part in _parts(RECORD).items() if name not in _OUTLOOK})

PAGE: Final = object_of(
    {
        "tasks": {"type": "array", "items": LISTED},
        "nextCursor": or_null(_told(_TEXT, "For the next page; null after the last.")),
    }
)

CANCELLED: Final = object_of({"taskId": _TASK_ID, "outcome": {"enum": ["cancelled", "requested", "too_late"]}})

CREDIT: Final = _told(_COUNT, "What the account can spend, holds excluded.")

LINK: Final = _told(_URL, "Works for 20 minutes.")

UPLOADED: Final = object_of(
    {
        "success": {"const": True},
        "fileName": _TEXT,
        "filePath": _TEXT,
        "downloadUrl": _URL,
        "fileSize": _COUNT,
        "mimeType": _TEXT,
        "uploadedAt": _MOMENT,
        "fileId": _TEXT,
        "originalName": _TEXT,
        "fileUrl": _told(_URL, "Can be a link in a task's input."),
        "uploadPath": _TEXT,
        "expiresAt": _MOMENT,
    }
)

_PRICE_ROWS: Final[JsonObject] = {
    "type": "array",
    "description": "The first row that fits counts.",
    "items": {
        "type": "object",
        "properties": {
            "when": {"type": "object"},
            "credits": _COUNT,
            "times": _told(_TEXT, "A field whose number multiplies the credits."),
        },
        "required": ["when", "credits"],
    },
}

_SUMMARY: Final = object_of(
    {
        "model": _TEXT,
        "title": _TEXT,
        "provider": _TEXT,
        "taskType": {"type": "array", "items": _TEXT},
        "description": _TEXT,
        "price": _PRICE_ROWS,
        "available": {"type": "boolean"},
        "engine": or_null(_TEXT),
        "needs": or_null(_told(_TEXT, "The engines that could serve it, where none is configured.")),
    }
)

MODELS: Final = object_of({"total": _COUNT, "models": {"type": "array", "items": _SUMMARY}})

PRICES: Final = object_of({"model": _TEXT, "prices": _PRICE_ROWS})

QUOTE: Final = object_of({"model": _TEXT, "credits": _COUNT})

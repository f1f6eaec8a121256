"""What `wire.py` renders, as JSON Schema: the parts of the OpenAPI document that are the same for every model."""

from collections.abc import Mapping
from typing import Final

from photoplay.domain.json import JsonObject, JsonValue
from photoplay.web.wire import STATES

__all__ = ["CALLBACK", "CANCELLED", "CREATED", "CREDIT", "MODELS", "PRICES", "QUOTE", "RECORD", "UPLOADED", "envelope"]

_TEXT: Final[JsonObject] = {"type": "string"}
_COUNT: Final[JsonObject] = {"type": "integer", "minimum": 0}
_URL: Final[JsonObject] = {"type": "string", "format": "uri"}
_MOMENT: Final[JsonObject] = {"type": "string", "format": "date-time"}
_TASK_ID: Final[JsonObject] = {"type": "string", "pattern": "^[0-9a-f]{32}$"}
_EPOCH_MS: Final[JsonObject] = {"type": "integer", "description": "Milliseconds since the epoch."}


def _object(properties: Mapping[str, JsonValue]) -> JsonObject:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _or_null(schema: JsonObject) -> JsonObject:
    return {"anyOf": [schema, {"type": "null"}]}


def _told(schema: JsonObject, text: str) -> JsonObject:
    return {**schema, "description": text}


def envelope(data: JsonValue, *, code: JsonObject | None = None) -> JsonObject:
    """Contract §1: every answer of the API has these four."""
    return _object(
        {
            "code": code or {"const": 200},
            "message": _TEXT,
            "msg": _told(_TEXT, "The same text as message."),
            "data": data,
        }
    )


CREATED: Final = _object({"taskId": _TASK_ID, "recordId": _TASK_ID})

RECORD: Final = _object(
    {
        "taskId": _TASK_ID,
        "model": _TEXT,
        "state": {"enum": list(dict.fromkeys(STATES.values()))},
        "param": _told(_TEXT, "The create request as JSON, values as they were sent."),
        "resultJson": _told(_TEXT, "JSON with resultUrls after success, otherwise empty."),
        "failCode": _or_null(_TEXT),
        "failMsg": _or_null(_TEXT),
        "costTime": _or_null(_told(_COUNT, "Whole seconds of generation.")),
        "createTime": _EPOCH_MS,
        "updateTime": _EPOCH_MS,
        "completeTime": _or_null(_EPOCH_MS),
        "progress": {"type": "integer", "minimum": 0, "maximum": 100},
        "consumeCredits": _COUNT,
        "creditsConsumed": _COUNT,
        "remainedCredits": _told(_COUNT, "The balance after the task's last movement of credits."),
        "engine": _or_null(_TEXT),
        "queuePosition": _or_null({"type": "integer", "minimum": 1}),
        "etaSeconds": _or_null(_COUNT),
        "nextPollMs": _or_null(_told(_COUNT, "When to ask again.")),
    }
)

CALLBACK: Final = _object(
    {
        "code": {"enum": [200, 501]},
        "msg": _TEXT,
        "taskId": _TASK_ID,
        "data": {"allOf": [{"$ref": "#/components/schemas/Record"}, _object({"task_id": _TASK_ID})]},
    }
)

CANCELLED: Final = _object({"outcome": {"enum": ["cancelled", "requested", "too_late"]}})

CREDIT: Final = _told(_COUNT, "What the account can spend, holds excluded.")

UPLOADED: Final = _object(
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

_SUMMARY: Final = _object(
    {
        "model": _TEXT,
        "title": _TEXT,
        "provider": _TEXT,
        "taskType": {"type": "array", "items": _TEXT},
        "description": _TEXT,
        "price": _PRICE_ROWS,
        "available": {"type": "boolean"},
        "engine": _or_null(_TEXT),
        "needs": _or_null(_told(_TEXT, "The engines that could serve it, where none is configured.")),
    }
)

MODELS: Final = _object({"total": _COUNT, "models": {"type": "array", "items": _SUMMARY}})

PRICES: Final = _object({"model": _TEXT, "prices": _PRICE_ROWS})

QUOTE: Final = _object({"model": _TEXT, "credits": _COUNT})

"""The part of the OpenAPI document about an account's callbacks: what `wire_callbacks.py` reads and renders. Pure."""

from typing import Final

from photoplay.domain import errors
from photoplay.domain.json import JsonObject
from photoplay.domain.tasks import CallbackEvent
from photoplay.web.operations import TEXT, body, operation, parameter, told, written
from photoplay.web.wire_callbacks import FAILED_STATE, OVERLAP_HOURS, OVERLAP_HOURS_MAX, STATES

__all__ = ["CALLBACK_EVENTS", "callback_paths"]

_PREFIX: Final = "/api/v1/jobs/callbacks"
_KEY: Final = (errors.Unauthorized, errors.StoreUnavailable)
_BODY: Final = (*_KEY, errors.MalformedBody, errors.BodyTooSlow, errors.BodyTooLarge, errors.InvalidInput)
_JSON_BODY: Final = (*_BODY, errors.UnsupportedMediaType)
_COUNT: Final[JsonObject] = {"type": "integer", "minimum": 0}
_EPOCH_MS: Final[JsonObject] = {"type": "integer", "description": "Milliseconds since the epoch."}

CALLBACK_EVENTS: Final[JsonObject] = {
    "type": ["array", "null"],
    "items": {"enum": [event.value for event in CallbackEvent]},
    "minItems": 1,
    "description": "What to be told of. The end alone where it is absent.",
}


def _object(**properties: JsonObject) -> JsonObject:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _or_null(schema: JsonObject) -> JsonObject:
    return {"anyOf": [schema, {"type": "null"}]}


_CAME_BACK: Final[dict[str, JsonObject]] = {
    "status": _or_null(_COUNT),
    "error": _or_null(TEXT),
    "answer": {**TEXT, "description": "The first 1024 bytes."},
    "answerBytes": _COUNT,
}
_ATTEMPT: Final = _object(
    attempt=_COUNT, startTime=_EPOCH_MS, durationMs=_or_null(_COUNT), nextTime=_or_null(_EPOCH_MS), **_CAME_BACK
)
_CALLBACK: Final = _object(
    id=TEXT,
    taskId=TEXT,
    event={"enum": [event.value for event in CallbackEvent]},
    url=TEXT,
    state={"enum": list(STATES)},
    createTime=_EPOCH_MS,
    completeTime=_or_null(_EPOCH_MS),
    nextTime=_or_null(_EPOCH_MS),
    attempts={"type": "array", "items": _ATTEMPT},
)


def callback_paths() -> JsonObject:
    last_id = parameter("Last-Event-ID", {**TEXT, "description": "The last event that arrived."}, place="header")
    chosen: JsonObject = {
        "type": "object",
        "properties": {"taskId": TEXT, "failedSince": _EPOCH_MS},
        "oneOf": [{"required": ["taskId"]}, {"required": ["failedSince"]}],
    }
    hours: JsonObject = {"type": "number", "minimum": 0, "maximum": OVERLAP_HOURS_MAX, "default": OVERLAP_HOURS}
    return {
        _PREFIX: {
            "get": {
                **operation(
                    "callbacks",
                    "Callbacks and what each attempt brought",
                    told(_object(callbacks={"type": "array", "items": _CALLBACK})),
                    (*_KEY, errors.InvalidInput, errors.RateLimited),
                ),
                "parameters": [
                    parameter("taskId", TEXT, place="query"),
                    parameter("state", {"enum": [*STATES, FAILED_STATE]}, place="query"),
                ],
            }
        },
        f"{_PREFIX}/resend": {
            "post": {
                **operation("resendCallbacks", "Send callbacks again", told(_object(resent=_COUNT)), _JSON_BODY),
                "requestBody": body(chosen),
            }
        },
        f"{_PREFIX}/ping": {
            "post": {
                **operation(
                    "pingReceiver",
                    "Send a signed sample now",
                    told(_object(durationMs=_COUNT, **_CAME_BACK)),
                    (*_JSON_BODY, errors.TargetForbidden, errors.RateLimited, errors.ModelSwitchedOff),
                ),
                "requestBody": body(_object(url=TEXT)),
            }
        },
        f"{_PREFIX}/secret/rotate": {
            "post": {
                **operation(
                    "rotateSecret",
                    "Make a new callback secret",
                    told(_object(secret=TEXT, earlierSecretUntil=_EPOCH_MS)),
                    _BODY,
                ),
                "requestBody": {
                    **body({"type": "object", "properties": {"overlapHours": hours}}),
                    "required": False,
                },
            }
        },
        f"{_PREFIX}/events": {
            "get": {
                **operation(
                    "callbackEvents",
                    "Callbacks as server-sent events",
                    written("text/event-stream"),
                    (*_KEY, errors.InvalidInput, errors.RateLimited),
                ),
                "parameters": [last_id],
            }
        },
    }

"""The operator's paths and those about one's own account, for the OpenAPI document. Pure."""

from collections.abc import Sequence
from typing import Final

from photoplay.domain import errors
from photoplay.domain.breaker import BreakerState
from photoplay.domain.credits import Book, Reason
from photoplay.domain.errors import AppError
from photoplay.domain.json import JsonObject, JsonValue
from photoplay.domain.keys import NAME_CHARS_MAX, Kind
from photoplay.domain.service import Mode
from photoplay.web.operations import TEXT, body, mapping, operation, parameter, told, written
from photoplay.web.wire_schemas import MOMENT_MS, list_of, object_of, or_null

__all__ = ["account_paths", "admin_paths"]

_KEY: Final = (errors.Unauthorized, errors.StoreUnavailable)
_BODY: Final = (errors.MalformedBody, errors.BodyTooSlow, errors.BodyTooLarge, errors.InvalidInput)
_WHOLE: Final[JsonObject] = {"type": "integer", "minimum": 0}
_NAME: Final[JsonObject] = {**TEXT, "minLength": 1, "maxLength": NAME_CHARS_MAX}
_KIND: Final[JsonObject] = {"enum": [kind.value for kind in Kind]}
_TEXTS: Final = list_of(TEXT)
_TERMS: Final[JsonObject] = {
    "hourCredits": or_null(_WHOLE),
    "dayCredits": or_null(_WHOLE),
    "totalCredits": or_null(_WHOLE),
    "models": or_null(_TEXTS),
    "networks": or_null({**_TEXTS, "description": "Addresses, or networks such as 203.0.113.0/24."}),
    "expiresAt": or_null(MOMENT_MS),
}

_ACCOUNT_FIELDS: Final[JsonObject] = {
    "account": TEXT,
    "kind": _KIND,
    "credits": _WHOLE,
    "heldCredits": _WHOLE,
    "unfinishedTasks": _WHOLE,
    "keys": _WHOLE,
    "createTime": MOMENT_MS,
}
_ACCOUNT: Final = object_of(_ACCOUNT_FIELDS)
_OWN: Final = object_of(
    {
        **_ACCOUNT_FIELDS,
        "unfinishedTasksMax": _WHOLE,
        "createsMax": or_null(_WHOLE),
        "createsWindowSeconds": or_null(_WHOLE),
        "queriesPerSecondMax": _WHOLE,
    }
)
_TIMELINE: Final = list_of(object_of({"time": MOMENT_MS, "what": TEXT, "detail": TEXT}))
_MODE: Final[JsonObject] = {"enum": [mode.value for mode in Mode]}
_SERVICE_FIELDS: Final[JsonObject] = {
    "mode": _MODE,
    "changedBy": or_null(TEXT),
    "changeTime": MOMENT_MS,
}
_SERVICE: Final = object_of(_SERVICE_FIELDS)
_OVERVIEW: Final = object_of(
    {
        **_SERVICE_FIELDS,
        "queues": list_of(object_of({"engine": TEXT, "waiting": _WHOLE, "oldestSeconds": _WHOLE})),
        "running": list_of(object_of({"worker": TEXT, "engine": TEXT, "jobs": _WHOLE})),
        "failures": list_of(
            object_of({"engine": TEXT, "code": TEXT, "message": TEXT, "tasks": _WHOLE, "lastTime": MOMENT_MS})
        ),
        "deliveries": object_of(dict.fromkeys(("pending", "due", "failing", "exhausted"), _WHOLE)),
        "disk": object_of(dict.fromkeys(("freeBytes", "freeBytesMin", "files", "filesBytes"), _WHOLE)),
    }
)
_KEY_FIELDS: Final[JsonObject] = {
    "id": TEXT,
    "prefix": TEXT,
    "account": TEXT,
    "kind": _KIND,
    "name": TEXT,
    "admin": {"type": "boolean"},
    **_TERMS,
    "hourSpent": _WHOLE,
    "daySpent": _WHOLE,
    "totalSpent": _WHOLE,
    "createTime": MOMENT_MS,
    "lastUseTime": or_null(MOMENT_MS),
    "revokeTime": or_null(MOMENT_MS),
    "previousPrefix": or_null(TEXT),
    "previousUntil": or_null(MOMENT_MS),
}
_SHOWN: Final = object_of(_KEY_FIELDS)
_MADE: Final = object_of({"key": {**TEXT, "description": "Shown this once."}, **_KEY_FIELDS})
_USAGE: Final = list_of(
    object_of(
        {
            "day": {**TEXT, "format": "date"},
            "account": TEXT,
            "keyId": TEXT,
            "keyName": TEXT,
            "keyPrefix": TEXT,
            "model": TEXT,
            "tasks": _WHOLE,
            "held": _WHOLE,
            "charged": _WHOLE,
            "givenBack": _WHOLE,
        }
    )
)
_ENTRIES: Final = list_of(
    object_of(
        {
            "movement": TEXT,
            "reason": {"enum": [reason.value for reason in Reason]},
            "book": {"enum": [book.value for book in Book]},
            "credits": {"type": "integer"},
            "actor": TEXT,
            "time": MOMENT_MS,
        }
    )
)
_ENGINE: Final = object_of(
    {
        "engine": TEXT,
        "configured": {"type": "boolean"},
        "state": {"enum": [state.value for state in BreakerState]},
        "workers": {**_WHOLE, "description": "Those that leave it alone, or are finding out."},
        "failedTasks": _WHOLE,
        "error": or_null(TEXT),
        "retryTime": or_null(MOMENT_MS),
    }
)
_SPAN: Final[tuple[JsonObject, ...]] = (
    parameter("from", {**TEXT, "format": "date", "description": "First UTC day."}, place="query"),
    parameter("to", {**TEXT, "format": "date", "description": "Last UTC day."}, place="query"),
    parameter("format", {"enum": ["json", "csv"]}, place="query"),
)
_OF_KIND: Final = parameter("kind", _KIND, place="query")
_OF_ACCOUNT: Final = parameter("account", TEXT, place="query")


def account_paths() -> JsonObject:
    """What a caller sees and changes of its own account."""
    key: JsonObject = {"parameters": [parameter("key", {**TEXT, "description": "Its id, or its prefix."})]}
    made, changed = (*_KEY, *_BODY), (*_KEY, *_BODY, errors.NotFound)
    own = "/api/v1/account"
    return {
        own: {"get": operation("account", "My account, and its limits", told(_OWN), _KEY)},
        f"{own}/keys": {
            "get": operation("keys", "My keys, without their texts", told(list_of(_SHOWN)), _KEY),
            "post": _sent("makeKey", "Make a key of mine", _MADE, made, _some({"name": TEXT, **_TERMS})),
        },
        f"{own}/keys/{{key}}/revoke": {
            **key,
            "post": operation("endKey", "End a key of mine", told(_SHOWN), (*_KEY, errors.NotFound)),
        },
        f"{own}/keys/{{key}}/limit": {
            **key,
            "post": _sent("changeKey", "Change the limits of a key of mine", _SHOWN, changed, _some(_TERMS)),
        },
        "/api/v1/jobs/timeline": {
            "get": {
                **operation(
                    "timeline",
                    "What happened to a task",
                    told(_TIMELINE),
                    (*_KEY, errors.InvalidInput, errors.RateLimited),
                ),
                "parameters": [{**parameter("taskId", TEXT, place="query"), "required": True}],
            }
        },
        "/api/v1/account/usage": {"get": _usage("usage", "What my tasks moved", [*_SPAN])},
        "/api/v1/jobs/entries": {
            "get": {
                **operation("entries", "Entries of a task", told(_ENTRIES), (*_KEY, errors.InvalidInput)),
                "parameters": [{**parameter("taskId", TEXT, place="query"), "required": True}],
            }
        },
    }


def admin_paths() -> JsonObject:
    """What an operator does: needs an admin key."""
    account: JsonObject = {"parameters": [parameter("account", TEXT)]}
    key: JsonObject = {
        "parameters": [parameter("key", {**TEXT, "description": "Its id, or its beginning as lists show it."})]
    }
    one, made = (*_KEY, errors.NotFound, errors.InvalidInput), (*_KEY, *_BODY)
    changed = (*made, errors.NotFound)
    new_account = _some({"account": _NAME, "kind": _KIND, "credits": _WHOLE, "note": TEXT}, "account")
    new_key = _some(
        {"account": _NAME, "kind": _KIND, "name": TEXT, "credits": _WHOLE, "admin": {"type": "boolean"}, **_TERMS},
        "account",
    )
    prefix = "/api/v1/admin"
    return {
        f"{prefix}/overview": {"get": operation("overview", "How the service stands", told(_OVERVIEW), _KEY)},
        f"{prefix}/mode": {
            "post": _sent("mode", "Pause, drain or resume", _SERVICE, made, _some({"mode": _MODE}, "mode")),
        },
        f"{prefix}/accounts": {
            "get": operation("listAccounts", "Every account", told(list_of(_ACCOUNT)), _KEY),
            "post": _sent("createAccount", "Make an account", _ACCOUNT, made, new_account),
        },
        f"{prefix}/accounts/{{account}}": {
            **account,
            "get": {**operation("showAccount", "One account", told(_ACCOUNT), one), "parameters": [_OF_KIND]},
        },
        f"{prefix}/accounts/{{account}}/grant": {**account, "post": _adjustment("grant", "Give credits")},
        f"{prefix}/accounts/{{account}}/correct": {**account, "post": _adjustment("correct", "Take credits back")},
        f"{prefix}/keys": {
            "get": {
                **operation("listKeys", "Keys, without their texts", told(list_of(_SHOWN)), _KEY),
                "parameters": [_OF_ACCOUNT],
            },
            "post": _sent("createKey", "Make a key, and its account if needed", _MADE, made, new_key),
        },
        f"{prefix}/keys/{{key}}": {**key, "get": operation("showKey", "One key", told(_SHOWN), one)},
        f"{prefix}/keys/{{key}}/rotate": {
            **key,
            "post": _sent("rotateKey", "Give a key a new text", _MADE, changed, _some({"overlapSeconds": _WHOLE})),
        },
        f"{prefix}/keys/{{key}}/revoke": {**key, "post": operation("revokeKey", "End a key", told(_SHOWN), one)},
        f"{prefix}/keys/{{key}}/limit": {
            **key,
            "post": _sent("limitKey", "Change what is given; null takes a limit away", _SHOWN, changed, _some(_TERMS)),
        },
        f"{prefix}/engines": {
            "get": operation("listEngines", "How the engines are", told(list_of(_ENGINE)), _KEY),
        },
        f"{prefix}/usage": {
            "get": _usage("allUsage", "What tasks moved", [*_SPAN, _OF_ACCOUNT, _OF_KIND], errors.NotFound)
        },
    }


def _adjustment(name: str, summary: str) -> JsonObject:
    sent = _some({"credits": {**_WHOLE, "minimum": 1}, "note": {**TEXT, "minLength": 1}}, "credits", "note")
    once = parameter("Idempotency-Key", {**TEXT, "minLength": 1, "maxLength": 255}, place="header")
    return {
        **_sent(name, summary, _ACCOUNT, (*_KEY, *_BODY, errors.NotFound), sent),
        "parameters": [once, _OF_KIND],
    }


def _usage(name: str, summary: str, parameters: list[JsonValue], *refusals: type[AppError]) -> JsonObject:
    content: JsonObject = {**told(_USAGE), **written("text/csv")}
    return {**operation(name, summary, content, (*_KEY, errors.InvalidInput, *refusals)), "parameters": parameters}


def _sent(
    name: str, summary: str, data: JsonObject, refusals: Sequence[type[AppError]], given: JsonObject
) -> JsonObject:
    return {**operation(name, summary, told(data), refusals), "requestBody": body(given)}


def _some(properties: JsonObject, *required: str) -> JsonObject:
    """An object in which every key is known; a null is as good as nothing."""
    nullable: JsonObject = {
        name: schema if name in required else _with_null(schema) for name, schema in properties.items()
    }
    return {"type": "object", "properties": nullable, "required": [*required], "additionalProperties": False}


def _with_null(schema: JsonValue) -> JsonObject:
    known = mapping(schema)
    return known if "anyOf" in known else or_null(known)

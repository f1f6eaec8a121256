"""The OpenAPI document of a server, made from its cards, its error table and its paths. Pure.

Source: OpenAPI 3.1.1, https://spec.openapis.org/oas/v3.1.1.html
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from photoplay.domain import errors
from photoplay.domain.cards import Card
from photoplay.domain.json import JsonObject
from photoplay.domain.keys import Kind
from photoplay.domain.schema import input_schema
from photoplay.domain.script import PLAY_CARD, SCRIPT_FIELD
from photoplay.domain.tasks import Priority
from photoplay.web import wire, wire_jobs, wire_schemas
from photoplay.web.openapi_admin import account_paths, admin_paths
from photoplay.web.openapi_callbacks import CALLBACK_EVENTS, callback_paths
from photoplay.web.openapi_files import file_paths
from photoplay.web.openapi_pages import page_paths, session_paths
from photoplay.web.operations import (
    BODY,
    JSON_BODY,
    KEY,
    TEXT,
    answer,
    body,
    mapping,
    operation,
    parameter,
    tagged,
    told,
    written,
)

__all__ = ["component_name", "openapi"]

DESCRIPTION: Final = (
    "Create a task of a model, ask for its record or be told by a callback, and fetch what was made. An error answers"
    " with the HTTP status shown here, unless the operator chose to answer every logical error with HTTP 200; then"
    " `code` alone tells."
)

_CREATE: Final = (
    errors.InsufficientCredits,
    errors.KeyCapReached,
    errors.IdempotencyConflict,
    errors.RateLimited,
    errors.TargetForbidden,
    errors.ModelSwitchedOff,
    errors.ServerDraining,
    errors.DiskFull,
)
_QUERY: Final = (*KEY, errors.InvalidInput, errors.RateLimited)
_WAIT: Final[JsonObject] = {
    "type": "integer",
    "minimum": 0,
    "maximum": wire_jobs.WAIT_MAX_S,
    "description": "Answer when the task has ended, or after so many seconds.",
}
_MOMENT: Final[JsonObject] = {"type": "integer", "minimum": 0, "description": "Milliseconds since the epoch."}
_LIST: Final[Mapping[str, JsonObject]] = {
    "state": {**TEXT, "description": f"One or several of {', '.join(dict.fromkeys(wire.STATES.values()))}."},
    "model": TEXT,
    "key": {**TEXT, "description": "The id of a key of the account, or the beginning of it that lists show."},
    "clientReference": TEXT,
    "createdAfter": _MOMENT,
    "createdBefore": _MOMENT,
    "limit": {
        "type": "integer",
        "minimum": 1,
        "maximum": wire_jobs.LIMIT_MAX,
        "default": wire_jobs.LIMIT_DEFAULT,
    },
    "cursor": {**TEXT, "description": "nextCursor of the page before."},
}
_SCRIPT: Final[JsonObject] = {
    "type": ["object", "null"],
    "description": f"For a test key: how the task ends, and its callbacks come. The fields are those of {PLAY_CARD}.",
}
_MODEL: Final[JsonObject] = {**TEXT, "description": "The id of a model. It holds a slash."}


def openapi(cards: Sequence[Card], *, base_url: str, version: str) -> JsonObject:
    return {
        "openapi": "3.1.1",
        "info": {"title": "Photoplay", "version": version, "description": DESCRIPTION},
        "servers": [{"url": base_url}],
        "paths": {
            **tagged("Tasks", _task_paths(cards)),
            **tagged("Account", account_paths()),
            **tagged("Files", file_paths()),
            **tagged("Callbacks", callback_paths()),
            **tagged("Discovery", _discovery_paths()),
            **tagged("Sessions", session_paths()),
            **tagged("Pages", page_paths(_MODEL)),
            **tagged("Administration", admin_paths()),
            **tagged("Operations", _operator_paths()),
        },
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": {
                **{component_name(card): _create_request(card) for card in cards},
                "Record": wire_schemas.RECORD,
                "Callback": wire_schemas.CALLBACK,
            },
        },
    }


def component_name(card: Card) -> str:
    """Return the name of the card's create request, no other card's: a slash is a dot, since components may have none.

    What else a name may not have, and what stands for it, is an underscore and two digits for each byte.
    """
    return re.sub(r"[^A-Za-z0-9-]", _escaped, card.id)


def _escaped(found: re.Match[str]) -> str:
    return "." if found[0] == "/" else "".join(f"_{byte:02x}" for byte in found[0].encode())


def _create_request(card: Card) -> JsonObject:
    return {
        "title": card.title,
        "description": card.description,
        "type": "object",
        "properties": {
            "model": {"const": card.id},
            "callBackUrl": {"type": ["string", "null"], "description": "An http(s) URL; an empty one counts as none."},
            "maxCredits": {
                "type": ["integer", "null"],
                "minimum": 0,
                "description": "The most that the task may cost; a dearer one is refused.",
            },
            "priority": {
                "enum": [*(priority.name.lower() for priority in Priority), None],
                "description": "low: claimed when no normal task waits.",
            },
            "clientReference": {
                "type": ["string", "null"],
                "minLength": 1,
                "maxLength": wire.REFERENCE_CHARS_MAX,
                "description": "Your own name for the task.",
            },
            "callBackEvents": CALLBACK_EVENTS,
            **({SCRIPT_FIELD: _SCRIPT} if card.kind is Kind.LIVE else {}),
            "input": input_schema(card.fields, card.rules),
        },
        "required": ["model", "input"],
        "examples": [card.example],
    }


def _task_paths(cards: Sequence[Card]) -> JsonObject:
    task_id: JsonObject = {"type": "object", "properties": {"taskId": TEXT}, "required": ["taskId"]}
    return {
        "/api/v1/jobs/createTask": {
            "post": {
                **operation("createTask", "Create a task", told(wire_schemas.CREATED), (*JSON_BODY, *KEY, *_CREATE)),
                "parameters": [
                    parameter("Idempotency-Key", {**TEXT, "minLength": 1, "maxLength": 255}, place="header")
                ],
                "requestBody": body(_any_create_request(cards)),
                "callbacks": {"ended": _callback()},
            }
        },
        "/api/v1/jobs/recordInfo": {
            "get": {
                **operation(
                    "recordInfo",
                    "What is known of a task",
                    told({"$ref": "#/components/schemas/Record"}),
                    _QUERY,
                ),
                "parameters": [
                    {**parameter("taskId", TEXT, place="query"), "required": True},
                    parameter("wait", _WAIT, place="query"),
                ],
            }
        },
        "/api/v1/jobs": {
            "get": {
                **operation("jobs", "The account's tasks, newest first", told(wire_schemas.PAGE), _QUERY),
                "parameters": [parameter(name, schema, place="query") for name, schema in _LIST.items()],
            }
        },
        "/api/v1/jobs/events": {"get": _events()},
        "/api/v1/jobs/cancelTask": {
            "post": {
                **operation("cancelTask", "End a task", told(wire_schemas.CANCELLED), (*JSON_BODY, *KEY)),
                "requestBody": body(task_id),
            }
        },
        "/api/v1/chat/credit": {"get": operation("credit", "The balance", told(wire_schemas.CREDIT), KEY)},
    }


def _events() -> JsonObject:
    follow = operation("events", "Changes of tasks as they come", written("text/event-stream"), _QUERY)
    return {
        **follow,
        "description": "Server-sent events state, progress and end. Each holds a record.",
        "parameters": [
            parameter("taskId", {**TEXT, "description": "One task, until its end. Absent: all."}, place="query"),
            parameter("Last-Event-ID", {**TEXT, "description": "The id of the last event seen."}, place="header"),
        ],
        "responses": {**mapping(follow["responses"]), "204": {"description": "Its end was seen: do not come back."}},
    }


def _any_create_request(cards: Sequence[Card]) -> JsonObject:
    refs = {card.id: f"#/components/schemas/{component_name(card)}" for card in cards}
    return {
        "oneOf": [{"$ref": ref} for ref in refs.values()],
        "discriminator": {"propertyName": "model", "mapping": refs},
    }


def _callback() -> JsonObject:
    post: JsonObject = {
        "summary": "Posted once the task has ended, or generates where that was asked for; repeated until taken",
        "requestBody": body({"$ref": "#/components/schemas/Callback"}),
        "responses": {"2XX": {"description": "Taken."}, "410": {"description": "Not wanted any more."}},
    }
    return {"{$request.body#/callBackUrl}": {"post": post}}


def _discovery_paths() -> JsonObject:
    searches = [
        parameter("search", {**TEXT, "description": "In id, title, provider or description."}, place="query"),
        parameter("taskType", TEXT, place="query"),
    ]
    inputs: JsonObject = {"type": "object", "properties": {"input": {"type": "object"}}, "required": ["input"]}
    found: JsonObject = {"parameters": [parameter("model", _MODEL)]}
    unknown = (errors.NotFound,)
    return {
        "/api/v1/models": {
            "get": {**operation("models", "The models", told(wire_schemas.MODELS)), "parameters": searches}
        },
        "/api/v1/models/{model}/schema": {
            **found,
            "get": operation("schema", "JSON Schema of a model's input", told({"type": "object"}), unknown),
        },
        "/api/v1/models/{model}/price": {
            **found,
            "get": operation("prices", "Prices of a model", told(wire_schemas.PRICES), unknown),
            "post": {
                **operation("quote", "Price of one input", told(wire_schemas.QUOTE), (*BODY, *unknown)),
                "requestBody": body(inputs),
            },
        },
    }


def _operator_paths() -> JsonObject:
    ready = operation("readyz", "Whether it takes work", written("text/plain"))
    not_ready: JsonObject = {
        "503": answer("Draining, without its database, or without room on its disk", written("text/plain"))
    }
    return {
        "/healthz": {"get": operation("healthz", "Whether the process lives", written("text/plain"))},
        "/readyz": {"get": {**ready, "responses": {**mapping(ready["responses"]), **not_ready}}},
        "/metrics": {"get": operation("metrics", "For Prometheus", written("text/plain"), (errors.StoreUnavailable,))},
    }

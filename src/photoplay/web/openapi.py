"""The OpenAPI document of a server, made from its cards, its error table and its paths. Pure.

Source: OpenAPI 3.1.1, https://spec.openapis.org/oas/v3.1.1.html
"""

import re
from collections.abc import Sequence
from typing import Final

from photoplay.domain import errors
from photoplay.domain.cards import Card
from photoplay.domain.json import JsonObject
from photoplay.domain.schema import input_schema
from photoplay.web import wire_schemas
from photoplay.web.operations import (
    TEXT,
    answer,
    body,
    json_of,
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

_BODY: Final = (errors.MalformedBody, errors.BodyTooSlow, errors.BodyTooLarge, errors.InvalidInput)
_JSON_BODY: Final = (*_BODY, errors.UnsupportedMediaType)
_KEY: Final = (errors.Unauthorized, errors.StoreUnavailable)
_CREATE: Final = (
    errors.InsufficientCredits,
    errors.IdempotencyConflict,
    errors.RateLimited,
    errors.TargetForbidden,
    errors.ModelSwitchedOff,
    errors.ServerDraining,
)
_MODEL: Final[JsonObject] = {**TEXT, "description": "The id of a model. It holds a slash."}
# Bytes have a media type and no schema. Source: OpenAPI 3.1.1, §4.8.14.2, considerations for file uploads.
_BYTES: Final[JsonObject] = {}


def openapi(cards: Sequence[Card], *, base_url: str, version: str) -> JsonObject:
    return {
        "openapi": "3.1.1",
        "info": {"title": "Photoplay", "version": version, "description": DESCRIPTION},
        "servers": [{"url": base_url}],
        "paths": {
            **tagged("Tasks", _task_paths(cards)),
            **tagged("Files", _file_paths()),
            **tagged("Discovery", _discovery_paths()),
            **tagged("Pages", _page_paths()),
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
    """Return the name of the card's create request: components may not have a slash in theirs."""
    return re.sub(r"[^A-Za-z0-9._-]", ".", card.id)


def _create_request(card: Card) -> JsonObject:
    return {
        "title": card.title,
        "description": card.description,
        "type": "object",
        "properties": {
            "model": {"const": card.id},
            "callBackUrl": {"type": ["string", "null"], "description": "An http(s) URL; an empty one counts as none."},
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
                **operation("createTask", "Create a task", told(wire_schemas.CREATED), (*_JSON_BODY, *_KEY, *_CREATE)),
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
                    (*_KEY, errors.InvalidInput, errors.RateLimited),
                ),
                "parameters": [{**parameter("taskId", TEXT, place="query"), "required": True}],
            }
        },
        "/api/v1/jobs/cancelTask": {
            "post": {
                **operation("cancelTask", "End a task", told(wire_schemas.CANCELLED), (*_JSON_BODY, *_KEY)),
                "requestBody": body(task_id),
            }
        },
        "/api/v1/chat/credit": {"get": operation("credit", "The balance", told(wire_schemas.CREDIT), _KEY)},
    }


def _any_create_request(cards: Sequence[Card]) -> JsonObject:
    refs = {card.id: f"#/components/schemas/{component_name(card)}" for card in cards}
    return {
        "oneOf": [{"$ref": ref} for ref in refs.values()],
        "discriminator": {"propertyName": "model", "mapping": refs},
    }


def _callback() -> JsonObject:
    post: JsonObject = {
        "summary": "Posted once the task has ended; repeated until it is taken",
        "requestBody": body({"$ref": "#/components/schemas/Callback"}),
        "responses": {"2XX": {"description": "Taken."}, "410": {"description": "Not wanted any more."}},
    }
    return {"{$request.body#/callBackUrl}": {"post": post}}


def _file_paths() -> JsonObject:
    form: JsonObject = {"type": "object", "properties": {"file": _BYTES, "fileName": TEXT}, "required": ["file"]}
    link: JsonObject = {"parameters": [parameter("path", TEXT)]}
    answers: JsonObject = {
        "206": answer("The bytes that were asked for", {"*/*": {"schema": _BYTES}}),
        "304": {"description": "Not changed"},
        "416": {"description": "The range begins behind the end"},
    }
    download = operation("download", "A file", {"*/*": {"schema": _BYTES}}, (errors.NotFound, errors.StoreUnavailable))
    both: JsonObject = {**download, "responses": {**mapping(download["responses"]), **answers}}
    return {
        "/api/file-stream-upload": {
            "post": {
                **operation("upload", "Keep a file", told(wire_schemas.UPLOADED), (*_JSON_BODY, *_KEY)),
                "requestBody": body(form, media_type="multipart/form-data"),
            }
        },
        "/files/{path}": {**link, "get": both, "head": {**both, "operationId": "downloadHead"}},
    }


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
                **operation("quote", "Price of one input", told(wire_schemas.QUOTE), (*_BODY, *unknown)),
                "requestBody": body(inputs),
            },
        },
    }


def _page_paths() -> JsonObject:
    unknown = (errors.NotFound,)
    html, model = written("text/html"), {"parameters": [parameter("model", _MODEL)]}
    return {
        "/models": {"get": operation("modelsPage", "The models, to be read", html)},
        "/models/{model}": {**model, "get": operation("modelPage", "A model, to be read", html, unknown)},
        "/models/{model}.md": {
            **model,
            "get": operation("modelMarkdown", "A model, as Markdown", written("text/markdown"), unknown),
        },
        "/llms.txt": {"get": operation("llms", "The models, for language models", written("text/plain"))},
        "/docs": {"get": operation("docs", "This document, to be read", html)},
        "/openapi.json": {"get": operation("openapi", "This document", json_of({"type": "object"}))},
        "/static/{name}": {
            "parameters": [parameter("name", TEXT)],
            "get": operation("static", "What pages load", {"*/*": {"schema": _BYTES}}, unknown),
        },
    }


def _operator_paths() -> JsonObject:
    ready = operation("readyz", "Whether it takes work", written("text/plain"))
    not_ready: JsonObject = {"503": answer("Draining, or without its database", written("text/plain"))}
    return {
        "/healthz": {"get": operation("healthz", "Whether the process lives", written("text/plain"))},
        "/readyz": {"get": {**ready, "responses": {**mapping(ready["responses"]), **not_ready}}},
        "/metrics": {"get": operation("metrics", "For Prometheus", written("text/plain"), (errors.StoreUnavailable,))},
    }

"""The paths for browsers, for the OpenAPI document: pages, what they load, and how a browser signs in. Pure."""

from typing import Final

from photoplay.domain import errors
from photoplay.domain.json import JsonObject
from photoplay.domain.keys import Kind
from photoplay.web.auth import PAGE_HEADER
from photoplay.web.operations import (
    BYTES,
    JSON_BODY,
    KEY,
    TEXT,
    body,
    json_of,
    operation,
    parameter,
    told,
    written,
)
from photoplay.web.wire_schemas import object_of, or_null

__all__ = ["page_paths", "session_paths"]

_HTML: Final = written("text/html")
_UNKNOWN: Final = (errors.NotFound,)
_SESSION: Final = or_null(
    object_of(
        {
            "account": TEXT,
            "kind": {"enum": [kind.value for kind in Kind]},
            "credits": {"type": "integer", "minimum": 0},
            "admin": {"type": "boolean"},
            "keyId": TEXT,
            "keyPrefix": TEXT,
            "keyName": TEXT,
        }
    )
)


def session_paths() -> JsonObject:
    header = parameter(
        PAGE_HEADER, {**TEXT, "description": "What pages of this server say of themselves."}, place="header"
    )
    proof: JsonObject = {
        "type": "object",
        "properties": {"key": TEXT, "link": {**TEXT, "description": "From the terminal of the server; good once."}},
    }
    sign_in: JsonObject = {
        **operation("signIn", "Begin a session in this browser", told(_SESSION), (*KEY, *JSON_BODY)),
        # The key stands in the body.
        "security": [],
        "parameters": [header],
        "requestBody": body(proof),
    }
    sign_out: JsonObject = {
        **operation("signOut", "End it", told({"type": "null"}), KEY),
        "security": [],
        "parameters": [header],
    }
    return {
        "/api/v1/session": {
            "post": sign_in,
            "get": operation("session", "Whom a request speaks for", told(_SESSION), KEY),
        },
        "/api/v1/session/end": {"post": sign_out},
    }


def page_paths(model: JsonObject) -> JsonObject:
    of_model: JsonObject = {"parameters": [parameter("model", model)]}
    return {
        "/": {"get": operation("playground", "Where clips are made", _HTML)},
        "/history": {"get": operation("historyPage", "My tasks", _HTML)},
        "/tasks/{task}": {"parameters": [parameter("task", TEXT)], "get": operation("taskPage", "One task", _HTML)},
        "/account": {"get": operation("accountPage", "My account and its keys", _HTML)},
        "/admin": {"get": operation("adminPage", "The service, for its operator", _HTML)},
        "/sign-in": {"get": operation("signInPage", "The way in", _HTML)},
        "/models": {"get": operation("modelsPage", "The models, to be read", _HTML)},
        "/models/{model}": {**of_model, "get": operation("modelPage", "A model, to be read", _HTML, _UNKNOWN)},
        "/models/{model}.md": {
            **of_model,
            "get": operation("modelMarkdown", "A model, as Markdown", written("text/markdown"), _UNKNOWN),
        },
        "/llms.txt": {"get": operation("llms", "The models, for language models", written("text/plain"))},
        "/docs": {"get": operation("docs", "This document, to be read", _HTML)},
        "/openapi.json": {"get": operation("openapi", "This document", json_of({"type": "object"}))},
        "/assets/{digest}/{name}": {
            "parameters": [parameter("digest", TEXT), parameter("name", TEXT)],
            "get": operation("asset", "What pages load", {"*/*": {"schema": BYTES}}, _UNKNOWN),
        },
    }

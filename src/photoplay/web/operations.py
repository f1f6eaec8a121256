"""How one operation is spelled in the OpenAPI document: its answers, its refusals, what it is given. Pure."""

from collections.abc import Mapping, Sequence
from inspect import getdoc
from typing import Final

from photoplay.domain import errors
from photoplay.domain.errors import AppError
from photoplay.domain.json import JsonObject, JsonValue
from photoplay.web.errors import CODES
from photoplay.web.wire_schemas import envelope

__all__ = [
    "BODY",
    "BYTES",
    "JSON_BODY",
    "KEY",
    "TEXT",
    "answer",
    "body",
    "json_of",
    "mapping",
    "operation",
    "parameter",
    "tagged",
    "told",
    "written",
]

TEXT: Final[JsonObject] = {"type": "string"}
# Bytes have a media type and no schema. Source: OpenAPI 3.1.1, §4.8.14.2, considerations for file uploads.
BYTES: Final[JsonObject] = {}

# How a body, one that must be JSON, and a key can be refused.
BODY: Final = (errors.MalformedBody, errors.BodyTooSlow, errors.BodyTooLarge, errors.InvalidInput)
JSON_BODY: Final = (*BODY, errors.UnsupportedMediaType)
KEY: Final = (errors.Unauthorized, errors.StoreUnavailable)


def operation(name: str, summary: str, content: JsonObject, refusals: Sequence[type[AppError]] = ()) -> JsonObject:
    statuses = sorted({CODES[kind][0] for kind in refusals})
    return {
        "operationId": name,
        "summary": summary,
        "security": [{"key": []}] if errors.Unauthorized in refusals else [],
        "responses": {
            "200": answer("Success", content),
            **{str(status): _refusal([kind for kind in refusals if CODES[kind][0] == status]) for status in statuses},
        },
    }


def _refusal(kinds: Sequence[type[AppError]]) -> JsonObject:
    """Describe the errors that share one HTTP status."""
    texts = dict.fromkeys((getdoc(kind) or kind.__name__).partition("\n")[0].rstrip(".") for kind in kinds)
    codes: list[JsonValue] = [*sorted({CODES[kind][1] for kind in kinds})]
    return answer("; ".join(texts), json_of(envelope({"type": "null"}, code={"enum": codes})))


def tagged(tag: str, paths: JsonObject) -> JsonObject:
    """Put every operation of these paths below one heading."""
    return {
        path: {
            name: {**mapping(part), "tags": [tag]} if name != "parameters" else part
            for name, part in mapping(methods).items()
        }
        for path, methods in paths.items()
    }


def told(data: JsonObject) -> JsonObject:
    return json_of(envelope(data))


def json_of(schema: JsonObject) -> JsonObject:
    return {"application/json": {"schema": schema}}


def written(media_type: str) -> JsonObject:
    return {media_type: {"schema": TEXT}}


def answer(description: str, content: JsonObject) -> JsonObject:
    return {"description": description, "content": content}


def body(schema: JsonObject, *, media_type: str = "application/json") -> JsonObject:
    return {"required": True, "content": {media_type: {"schema": schema}}}


def parameter(name: str, schema: JsonObject, *, place: str = "path") -> JsonObject:
    return {"name": name, "in": place, "schema": schema, **({"required": True} if place == "path" else {})}


def mapping(value: JsonValue) -> JsonObject:
    assert isinstance(value, Mapping), "the parts of this document that are opened again are objects"
    return value

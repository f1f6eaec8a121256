"""The part of the OpenAPI document that is about files: uploads in three ways, links, downloads. Pure."""

from typing import Final

from photoplay.domain import errors
from photoplay.domain.json import JsonObject
from photoplay.web import wire_schemas
from photoplay.web.operations import BYTES, JSON_BODY, KEY, TEXT, answer, body, mapping, operation, parameter, told

__all__ = ["file_paths"]

_FETCH: Final = (errors.TargetForbidden, errors.TargetRefused, errors.TargetUnreachable)


def file_paths() -> JsonObject:
    names: JsonObject = {"fileName": TEXT, "uploadPath": TEXT}
    form: JsonObject = {"type": "object", "properties": {"file": BYTES, **names}, "required": ["file"]}
    base64: JsonObject = {"type": "object", "properties": {"base64Data": TEXT, **names}, "required": ["base64Data"]}
    by_url: JsonObject = {"type": "object", "properties": {"fileUrl": TEXT, **names}, "required": ["fileUrl"]}
    share: JsonObject = {"type": "object", "properties": {"url": TEXT}, "required": ["url"]}
    kept, refusals = told(wire_schemas.UPLOADED), (*JSON_BODY, *KEY, errors.DiskFull)
    link: JsonObject = {"parameters": [parameter("path", TEXT)]}
    answers: JsonObject = {
        "206": answer("The bytes that were asked for", {"*/*": {"schema": BYTES}}),
        "304": {"description": "Not changed"},
        "416": {"description": "The range begins behind the end"},
    }
    download = operation("download", "A file", {"*/*": {"schema": BYTES}}, (errors.NotFound, errors.StoreUnavailable))
    both: JsonObject = {**download, "responses": {**mapping(download["responses"]), **answers}}
    return {
        "/api/file-stream-upload": {
            "post": {
                **operation("upload", "Keep a file", kept, refusals),
                "requestBody": body(form, media_type="multipart/form-data"),
            }
        },
        "/api/file-base64-upload": {
            "post": {
                **operation("uploadBase64", "Keep a file that is sent as text", kept, refusals),
                "requestBody": body(base64),
            }
        },
        "/api/file-url-upload": {
            "post": {
                **operation("uploadUrl", "Fetch a file and keep it", kept, (*refusals, *_FETCH)),
                "requestBody": body(by_url),
            }
        },
        "/api/v1/common/download-url": {
            "post": {
                **operation(
                    "downloadUrl",
                    "A short link to a file",
                    told(wire_schemas.LINK),
                    (*JSON_BODY, *KEY, errors.RateLimited),
                ),
                "requestBody": body(share),
            }
        },
        "/files/{path}": {**link, "get": both, "head": {**both, "operationId": "downloadHead"}},
    }

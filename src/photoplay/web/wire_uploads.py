"""How uploads are spelt on the wire.

Source: the wire contract §6.
"""

import binascii
import re
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from photoplay.domain.errors import InvalidInput
from photoplay.domain.json import JsonObject
from photoplay.store.files import StoredFile
from photoplay.web.strict import parse_json
from photoplay.web.wire import text_in

__all__ = ["SentBytes", "SentUrl", "parse_base64_upload", "parse_url_upload", "shown_name", "uploaded"]

# What a list of files shows.
_NAME_CHARS_MAX: Final = 255
_UNNAMED: Final = "file"
# Source: RFC 2397; parameters such as a file's name may stand before `;base64`.
_DATA_URL: Final = re.compile(r"data:[^,]{0,200};base64,", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class SentBytes:
    """A file inside a request."""

    content: bytes
    name: str
    upload_path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SentUrl:
    """A file that a request names."""

    url: str
    name: str
    upload_path: str


def parse_base64_upload(body: bytes) -> SentBytes:
    """Raises: MalformedBody, InvalidInput."""
    value = _object(body)
    text = text_in(value, "base64Data", hint=": send the file as base64, or as a data URL")
    data_url = _DATA_URL.match(text)
    try:
        # Encoders of mail break lines.
        content = b64decode(re.sub(r"\s+", "", text[data_url.end() :] if data_url else text), validate=True)
    except (binascii.Error, ValueError) as exc:
        raise InvalidInput("base64Data is not base64, and not a data URL with it", field="base64Data") from exc
    return SentBytes(content=content, name=shown_name(value.get("fileName")), upload_path=_upload_path(value))


def parse_url_upload(body: bytes) -> SentUrl:
    """Raises: MalformedBody, InvalidInput."""
    value = _object(body)
    url = text_in(value, "fileUrl", hint=": send an http or https URL")
    return SentUrl(url=url, name=shown_name(value.get("fileName")), upload_path=_upload_path(value))


def _object(body: bytes) -> JsonObject:
    value = parse_json(body)
    if not isinstance(value, Mapping):
        raise InvalidInput("The body must be a JSON object")
    return value


def _upload_path(value: JsonObject) -> str:
    return shown_name(value.get("uploadPath"), otherwise="")


def shown_name(sent: object, *, otherwise: str = _UNNAMED) -> str:
    """Return the caller's own name for a file, as data: cut, and without the one character PostgreSQL refuses."""
    return (sent if isinstance(sent, str) and sent else otherwise).replace("\x00", "")[:_NAME_CHARS_MAX]


def uploaded(file: StoredFile, *, upload_path: str, files_url: str) -> JsonObject:
    """Both field sets that the public service publishes for an upload (§6)."""
    name, url = file.path.rpartition("/")[2], files_url + file.path
    return {
        "success": True,
        "fileName": name,
        "filePath": file.path,
        "downloadUrl": url,
        "fileSize": file.size_bytes,
        "mimeType": file.mime_type,
        "uploadedAt": file.created_at.isoformat(),
        "fileId": file.path.partition("/")[0],
        "originalName": file.original_name,
        "fileUrl": url,
        "uploadPath": upload_path,
        "expiresAt": file.expires_at.isoformat(),
    }

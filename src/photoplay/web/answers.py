"""What routes of the API have in common: the good answer, and what a body must be."""

from fastapi import Request
from fastapi.responses import JSONResponse

from photoplay.domain.errors import UnsupportedMediaType
from photoplay.domain.json import JsonValue
from photoplay.web.wire import envelope

__all__ = ["require_media_type", "success"]


def success(data: JsonValue) -> JSONResponse:
    return JSONResponse(envelope(200, "success", data))


def require_media_type(request: Request, wanted: str) -> None:
    """Raises: UnsupportedMediaType."""
    got = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if got != wanted:
        raise UnsupportedMediaType(f"Content-Type must be {wanted}, got {got or 'none'}")

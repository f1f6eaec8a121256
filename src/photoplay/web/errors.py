"""The one table from what went wrong to what the wire says of it."""

import errno
from collections.abc import Mapping
from html import escape
from http import HTTPStatus
from math import ceil
from typing import Final, Literal

import structlog
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException

from photoplay.domain import errors
from photoplay.domain.errors import AppError, RateLimited
from photoplay.web.shell import document, headers_of, root_of
from photoplay.web.wire import envelope

__all__ = ["CODES", "install"]

log = structlog.get_logger()

# Class -> (HTTP status, wire code). Source: contract §1. The nearest class up the tree counts.
CODES: Final[Mapping[type[AppError], tuple[int, int]]] = {
    errors.InvalidInput: (422, 422),
    errors.MalformedBody: (400, 400),
    errors.BodyTooLarge: (413, 413),
    errors.BodyTooSlow: (408, 408),
    errors.UnsupportedMediaType: (415, 415),
    errors.Unauthorized: (401, 401),
    errors.InsufficientCredits: (402, 402),
    errors.RateLimited: (429, 429),
    errors.KeyCapReached: (403, 433),
    errors.IdempotencyConflict: (409, 409),
    errors.NotFound: (404, 404),
    errors.MethodNotAllowed: (405, 405),
    errors.ModelSwitchedOff: (500, 505),
    errors.StillRejected: (422, 422),
    errors.EngineRejected: (422, 422),
    errors.EngineUnavailable: (500, 500),
    errors.EngineTimeout: (500, 500),
    errors.TargetForbidden: (422, 422),
    errors.TargetRefused: (422, 422),
    errors.TargetUnreachable: (422, 422),
    errors.StaleClaim: (500, 500),
    errors.StoreUnavailable: (500, 500),
    errors.ConfigError: (500, 500),
    errors.ServerDraining: (503, 455),
    errors.DiskFull: (503, 455),
}
# The system's words for it, should the disk fill up after a request was let in.
_NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
# Below these nobody reads.
_FOR_PROGRAMS: Final = ("/api/", "/files/", "/assets/")


def install(app: FastAPI, *, http_status: Literal["mirror", "ok"]) -> None:
    """Make every error of this app answer in the envelope."""

    async def answer(request: Request, exc: Exception) -> Response:
        return _render(_as_app_error(exc), http_status=http_status, request=request)

    async def answer_unexpected(request: Request, exc: Exception) -> Response:
        log.error("request.failed", method=request.method, path=request.url.path, exc_info=exc)
        return _render(AppError("Internal server error"), http_status=http_status, request=request)

    async def answer_system(request: Request, exc: Exception) -> Response:
        assert isinstance(exc, OSError), "the handler is installed for these alone"
        if exc.errno not in _NO_SPACE:
            raise exc
        return await answer(request, errors.DiskFull())

    app.add_exception_handler(AppError, answer)
    app.add_exception_handler(OSError, answer_system)
    app.add_exception_handler(HTTPException, answer)
    app.add_exception_handler(Exception, answer_unexpected)


def _as_app_error(exc: Exception) -> AppError:
    """Translate what the framework raises of its own."""
    if isinstance(exc, AppError):
        return exc
    assert isinstance(exc, HTTPException), "the handler is installed for these two alone"
    match exc.status_code:
        case HTTPStatus.NOT_FOUND:
            return errors.NotFound("There is nothing at this path")
        case HTTPStatus.METHOD_NOT_ALLOWED:
            return errors.MethodNotAllowed(allowed=(exc.headers or {}).get("Allow", "other methods"))
        case _:
            return errors.MalformedBody(f"The request cannot be read: {exc.detail}")


def _render(error: AppError, *, http_status: Literal["mirror", "ok"], request: Request) -> Response:
    status, code = next((CODES[kind] for kind in type(error).__mro__ if kind in CODES), (500, 500))
    if _is_for_a_person(request):
        return _page(error, status=status, request=request)
    headers = _headers(error)
    # §1: `ok` answers HTTP 200 for every logical error of the API, as the public service does;
    # rate limiting stays real.
    if http_status == "ok" and request.url.path.startswith("/api/") and not isinstance(error, RateLimited):
        status = 200
    return JSONResponse(envelope(code, str(error), None), status_code=status, headers=headers)


def _is_for_a_person(request: Request) -> bool:
    is_page = not request.url.path.startswith(_FOR_PROGRAMS) and not request.url.path.endswith(".md")
    return is_page and request.method == "GET" and "text/html" in request.headers.get("accept", "")


def _page(error: AppError, *, status: int, request: Request) -> HTMLResponse:
    """Say it where a page was asked for, with a way on."""
    root = root_of(request.url.path) or "./"
    title = "Not found" if status == HTTPStatus.NOT_FOUND else "This did not work"
    ways = f'<a href="{root}">Playground</a> · <a href="{root}models">Models</a>'
    body = f'<section class="panel narrow"><h1>{title}</h1><p>{escape(str(error))}.</p><p>{ways}</p></section>'
    base_url = request.app.state.parts.files_url.removesuffix("/files/")
    text = document(title, body, path=request.url.path, base_url=base_url)
    return HTMLResponse(text, status_code=status, headers={**headers_of(), **_headers(error)})


def _headers(error: AppError) -> dict[str, str]:
    if isinstance(error, errors.Unauthorized):
        return {"WWW-Authenticate": "Bearer"}
    if isinstance(error, errors.BodyTooSlow):
        # The rest of that body is not waited for.
        return {"Connection": "close"}
    if isinstance(error, errors.MethodNotAllowed):
        return {"Allow": error.allowed}
    if not isinstance(error, RateLimited):
        return {}
    wait_s = max(1, ceil(error.retry_after.total_seconds()))
    window_s = round(error.window.total_seconds())
    policy = f'"default";q={error.limit}' + (f";w={window_s}" if window_s else "")
    return {
        "Retry-After": str(wait_s),
        "RateLimit-Policy": policy,
        "RateLimit": f'"default";r=0;t={wait_s}',
    }

"""Lets pages of other origins call the API from a browser: those that the operator names, and no others.

Source: the Fetch standard, CORS protocol. Keys travel in a header that pages set themselves, so no credentials.
"""

from collections.abc import Sequence
from typing import Final

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["ApiCors"]

_PREFIX: Final = "/api/"
_METHODS: Final = ("GET", "POST")
_HEADERS: Final = ("Authorization", "Content-Type", "Idempotency-Key")
_EXPOSED: Final = ("Retry-After", "RateLimit-Policy", "RateLimit")
_PREFLIGHT_LASTS_S: Final = 600


class ApiCors:
    """CORS for the paths below `/api/` alone."""

    def __init__(self, app: ASGIApp, *, origins: Sequence[str]) -> None:
        self._app = app
        self._with_cors = CORSMiddleware(
            app,
            allow_origins=origins,
            allow_methods=_METHODS,
            allow_headers=_HEADERS,
            expose_headers=_EXPOSED,
            max_age=_PREFLIGHT_LASTS_S,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_api = scope["type"] == "http" and str(scope["path"]).startswith(_PREFIX)
        await (self._with_cors if is_api else self._app)(scope, receive, send)

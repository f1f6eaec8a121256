"""Builds the ASGI app from its parts."""

from collections.abc import Sequence
from typing import Literal

from fastapi import FastAPI

from photoplay import __version__
from photoplay.flows.parts import ApiParts
from photoplay.web import account, admin, assets, callbacks, discovery, errors, jobs, pages, routes, sessions, uploads
from photoplay.web.cors import ApiCors
from photoplay.web.limits import BodyLimits

__all__ = ["build_app"]


def build_app(parts: ApiParts, *, http_status: Literal["mirror", "ok"], cors_origins: Sequence[str] = ()) -> FastAPI:
    app = FastAPI(
        title="Photoplay",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        # To the same path without a slash at its end, at whatever host the request names.
        redirect_slashes=False,
    )
    app.state.parts = parts
    app.state.is_draining = False
    app.include_router(routes.router)
    app.include_router(jobs.router)
    app.include_router(sessions.router)
    app.include_router(account.router)
    app.include_router(admin.router)
    app.include_router(uploads.router)
    app.include_router(callbacks.router)
    app.include_router(discovery.router)
    app.include_router(pages.router)
    app.include_router(assets.router)
    app.add_middleware(BodyLimits)
    if cors_origins:
        app.add_middleware(ApiCors, origins=cors_origins)
    errors.install(app, http_status=http_status)
    return app

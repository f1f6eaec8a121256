"""Builds the ASGI app from its parts."""

from typing import Literal

from fastapi import FastAPI

from photoplay import __version__
from photoplay.flows.parts import ApiParts
from photoplay.web import discovery, errors, pages, routes
from photoplay.web.limits import BodyLimits

__all__ = ["build_app"]


def build_app(parts: ApiParts, *, http_status: Literal["mirror", "ok"]) -> FastAPI:
    app = FastAPI(title="Photoplay", version=__version__, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.parts = parts
    app.state.is_draining = False
    app.include_router(routes.router)
    app.include_router(discovery.router)
    app.include_router(pages.router)
    app.add_middleware(BodyLimits)
    errors.install(app, http_status=http_status)
    return app

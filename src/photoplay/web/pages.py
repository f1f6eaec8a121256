"""The pages that a browser or a program reads before the first task: models, their OpenAPI document and its viewer.

No key is needed. Everything that a page loads comes from this server.
"""

from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from photoplay import __version__
from photoplay.domain.cards import Card
from photoplay.flows.parts import ApiParts
from photoplay.web.assets import asset
from photoplay.web.auth import PartsOf
from photoplay.web.blocks import to_html, to_markdown
from photoplay.web.discovery import find_model
from photoplay.web.model_page import Site, index_page, llms_page, model_page
from photoplay.web.openapi import openapi
from photoplay.web.shell import POLICY, document, headers_of, root_of

__all__ = ["router"]

router: Final = APIRouter()

# The viewer's style sheet holds its icons as data.
DOCS_POLICY: Final = POLICY.replace("blob:", "data:")

MARKDOWN: Final = "text/markdown; charset=utf-8"


@router.get("/")
async def playground(request: Request, parts: PartsOf) -> HTMLResponse:
    return _app(request, parts, "Playground", "playground/playground.js", "playground/playground.css")


@router.get("/sign-in")
async def sign_in(request: Request, parts: PartsOf) -> HTMLResponse:
    return _app(request, parts, "Sign in", "playground/sign_in.js")


@router.get("/history")
async def history(request: Request, parts: PartsOf) -> HTMLResponse:
    return _app(request, parts, "History", "playground/history.js", "playground/tables.css")


@router.get("/tasks/{task}")
async def task_page(request: Request, task: str, parts: PartsOf) -> HTMLResponse:  # noqa: ARG001 - its script reads it
    return _app(request, parts, "Task", "playground/task_page.js", "playground/tables.css")


@router.get("/account")
async def account_page(request: Request, parts: PartsOf) -> HTMLResponse:
    return _app(request, parts, "Account", "playground/account.js", "playground/tables.css")


@router.get("/admin")
async def admin_page(request: Request, parts: PartsOf) -> HTMLResponse:
    return _app(request, parts, "Admin", "playground/admin.js", "playground/tables.css")


@router.get("/models")
async def models(request: Request, parts: PartsOf) -> HTMLResponse:
    return _article(request, parts, "Models", to_html(index_page(_sorted(parts), _site(parts, root=_root(request)))))


@router.get("/models/{model:path}.md")
async def model_as_markdown(model: str, parts: PartsOf) -> Response:
    text = to_markdown(model_page(find_model(model, parts), _site(parts)))
    return Response(text, media_type=MARKDOWN, headers=headers_of())


@router.get("/models/{model:path}")
async def model_as_html(request: Request, model: str, parts: PartsOf) -> HTMLResponse:
    card = find_model(model, parts)
    return _article(request, parts, card.title, to_html(model_page(card, _site(parts, root=_root(request)))))


@router.get("/llms.txt")
async def llms(parts: PartsOf) -> PlainTextResponse:
    return PlainTextResponse(to_markdown(llms_page(_sorted(parts), _site(parts))), headers=headers_of())


@router.get("/openapi.json")
async def openapi_document(parts: PartsOf) -> JSONResponse:
    return JSONResponse(openapi(_sorted(parts), base_url=_site(parts).base_url, version=__version__))


@router.get("/docs")
async def docs(request: Request, parts: PartsOf) -> HTMLResponse:
    # Not a module: it hands itself to the window.
    viewer = f'<div id="viewer"></div>\n<script src="{asset("static/vendor/swagger-ui-bundle.js")}"></script>'
    text = document(
        "API",
        viewer,
        path=request.url.path,
        base_url=_site(parts).base_url,
        scripts=("static/docs.js",),
        styles=("static/docs.css", "static/vendor/swagger-ui.css"),
    )
    return HTMLResponse(text, headers=headers_of(DOCS_POLICY))


def _site(parts: ApiParts, *, root: str | None = None) -> Site:
    """Without a root, links are whole: what is read elsewhere leads here all the same."""
    base_url = parts.files_url.removesuffix("/files/")
    return Site(base_url=base_url, root=root or f"{base_url}/", engine_names=parts.engine_names)


def _root(request: Request) -> str:
    return root_of(request.url.path) or "./"


def _sorted(parts: ApiParts) -> list[Card]:
    return [card for _, card in sorted(parts.cards.items())]


def _app(request: Request, parts: ApiParts, title: str, script: str, *styles: str) -> HTMLResponse:
    """Answer a page that one script fills."""
    body = '<div id="app"></div>\n<noscript><p class="note">This page is made by a script.</p></noscript>'
    text = document(
        title, body, path=request.url.path, base_url=_site(parts).base_url, scripts=(script,), styles=styles
    )
    return HTMLResponse(text, headers=headers_of())


def _article(request: Request, parts: ApiParts, title: str, body: str) -> HTMLResponse:
    """Answer a page to be read."""
    text = document(
        title, f'<article class="prose">\n{body}</article>', path=request.url.path, base_url=_site(parts).base_url
    )
    return HTMLResponse(text, headers=headers_of())

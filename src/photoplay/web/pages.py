"""The pages that a browser or a program reads before the first task: models, their OpenAPI document and its viewer.

No key is needed. Everything that a page loads comes from this server.
"""

import hashlib
from functools import cache
from html import escape
from pathlib import Path
from typing import Final

from fastapi import APIRouter
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse, Response

from photoplay import __version__
from photoplay.domain.cards import Card
from photoplay.domain.errors import NotFound
from photoplay.flows.parts import ApiParts
from photoplay.web.auth import PartsOf
from photoplay.web.blocks import to_html, to_markdown
from photoplay.web.discovery import find_model
from photoplay.web.model_page import Site, index_page, llms_page, model_page
from photoplay.web.openapi import openapi

__all__ = ["STATIC", "router"]

router: Final = APIRouter()

STATIC_DIR: Final = Path(__file__).parent / "static"
# The only files that are served, and what they are.
STATIC: Final = {
    "docs.css": "text/css",
    "docs.js": "text/javascript",
    "pages.css": "text/css",
    "vendor/swagger-ui-bundle.js": "text/javascript",
    "vendor/swagger-ui-bundle.js.LICENSE.txt": "text/plain",
    "vendor/swagger-ui.css": "text/css",
}
# Links to them name a digest of their bytes, so what a link names never changes.
STATIC_CACHE: Final = "public, max-age=31536000, immutable"

CLOSED: Final = "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
PAGE_POLICY: Final = f"default-src 'self'; script-src 'none'; {CLOSED}"
# The viewer's style sheet holds its icons as data.
DOCS_POLICY: Final = f"default-src 'self'; img-src 'self' data:; {CLOSED}"

MARKDOWN: Final = "text/markdown; charset=utf-8"


@router.get("/models")
async def models(parts: PartsOf) -> HTMLResponse:
    return _page("Models", to_html(index_page(_sorted(parts), _site(parts))), root="")


@router.get("/models/{model:path}.md")
async def model_as_markdown(model: str, parts: PartsOf) -> Response:
    text = to_markdown(model_page(find_model(model, parts), _site(parts)))
    return Response(text, media_type=MARKDOWN, headers=_headers(PAGE_POLICY))


@router.get("/models/{model:path}")
async def model_as_html(model: str, parts: PartsOf) -> HTMLResponse:
    card = find_model(model, parts)
    # An id has exactly one slash.
    return _page(card.title, to_html(model_page(card, _site(parts))), root="../../")


@router.get("/llms.txt")
async def llms(parts: PartsOf) -> PlainTextResponse:
    return PlainTextResponse(to_markdown(llms_page(_sorted(parts), _site(parts))), headers=_headers(PAGE_POLICY))


@router.get("/openapi.json")
async def openapi_document(parts: PartsOf) -> JSONResponse:
    return JSONResponse(openapi(_sorted(parts), base_url=_site(parts).base_url, version=__version__))


@router.get("/docs")
async def docs() -> HTMLResponse:
    body = '<div id="viewer"></div>\n' + "\n".join(
        f'<script src="{_static_link(name)}"{kind}></script>'
        for name, kind in (("vendor/swagger-ui-bundle.js", ""), ("docs.js", ' type="module"'))
    )
    styles = ("docs.css", "vendor/swagger-ui.css")
    return HTMLResponse(_document("API", body, root="", styles=styles), headers=_headers(DOCS_POLICY))


@router.get("/static/{name:path}")
async def static_file(name: str) -> FileResponse:
    if name not in STATIC:
        raise NotFound
    headers = {**_headers(PAGE_POLICY), "Cache-Control": STATIC_CACHE}
    return FileResponse(STATIC_DIR / name, media_type=STATIC[name], headers=headers)


def _site(parts: ApiParts) -> Site:
    return Site(base_url=parts.files_url.removesuffix("/files/"), engine_names=parts.engine_names)


def _sorted(parts: ApiParts) -> list[Card]:
    return [card for _, card in sorted(parts.cards.items())]


def _page(title: str, body: str, *, root: str) -> HTMLResponse:
    text = _document(title, f"<main>\n{body}</main>", root=root, styles=("pages.css",))
    return HTMLResponse(text, headers=_headers(PAGE_POLICY))


def _document(title: str, body: str, *, root: str, styles: tuple[str, ...]) -> str:
    links = "\n".join(f'<link rel="stylesheet" href="{root}{_static_link(name)}">' for name in styles)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)} - Photoplay</title>
{links}
</head>
<body>
{body}
</body>
</html>
"""


def _headers(policy: str) -> dict[str, str]:
    return {
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


@cache
def _static_link(name: str) -> str:
    digest = hashlib.sha256((STATIC_DIR / name).read_bytes()).hexdigest()
    return f"static/{name}?v={digest[:12]}"

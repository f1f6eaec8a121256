"""Which pages of other origins a browser lets call the API."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx2
import pytest

from photoplay.flows.parts import ApiParts
from photoplay.web.app import build_app
from scenes import BASE_URL, CREATE

APP = "https://app.example.com"
ASKS = {"Origin": APP, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}


@asynccontextmanager
async def browser(parts: ApiParts, *origins: str) -> AsyncGenerator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(build_app(parts, http_status="mirror", cors_origins=origins))
    async with httpx2.AsyncClient(transport=transport, base_url=BASE_URL) as client:
        yield client


@pytest.mark.parametrize("path", [CREATE, "/api/file-stream-upload", "/api/file-base64-upload", "/api/file-url-upload"])
async def test_a_named_origin_may_ask_and_read(path: str, parts: ApiParts) -> None:
    async with browser(parts, APP) as page:
        asked = await page.options(path, headers=ASKS)
        answered = await page.post(path, headers={"Origin": APP})

    assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (200, APP)
    assert "authorization" in asked.headers["access-control-allow-headers"].lower()
    assert (answered.status_code, answered.headers["access-control-allow-origin"]) == (401, APP)
    assert "retry-after" in answered.headers["access-control-expose-headers"].lower()
    assert "access-control-allow-credentials" not in answered.headers


async def test_another_origin_may_not(parts: ApiParts) -> None:
    async with browser(parts, APP) as page:
        asked = await page.options(CREATE, headers={**ASKS, "Origin": "https://evil.example"})
        answered = await page.post(CREATE, headers={"Origin": "https://evil.example"})

    assert asked.status_code == 400
    assert "access-control-allow-origin" not in asked.headers
    assert "access-control-allow-origin" not in answered.headers


async def test_nobody_may_unless_it_is_configured(parts: ApiParts) -> None:
    async with browser(parts) as page:
        asked = await page.options(CREATE, headers=ASKS)

    assert asked.status_code == 405
    assert "access-control-allow-origin" not in asked.headers


async def test_the_star_means_everybody_and_only_below_the_api(parts: ApiParts) -> None:
    async with browser(parts, "*") as page:
        api = await page.get("/api/v1/models", headers={"Origin": APP})
        elsewhere = await page.get("/healthz", headers={"Origin": APP})

    assert api.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-origin" not in elsewhere.headers

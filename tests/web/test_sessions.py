"""A browser that signs in: what its cookie is good for, what ends it, and what other sites cannot do with it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import httpx2
import pytest

from photoplay.domain.keys import NO_TERMS, digest_key
from photoplay.flows.parts import ApiParts, WorkerParts
from photoplay.flows.retain import remove_expired
from photoplay.flows.rotate import limit, revoke, rotate
from photoplay.flows.sign_in import make_link_token
from photoplay.store.accounts import Caller
from photoplay.store.database import Database
from photoplay.web.app import build_app
from photoplay.web.auth import SESSION_COOKIE
from scenes import BASE_URL, CREATE, open_api, request, rows, value

SESSION = "/api/v1/session"
CREDIT = "/api/v1/chat/credit"
# What a page of ours sends, in a browser that tells where a request comes from.
PAGE = {"X-Photoplay-Page": "1", "Sec-Fetch-Site": "same-origin", "Origin": BASE_URL}


@asynccontextmanager
async def signed_in(parts: ApiParts, key: str) -> AsyncGenerator[httpx2.AsyncClient]:
    """A browser that signed in with this key, on a page of ours."""
    async with open_api(parts, None) as browser:
        browser.headers.update(PAGE)
        answer = await browser.post(SESSION, json={"key": key})
        assert answer.status_code == 200, answer.text
        yield browser


async def test_a_key_becomes_a_cookie_that_no_script_and_no_other_site_can_use(parts: ApiParts, key: str) -> None:
    async with open_api(parts, None) as browser:
        answer = await browser.post(SESSION, json={"key": f" {key}\n"}, headers=PAGE)

    cookie = answer.headers["set-cookie"].lower()
    assert answer.json()["data"] | {"keyId": "", "keyPrefix": ""} == {
        "account": "tester",
        "kind": "live",
        "credits": 1000,
        "admin": False,
        "keyId": "",
        "keyPrefix": "",
        "keyName": "",
    }
    assert {"httponly", "samesite=strict", "path=/", "max-age=604800"} <= set(cookie.split("; "))
    assert "secure" not in cookie
    assert key not in answer.text + cookie


async def test_behind_tls_the_cookie_goes_over_tls_alone(parts: ApiParts, key: str) -> None:
    async with open_api(parts, None) as browser:
        answer = await browser.post(SESSION, json={"key": key}, headers={**PAGE, "Origin": "https://photoplay.test"})

    assert "secure" in answer.headers["set-cookie"].lower().split("; ")


async def test_a_session_speaks_for_its_key(parts: ApiParts, key: str) -> None:
    async with signed_in(parts, key) as browser:
        created = await browser.post(CREATE, json=request())
        credit, who = await browser.get(CREDIT), await browser.get(SESSION)

    assert (created.status_code, created.json()["code"]) == (200, 200)
    assert credit.json()["data"] == who.json()["data"]["credits"] < 1000


async def test_of_a_token_only_a_hash_is_kept(parts: ApiParts, key: str) -> None:
    async with signed_in(parts, key) as browser:
        token = browser.cookies[SESSION_COOKIE]

    assert len(token) >= 32
    assert await rows(parts.db, "select sha256, key_sha256 from sessions") == [(digest_key(token), digest_key(key))]


async def test_a_key_in_the_header_counts_before_a_cookie(parts: ApiParts, key: str) -> None:
    async with signed_in(parts, key) as browser:
        answer = await browser.get(CREDIT, headers={"Authorization": "Bearer pp_live_mistyped"})

    assert answer.status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.test", "X-Photoplay-Page": "1"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://other.photoplay.test", "X-Photoplay-Page": "1"},
        {"Sec-Fetch-Site": "none", "X-Photoplay-Page": "1"},
        {"Origin": "https://evil.test", "X-Photoplay-Page": "1"},
        {"Origin": "null", "X-Photoplay-Page": "1"},
        {"Sec-Fetch-Site": "same-origin", "Origin": BASE_URL},
        {},
    ],
)
@pytest.mark.parametrize("path", [CREATE, SESSION, f"{SESSION}/end", "/api/file-base64-upload"])
async def test_what_no_page_of_ours_sent_changes_nothing(
    path: str, headers: dict[str, str], parts: ApiParts, key: str
) -> None:
    body: dict[str, Any] = {SESSION: {"key": key}, CREATE: request()}.get(path, {})
    async with open_api(parts, None) as browser:
        await browser.post(SESSION, json={"key": key}, headers=PAGE)
        answer = await browser.post(path, json=body, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (401, 401)
    assert await value(parts.db, "select count(*) from tasks") == 0
    assert await value(parts.db, "select count(*) from sessions") == 1


async def test_a_browser_that_does_not_say_where_a_request_comes_from_is_told_by_its_origin(
    parts: ApiParts, key: str
) -> None:
    async with signed_in(parts, key) as browser:
        del browser.headers["Sec-Fetch-Site"]
        answer = await browser.post(CREATE, json=request())

    assert answer.status_code == 200


async def test_a_call_with_a_key_needs_no_page(api: httpx2.AsyncClient) -> None:
    answer = await api.post(CREATE, json=request(), headers={"Origin": "https://app.test"})

    assert answer.status_code == 200


@pytest.mark.parametrize("how", ["revoked", "rotated", "limited to a network", "expired"])
async def test_what_ends_the_key_ends_its_sessions_at_once(how: str, parts: ApiParts, key: str, caller: Caller) -> None:
    async with signed_in(parts, key) as browser:
        match how:
            case "revoked":
                await revoke(parts.db, caller.key_id.hex)
            case "rotated":
                await rotate(parts.db, caller.key_id.hex, overlap=timedelta())
            case "expired":
                await rows(parts.db, "update keys set expires_at = now()")
            case _:
                away = (ip_network("203.0.113.0/24"),)
                await limit(parts.db, caller.key_id.hex, lambda _: replace(NO_TERMS, networks=away))
        answer, who = await browser.get(CREDIT), await browser.get(SESSION)

    assert answer.status_code == 401
    assert who.json()["data"] is None


async def test_who_signs_out_is_out_also_with_a_copy_of_the_cookie(parts: ApiParts, key: str) -> None:
    async with signed_in(parts, key) as browser:
        copy = browser.cookies[SESSION_COOKIE]
        ended = await browser.post(f"{SESSION}/end")
        left = dict(browser.cookies)
        again = await browser.get(CREDIT, headers={"Cookie": f"{SESSION_COOKIE}={copy}"})

    assert (ended.status_code, left) == (200, {})
    assert (again.status_code, "this session is over" in again.json()["message"]) == (401, True)


async def test_a_session_is_over_after_a_week_and_then_forgotten(
    worker: WorkerParts, parts: ApiParts, key: str
) -> None:
    async with signed_in(parts, key) as browser:
        await rows(parts.db, "update sessions set expires_at = now() - interval '1 second'")
        answer = await browser.get(CREDIT)
    await remove_expired(worker)

    assert answer.status_code == 401
    assert await value(parts.db, "select count(*) from sessions") == 0


async def test_a_link_signs_in_once(parts: ApiParts, db: Database, key: str) -> None:
    token = await make_link_token(db, key=key)
    async with open_api(parts, None) as browser:
        first = await browser.post(SESSION, json={"link": token}, headers=PAGE)
        second = await browser.post(SESSION, json={"link": token}, headers=PAGE)
        credit = await browser.get(CREDIT)

    assert (first.status_code, second.status_code, credit.status_code) == (200, 401, 200)
    assert "was used already" in second.json()["message"]


async def test_a_link_is_good_for_a_quarter_of_an_hour_and_then_forgotten(
    worker: WorkerParts, parts: ApiParts, db: Database, key: str
) -> None:
    token = await make_link_token(db, key=key)
    lifetime = await value(db, "select expires_at - now() <= interval '15 minutes' from sign_in_links")
    await rows(db, "update sign_in_links set expires_at = now() - interval '1 second'")
    async with open_api(parts, None) as browser:
        answer = await browser.post(SESSION, json={"link": token}, headers=PAGE)
    await remove_expired(worker)

    assert (answer.status_code, lifetime) == (401, True)
    assert await value(db, "select count(*) from sign_in_links") == 0


async def test_a_link_is_good_on_the_servers_own_machine_alone(parts: ApiParts, db: Database, key: str) -> None:
    token = await make_link_token(db, key=key)
    app = build_app(parts, http_status="mirror")
    transport = httpx2.ASGITransport(app, client=("203.0.113.9", 1))
    async with httpx2.AsyncClient(transport=transport, base_url=BASE_URL, headers=PAGE) as stranger:
        answer = await stranger.post(SESSION, json={"link": token})

    assert answer.status_code == 401
    assert await value(db, "select count(*) from sign_in_links") == 1, "it is still good where it is meant to be"


@pytest.mark.parametrize("body", [{}, {"key": 5}, {"link": None}])
async def test_without_a_proof_nobody_signs_in(body: dict[str, object], parts: ApiParts) -> None:
    async with open_api(parts, None) as browser:
        answer = await browser.post(SESSION, json=body, headers=PAGE)

    assert (answer.status_code, answer.json()["message"]) == (422, 'key is required: send {"key": "pp_live_…"}')


async def test_a_stranger_is_nobody(parts: ApiParts) -> None:
    async with open_api(parts, None) as browser:
        answer = await browser.get(SESSION)

    assert (answer.status_code, answer.json()["data"]) == (200, None)

"""The keys of a caller's own account: it makes, limits and revokes them, and no key gives more than it has."""

from typing import Any

import httpx2
import pytest

from photoplay.flows import own_keys
from photoplay.flows.enroll import NewKey, make_key_of
from photoplay.flows.parts import ApiParts
from scenes import CREATE, open_api, request
from web.test_admin import fitting, refusal

ACCOUNT = "/api/v1/account"
KEYS = f"{ACCOUNT}/keys"
ROTATE_SECRET = "/api/v1/jobs/callbacks/secret/rotate"


async def make(api: httpx2.AsyncClient, **terms: Any) -> Any:
    return fitting(await api.post(KEYS, json={"name": "shop", **terms}), KEYS)


async def test_a_key_is_made_shown_once_limited_and_revoked(api: httpx2.AsyncClient, parts: ApiParts) -> None:
    made = await make(api, dayCredits=100)
    listed = fitting(await api.get(KEYS), KEYS)
    limited = fitting(await api.post(f"{KEYS}/{made['id']}/limit", json={"dayCredits": 15}), f"{KEYS}/{{key}}/limit")
    async with open_api(parts, made["key"]) as shop:
        too_dear = (await shop.post(CREATE, json=request())).json()
        revoked = fitting(await api.post(f"{KEYS}/{made['id']}/revoke"), f"{KEYS}/{{key}}/revoke")
        after = refusal(await shop.get(ACCOUNT))

    assert made["key"] not in str(listed)
    assert [key["name"] for key in listed if key["id"] == made["id"]] == ["shop"]
    assert (limited["dayCredits"], too_dear["code"]) == (15, 433)
    assert (revoked["revokeTime"] is not None, after[0]) == (True, 401)


@pytest.mark.parametrize(
    "terms", [{"dayCredits": 5}, {"models": ["a/b"]}, {"networks": ["127.0.0.1/32"]}, {"expiresAt": 4_000_000_000_000}]
)
async def test_a_limited_key_makes_and_changes_none(
    terms: dict[str, Any], api: httpx2.AsyncClient, parts: ApiParts
) -> None:
    made = await make(api, **terms)
    before = fitting(await api.get(KEYS), KEYS)
    async with open_api(parts, made["key"]) as limited:
        refusals = [
            refusal(await limited.post(path, json={}))
            for path in (KEYS, f"{KEYS}/{made['id']}/limit", f"{KEYS}/{made['id']}/revoke", ROTATE_SECRET)
        ]

    assert [code for code, _ in refusals] == [401] * 4
    assert all("a key with limits of its own cannot change keys or secrets" in text for _, text in refusals)
    assert [key["id"] for key in fitting(await api.get(KEYS), KEYS)] == [key["id"] for key in before]


async def test_an_account_makes_no_keys_without_end(api: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_keys, "OWN_KEYS_MAX", len(fitting(await api.get(KEYS), KEYS)) + 1)
    made = await make(api)
    refused = refusal(await api.post(KEYS, json={}))
    await api.post(f"{KEYS}/{made['id']}/revoke")

    assert refused == (422, "an account may have 2 keys, this one has 2; revoke one that is not used")
    assert (await make(api))["key"]


async def test_what_belongs_to_others_is_neither_seen_nor_changed(api: httpx2.AsyncClient, parts: ApiParts) -> None:
    _, others = await make_key_of(parts.db, NewKey(account="others"), actor="test")
    _, admins = await make_key_of(parts.db, NewKey(account="tester", is_admin=True), actor="test")
    listed = fitting(await api.get(KEYS), KEYS)
    refusals = [
        refusal(await api.post(f"{KEYS}/{id.hex}/{act}", json={}))
        for id in (others, admins)
        for act in ("limit", "revoke")
    ]

    assert {others.hex, admins.hex}.isdisjoint(key["id"] for key in listed)
    assert [code for code, _ in refusals] == [404] * 4


async def test_no_caller_makes_itself_an_operator(api: httpx2.AsyncClient) -> None:
    code, text = refusal(await api.post(KEYS, json={"name": "x", "admin": True}))

    assert (code, "admin" in text) == (422, True)

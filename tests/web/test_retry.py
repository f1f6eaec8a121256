"""A create that is repeated after what it depended on has changed."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from photoplay.domain.cards import PriceRow
from photoplay.files.room import DiskRoom
from photoplay.flows.parts import ApiParts
from photoplay.store.database import Database
from scenes import CREATE, MODEL, balances, footprint, open_api, request

ONCE = {"Idempotency-Key": "order-1"}
BODY = {**request(), "maxCredits": 16}


def gone(parts: ApiParts) -> ApiParts:
    return replace(parts, cards={name: card for name, card in parts.cards.items() if name != MODEL})


def dearer(parts: ApiParts) -> ApiParts:
    card = replace(parts.cards[MODEL], prices=(PriceRow(when={}, credits=100),))
    return replace(parts, cards={**parts.cards, MODEL: card})


def switched_off(parts: ApiParts) -> ApiParts:
    return replace(parts, engine_names=frozenset())


def full(parts: ApiParts) -> ApiParts:
    return replace(parts, room=DiskRoom(Path("/"), free_bytes_min=2**62))


CHANGES = [(gone, 422), (dearer, 422), (switched_off, 505), (full, 455)]


@pytest.mark.parametrize(("change", "refusal"), CHANGES)
async def test_an_accepted_create_gives_its_task_again_whatever_has_changed(
    change: Callable[[ApiParts], ApiParts], refusal: int, parts: ApiParts, key: str, db: Database
) -> None:
    async with open_api(parts, key) as api:
        first = await api.post(CREATE, json=BODY, headers=ONCE)
    before = await footprint(db)

    async with open_api(change(parts), key) as api:
        again = await api.post(CREATE, json=BODY, headers=ONCE)
        another = await api.post(CREATE, json={**BODY, "priority": "low"}, headers=ONCE)
        new = await api.post(CREATE, json=BODY, headers={"Idempotency-Key": "order-2"})

    assert (again.status_code, again.json()) == (200, first.json())
    assert another.json()["msg"].startswith("Idempotency-Key: it was used for another request")
    assert new.json()["code"] == refusal
    assert await footprint(db) == before
    assert await balances(db) == (1000 - 16, 16)


async def test_a_refused_create_leaves_its_key_free(api: httpx2.AsyncClient) -> None:
    refused = await api.post(CREATE, json={**BODY, "maxCredits": 15}, headers=ONCE)
    accepted = await api.post(CREATE, json=BODY, headers=ONCE)

    assert (refused.status_code, accepted.status_code) == (422, 200)

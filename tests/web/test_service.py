"""Pausing and draining, what the operator sees, and what a caller does with its own account."""

from collections.abc import AsyncGenerator
from typing import Any

import httpx2
import pytest

from photoplay.clock import new_uuid
from photoplay.domain.errors import EngineRejected
from photoplay.domain.service import Mode
from photoplay.flows.enroll import NewKey, make_key_of
from photoplay.flows.operate import set_mode
from photoplay.flows.parts import ApiParts, WorkerParts
from photoplay.flows.submit import submit
from photoplay.store import tasks
from photoplay.store.accounts import Caller
from photoplay.store.database import Database
from scenes import CREATE, LEASE, fail, jobs, open_api, request, rows, submission, succeed, value
from web.test_admin import ADMIN, fitting, refusal

OWN = "/api/v1/account"


@pytest.fixture
async def admin(parts: ApiParts, key: str) -> AsyncGenerator[httpx2.AsyncClient]:  # noqa: ARG001 - an account is there
    text, _ = await make_key_of(parts.db, NewKey(account="tester", is_admin=True), actor="test")
    async with open_api(parts, text) as client:
        yield client


async def set_to(admin: httpx2.AsyncClient, mode: str) -> Any:
    return fitting(await admin.post(f"{ADMIN}/mode", json={"mode": mode}), f"{ADMIN}/mode")


async def claim_next(db: Database) -> bool:
    async with db.connection() as connection:
        return await tasks.claim_next(connection, "camera", token=new_uuid(), lease=LEASE) is not None


async def test_paused_tasks_are_accepted_and_wait(
    admin: httpx2.AsyncClient, api: httpx2.AsyncClient, db: Database
) -> None:
    changed = await set_to(admin, "paused")
    created = await api.post(CREATE, json=request())
    await rows(db, "delete from pgqueuer")
    is_claimed = await claim_next(db)
    await set_to(admin, "running")

    assert changed["mode"] == "paused"
    assert changed["changedBy"].startswith("key:")
    assert created.json()["code"] == 200
    assert not is_claimed
    # Its wake-up was used up meanwhile, and is made again.
    assert await jobs(db) == [("generate-camera", f"{created.json()['data']['taskId']}:0")]
    assert await claim_next(db)


async def test_a_drained_service_refuses_creates_everywhere_and_ends_what_it_has(
    admin: httpx2.AsyncClient, api: httpx2.AsyncClient, db: Database
) -> None:
    first = await api.post(CREATE, json=request(), headers={"Idempotency-Key": "once"})
    await set_mode(db, Mode.DRAINING, actor="operator:test")
    refused = await api.post(CREATE, json=request())
    repeated = await api.post(CREATE, json=request(), headers={"Idempotency-Key": "once"})
    ready = await api.get("/readyz")

    assert (refused.status_code, refused.json()["code"]) == (503, 455)
    assert repeated.json() == first.json()
    assert (ready.status_code, ready.text) == (503, "draining\n")
    assert await claim_next(db)
    await set_to(admin, "running")
    assert (await api.post(CREATE, json=request())).json()["code"] == 200


async def test_an_unknown_mode_is_refused(admin: httpx2.AsyncClient) -> None:
    assert refusal(await admin.post(f"{ADMIN}/mode", json={"mode": "off"})) == (
        422,
        "mode is not within the range of allowed options: running, paused, draining",
    )


async def test_the_overview_counts_what_waits_and_what_failed(
    admin: httpx2.AsyncClient, parts: ApiParts, worker: WorkerParts, caller: Caller
) -> None:
    one, other, *_ = [await submit(submission(), caller=caller, parts=parts) for _ in range(4)]
    await fail(one, EngineRejected("no still"), parts=worker)
    await succeed(other, parts=worker)

    seen = fitting(await admin.get(f"{ADMIN}/overview"), f"{ADMIN}/overview")

    assert [(queue["engine"], queue["waiting"]) for queue in seen["queues"]] == [("camera", 2)]
    assert [(each["engine"], each["tasks"], each["message"]) for each in seen["failures"]] == [
        ("camera", 1, "no still")
    ]
    assert seen["mode"] == "running"
    assert seen["disk"]["freeBytes"] > 0


async def test_a_caller_sees_its_account_and_makes_limits_and_ends_its_keys(
    api: httpx2.AsyncClient, parts: ApiParts
) -> None:
    shown = fitting(await api.get(OWN), OWN)
    made = fitting(await api.post(f"{OWN}/keys", json={"name": "shop", "dayCredits": 50}), f"{OWN}/keys")
    limited = await api.post(f"{OWN}/keys/{made['id']}/limit", json={"dayCredits": 70})
    listed = fitting(await api.get(f"{OWN}/keys"), f"{OWN}/keys")
    async with open_api(parts, made["key"]) as shop:
        works = await shop.get(OWN)
        # It would be rid of its cap.
        escaped = await shop.post(f"{OWN}/keys", json={})
    revoked = fitting(await api.post(f"{OWN}/keys/{made['id']}/revoke"), f"{OWN}/keys/{{key}}/revoke")

    assert (shown["account"], shown["credits"], shown["createsMax"]) == ("tester", 1000, 20)
    assert fitting(limited, f"{OWN}/keys/{{key}}/limit")["dayCredits"] == 70
    assert [key["name"] for key in listed] == ["", "shop"]
    assert all("key" not in key for key in listed)
    assert works.json()["code"] == 200
    assert refusal(escaped)[0] == 401
    assert revoked["revokeTime"] is not None
    async with open_api(parts, made["key"]) as shop:
        assert (await shop.get(OWN)).status_code == 401


async def test_a_key_of_another_account_and_an_admin_key_are_not_there(
    api: httpx2.AsyncClient, parts: ApiParts, admin: httpx2.AsyncClient
) -> None:
    _, stranger = await make_key_of(parts.db, NewKey(account="stranger"), actor="test")
    operators = await value(parts.db, "select id from keys where is_admin")

    for key_id in (stranger, operators):
        assert refusal(await api.post(f"{OWN}/keys/{key_id.hex}/revoke"))[0] == 404
    assert len((await api.get(f"{OWN}/keys")).json()["data"]) == 1
    assert len((await admin.get(f"{OWN}/keys")).json()["data"]) == 2


async def test_the_timeline_tells_a_task_from_acceptance_to_end(
    api: httpx2.AsyncClient, parts: ApiParts, worker: WorkerParts, caller: Caller
) -> None:
    task_id = await submit(submission(callback_url="http://127.0.0.1:9/"), caller=caller, parts=parts)
    await succeed(task_id, parts=worker)
    path = "/api/v1/jobs/timeline"

    told = fitting(await api.get(path, params={"taskId": task_id.hex}), path)

    whats = [moment["what"] for moment in told]
    assert whats[:2] == ["accepted", "generating"]
    assert {"succeeded", "callback"} <= set(whats)
    assert [moment["time"] for moment in told] == sorted(moment["time"] for moment in told)
    assert refusal(await api.get(path, params={"taskId": "0" * 32})) == (422, "recordInfo is null")

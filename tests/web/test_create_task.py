"""Creating and querying tasks over HTTP, in process."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx2

from photoplay.domain.limits import CreateRate, Limits
from photoplay.flows.enroll import enroll
from photoplay.flows.parts import ApiParts
from photoplay.store.accounts import Caller
from photoplay.store.database import Database
from photoplay.web.app import build_app
from scenes import (
    CREATE,
    HOOK_URL,
    LIMITS,
    MODEL,
    NO_RATE,
    RECORD,
    STILL_URL,
    balances,
    footprint,
    jobs,
    limited,
    open_api,
    request,
    rows,
    value,
)

# The contract's, but for a window that no pause of the machine outlasts.
AN_HOUR = replace(LIMITS, creates=CreateRate(20, timedelta(hours=1)))
IDEMPOTENT = {"Idempotency-Key": "order-1"}


def envelope(answer: httpx2.Response) -> tuple[int, int, str]:
    """HTTP status, wire code and text of an answer that carries nothing."""
    body = answer.json()
    assert body["message"] == body["msg"]
    assert body["data"] is None
    return answer.status_code, body["code"], body["msg"]


async def test_a_created_task_can_be_queried_at_once(api: httpx2.AsyncClient) -> None:
    asked = {"model": MODEL, "input": {"prompt": "slow push in", "image_url": STILL_URL}}

    created = await api.post(CREATE, json=asked)
    task_id = created.json()["data"]["taskId"]
    record = (await api.get(RECORD, params={"taskId": task_id})).json()["data"]

    assert created.status_code == 200
    assert created.json() == {
        "code": 200,
        "message": "success",
        "msg": "success",
        "data": {"taskId": task_id, "recordId": task_id},
    }
    assert UUID(hex=task_id).hex == task_id
    assert record["state"] == "waiting"
    assert json.loads(record["param"]) == asked
    assert record["remainedCredits"] == 1000 - 16
    assert record["queuePosition"] == 1


async def test_the_engine_reads_the_normalised_input(api: httpx2.AsyncClient, db: Database) -> None:
    asked = request(resolution=None, duration=10, nsfw_checker=True, aspect="16:9", callback_url=HOOK_URL)

    await api.post(CREATE, json={**asked, "trace": 1})

    ((input, callback_url, price),) = await rows(db, "select input, callback_url, price_credits from tasks")
    assert input == {
        "prompt": "slow push in",
        "image_url": STILL_URL,
        "resolution": "720p",
        "duration": "10",
        "nsfw_checker": True,
    }
    assert (callback_url, price) == (HOOK_URL, 36)


async def test_the_queue_position_counts_those_before(api: httpx2.AsyncClient) -> None:
    ids = [(await api.post(CREATE, json=request())).json()["data"]["taskId"] for _ in range(3)]

    positions = [(await api.get(RECORD, params={"taskId": id})).json()["data"]["queuePosition"] for id in ids]

    assert positions == [1, 2, 3]


async def test_too_few_credits_create_nothing(parts: ApiParts, db: Database) -> None:
    poor = await enroll(db, account="poor", granted=35)
    before = await footprint(db)

    async with open_api(parts, poor) as api:
        answer = await api.post(CREATE, json=request(duration="10"))
        balance = (await api.get("/api/v1/chat/credit")).json()

    text = "Credits insufficient: this task costs 36, the balance is 35"
    assert envelope(answer) == (402, 402, text)
    assert balance == {"code": 200, "message": "success", "msg": "success", "data": 35}
    assert await footprint(db) == before


async def test_the_last_credits_can_be_spent(parts: ApiParts, db: Database) -> None:
    poor = await enroll(db, account="poor", granted=36)

    async with open_api(parts, poor) as api:
        answer = await api.post(CREATE, json=request(duration="10"))

    assert answer.status_code == 200
    assert await balances(db) == (0, 36)


async def test_the_same_key_and_body_create_one_task(api: httpx2.AsyncClient, db: Database) -> None:
    first = await api.post(CREATE, json=request(), headers=IDEMPOTENT)
    after_first = await footprint(db)
    second = await api.post(CREATE, json=request(), headers=IDEMPOTENT)

    assert (second.status_code, second.json()) == (200, first.json())
    assert await footprint(db) == after_first
    assert await balances(db) == (1000 - 16, 16)


async def test_the_same_key_with_another_body_is_refused(api: httpx2.AsyncClient, db: Database) -> None:
    await api.post(CREATE, json=request(), headers=IDEMPOTENT)
    before = await footprint(db)

    answer = await api.post(CREATE, json=request(prompt="another"), headers=IDEMPOTENT)

    status, code, text = envelope(answer)
    assert (status, code) == (422, 422)
    assert text.startswith("Idempotency-Key: it was used for another request")
    assert await footprint(db) == before


async def test_a_key_belongs_to_its_account(api: httpx2.AsyncClient, parts: ApiParts, db: Database) -> None:
    other_key = await enroll(db, account="other", granted=100)
    first = await api.post(CREATE, json=request(), headers=IDEMPOTENT)

    async with open_api(parts, other_key) as other:
        second = await other.post(CREATE, json=request(prompt="another"), headers=IDEMPOTENT)

    assert second.status_code == 200
    assert second.json()["data"]["taskId"] != first.json()["data"]["taskId"]


async def test_a_key_is_forgotten_after_a_day(api: httpx2.AsyncClient, db: Database) -> None:
    first = await api.post(CREATE, json=request(), headers=IDEMPOTENT)
    await rows(db, "update idempotency set created_at = now() - interval '24 hours 1 second'")

    second = await api.post(CREATE, json=request(prompt="another"), headers=IDEMPOTENT)

    assert second.status_code == 200
    assert second.json()["data"]["taskId"] != first.json()["data"]["taskId"]


async def test_a_repeated_request_is_answered_although_the_limit_is_reached(
    api: httpx2.AsyncClient, parts: ApiParts, key: str
) -> None:
    first = await api.post(CREATE, json=request(), headers=IDEMPOTENT)

    async with limited(parts, replace(LIMITS, unfinished_max=1)) as one, open_api(one, key) as full:
        new = await full.post(CREATE, json=request())
        repeated = await full.post(CREATE, json=request(), headers=IDEMPOTENT)

    assert new.status_code == 429
    assert repeated.json() == first.json()


async def test_parallel_copies_of_one_request_create_one_task(api: httpx2.AsyncClient, db: Database) -> None:
    async with asyncio.TaskGroup() as group:
        calls = [group.create_task(api.post(CREATE, json=request(), headers=IDEMPOTENT)) for _ in range(8)]
    answers = [call.result() for call in calls]

    assert {answer.status_code for answer in answers} <= {200, 409}
    assert len({answer.json()["data"]["taskId"] for answer in answers if answer.status_code == 200}) == 1
    assert await value(db, "select count(*) from tasks") == 1
    assert await balances(db) == (1000 - 16, 16)


async def test_a_copy_is_refused_while_the_first_is_in_flight(
    api: httpx2.AsyncClient, db: Database, caller: Caller
) -> None:
    lock = "select pg_advisory_xact_lock(hashtextextended($1, 0))"
    async with db.transaction() as first:
        await first.execute(lock, f"{caller.account_id.hex}:order-1")
        answer = await api.post(CREATE, json=request(), headers=IDEMPOTENT)
    again = await api.post(CREATE, json=request(), headers=IDEMPOTENT)

    assert envelope(answer) == (409, 409, "A request with the same Idempotency-Key is in flight.")
    assert again.status_code == 200


async def test_the_21st_task_within_the_window_is_refused(parts: ApiParts, key: str, db: Database) -> None:
    async with limited(parts, AN_HOUR) as slow, open_api(slow, key) as api:
        accepted = [(await api.post(CREATE, json=request())).status_code for _ in range(20)]
        before = await footprint(db)
        answer = await api.post(CREATE, json=request())

    status, code, text = envelope(answer)
    wait_s = int(answer.headers["retry-after"])
    assert accepted == [200] * 20
    assert (status, code) == (429, 429)
    assert text == "Your call frequency is too high: 20 tasks were created within 3600 s, the limit is 20"
    assert 1 <= wait_s <= 3600
    assert answer.headers["ratelimit-policy"] == '"default";q=20;w=3600'
    assert answer.headers["ratelimit"] == f'"default";r=0;t={wait_s}'
    assert await footprint(db) == before


async def test_the_window_of_creates_is_exact(parts: ApiParts, key: str, db: Database) -> None:
    async with limited(parts, AN_HOUR) as slow, open_api(slow, key) as api:
        for _ in range(20):
            await api.post(CREATE, json=request())
        await rows(
            db,
            "update tasks set created_at = created_at - interval '1 hour' where id in (select id from tasks limit 1)",
        )

        answers = [(await api.post(CREATE, json=request())).status_code for _ in range(2)]

    assert answers == [200, 429]


async def test_the_rate_counts_each_account_alone(api: httpx2.AsyncClient, parts: ApiParts, db: Database) -> None:
    other_key = await enroll(db, account="other", granted=100)
    for _ in range(20):
        await api.post(CREATE, json=request())

    async with open_api(parts, other_key) as other:
        answer = await other.post(CREATE, json=request())

    assert answer.status_code == 200


async def test_too_many_unfinished_tasks_are_refused(parts: ApiParts, key: str, db: Database) -> None:
    async with limited(parts, Limits(creates=None, unfinished_max=2)) as two, open_api(two, key) as api:
        accepted = [(await api.post(CREATE, json=request())).status_code for _ in range(2)]
        before = await footprint(db)
        answer = await api.post(CREATE, json=request())

    assert accepted == [200, 200]
    assert envelope(answer) == (429, 429, "Your call frequency is too high: 2 tasks are unfinished, the limit is 2")
    assert answer.headers["retry-after"] == "1"
    assert answer.headers["ratelimit-policy"] == '"default";q=2'
    assert await footprint(db) == before


async def test_the_11th_query_within_a_second_is_refused(api: httpx2.AsyncClient) -> None:
    # More than eleven, for a machine on which eleven take longer than the second.
    answers = [await api.get(RECORD, params={"taskId": "0" * 32}) for _ in range(40)]
    refused = [answer for answer in answers if answer.status_code == 429]

    assert [answer.status_code for answer in answers[:10]] == [422] * 10
    assert refused
    assert refused[0].json()["msg"].startswith("Your call frequency is too high: ")
    assert refused[0].headers["retry-after"] == "1"
    assert refused[0].headers["ratelimit-policy"] == '"default";q=10;w=1'


async def test_the_credit_answer_is_the_balance(api: httpx2.AsyncClient) -> None:
    await api.post(CREATE, json=request())

    answer = (await api.get("/api/v1/chat/credit")).json()

    assert answer == {"code": 200, "message": "success", "msg": "success", "data": 984}


async def test_a_draining_server_takes_no_new_task(parts: ApiParts, key: str, db: Database) -> None:
    app = build_app(parts, http_status="mirror")
    app.state.is_draining = True
    headers: dict[str, Any] = {"Authorization": f"Bearer {key}"}
    before = await footprint(db)

    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://x", headers=headers) as api:
        answer = await api.post(CREATE, json=request())
        ready = await api.get("/readyz")

    status, code, _ = envelope(answer)
    assert (status, code) == (503, 455)
    assert (ready.status_code, ready.text) == (503, "draining\n")
    assert await footprint(db) == before


async def test_a_create_queues_the_first_attempt(api: httpx2.AsyncClient, db: Database) -> None:
    task_id = (await api.post(CREATE, json=request())).json()["data"]["taskId"]

    assert await jobs(db) == [("generate-camera", f"{task_id}:0")]


async def test_the_limits_can_be_off(parts: ApiParts, key: str) -> None:
    async with limited(parts, NO_RATE) as free, open_api(free, key) as api:
        answers = [(await api.post(CREATE, json=request())).status_code for _ in range(21)]

    assert answers == [200] * 21


async def test_a_longer_window_refuses_for_longer(parts: ApiParts, key: str) -> None:
    slow = Limits(creates=CreateRate(1, timedelta(minutes=10)), unfinished_max=100)

    async with limited(parts, slow) as limited_parts, open_api(limited_parts, key) as api:
        await api.post(CREATE, json=request())
        answer = await api.post(CREATE, json=request())

    assert 500 <= int(answer.headers["retry-after"]) <= 600

"""The paths about callbacks: their log, sending again, a ping, a new secret, and what is refused."""

import json
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from callback_hosts import BROKEN, OK, Receiver, receiver
from photoplay import clock
from photoplay.callbacks import verify
from photoplay.domain.outcomes import Stopped
from photoplay.egress import Egress
from photoplay.flows.deliver import claim_due, deliver
from photoplay.flows.parts import ApiParts, WorkerParts
from photoplay.flows.settle import settle
from photoplay.flows.submit import submit
from photoplay.store.accounts import Caller
from scenes import HOOK_URL, begin, open_api, request, rows, submission, value

CALLBACKS = "/api/v1/jobs/callbacks"
REDIRECT = b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere.example/\r\nContent-Length: 2\r\n\r\nno"


async def end_task(parts: ApiParts, worker: WorkerParts, caller: Caller, here: Receiver, *, attempts: int) -> str:
    """End a task whose callback goes to the receiver, and let so many attempts be made."""
    async with Egress(allow=frozenset({here.place})) as egress:
        asked = submission(callback_url=f"http://{here.place}/", image_url=f"{parts.files_url}token/upload.png")
        task_id = await submit(asked, caller=caller, parts=replace(parts, egress=egress))
        await settle(await begin(task_id, db=parts.db), Stopped(), parts=worker)
        for _ in range(attempts):
            for callback in (await claim_due(worker, free=9))[0]:
                await deliver(callback, parts=replace(worker, egress=egress))
    return task_id.hex


async def listed(api: httpx2.AsyncClient, **query: str) -> list[dict[str, Any]]:
    answer = (await api.get(CALLBACKS, params=query)).json()
    assert answer["code"] == 200, answer
    return answer["data"]["callbacks"]


async def test_every_attempt_is_shown_with_what_came_back(
    api: httpx2.AsyncClient, parts: ApiParts, worker: WorkerParts, caller: Caller
) -> None:
    async with receiver(REDIRECT, OK) as here:
        task_id = await end_task(parts, worker, caller, here, attempts=2)

    (callback,) = await listed(api, taskId=task_id)
    first, second = callback["attempts"]
    assert (callback["id"], callback["taskId"]) == (f"msg_{task_id}_fail", task_id)
    assert (callback["event"], callback["state"], callback["nextTime"]) == ("fail", "delivered", None)
    assert (first["attempt"], first["status"], first["answer"], first["answerBytes"]) == (1, 302, "no", 2)
    assert first["error"] == "the callback URL: a redirect is not followed, it leads to http://elsewhere.example/"
    assert first["nextTime"] >= first["startTime"] + first["durationMs"] - 1
    assert (second["status"], second["error"], second["answer"], second["nextTime"]) == (200, None, "thanks", None)
    assert callback["completeTime"] >= second["startTime"]


async def test_an_attempt_whose_worker_died_says_so(
    api: httpx2.AsyncClient, parts: ApiParts, worker: WorkerParts, caller: Caller
) -> None:
    async with receiver(OK) as here:
        task_id = await end_task(parts, worker, caller, here, attempts=0)
    await claim_due(worker, free=9)
    ((under_way,),) = [each["attempts"] for each in await listed(api, taskId=task_id)]
    await rows(parts.db, "update callbacks set lease_until = now() - interval '1 s'")
    ((lost,),) = [each["attempts"] for each in await listed(api, taskId=task_id)]

    assert (under_way["error"], under_way["durationMs"]) == (None, None)
    assert lost["error"] == "the worker ended before it wrote down what came back"


async def test_callbacks_can_be_listed_by_state(
    api: httpx2.AsyncClient, parts: ApiParts, worker: WorkerParts, caller: Caller
) -> None:
    async with receiver(BROKEN) as broken, receiver(OK) as good:
        failed = await end_task(parts, worker, caller, broken, attempts=3)
        await end_task(parts, worker, caller, good, attempts=1)

    assert [each["taskId"] for each in await listed(api, state="failed")] == [failed]
    assert [each["state"] for each in await listed(api)] == ["delivered", "exhausted"]
    assert await listed(api, state="pending") == []


async def test_a_task_without_a_callback_has_an_empty_list(
    api: httpx2.AsyncClient, parts: ApiParts, caller: Caller
) -> None:
    task_id = await submit(submission(), caller=caller, parts=parts)

    assert await listed(api, taskId=task_id.hex) == []


async def test_a_failed_callback_is_sent_again(
    api: httpx2.AsyncClient, parts: ApiParts, worker: WorkerParts, caller: Caller
) -> None:
    async with receiver(BROKEN) as here:
        task_id = await end_task(parts, worker, caller, here, attempts=3)

    by_task = (await api.post(f"{CALLBACKS}/resend", json={"taskId": task_id})).json()
    (callback,) = await listed(api, taskId=task_id)
    assert (by_task["data"], callback["state"]) == ({"resent": 1}, "pending")


@pytest.mark.parametrize(("hours", "resent"), [(1, 1), (-1, 0)], ids=["before it", "after it"])
async def test_what_failed_since_a_time_is_sent_again(
    hours: int, resent: int, api: httpx2.AsyncClient, parts: ApiParts, worker: WorkerParts, caller: Caller
) -> None:
    async with receiver(BROKEN) as here:
        await end_task(parts, worker, caller, here, attempts=3)

    since = int((clock.now() - timedelta(hours=hours)).timestamp() * 1000)
    answer = (await api.post(f"{CALLBACKS}/resend", json={"failedSince": since})).json()

    assert answer["data"] == {"resent": resent}


@pytest.fixture
async def open_door(parts: ApiParts, key: str) -> AsyncGenerator[tuple[Receiver, httpx2.AsyncClient]]:
    """A receiver, and an API that may reach it."""
    async with (
        receiver(OK) as here,
        Egress(allow=frozenset({here.place})) as egress,
        open_api(replace(parts, egress=egress), key) as client,
    ):
        yield here, client


async def test_a_ping_is_signed_and_shows_what_came_back(
    open_door: tuple[Receiver, httpx2.AsyncClient], parts: ApiParts
) -> None:
    here, client = open_door
    answer = (await client.post(f"{CALLBACKS}/ping", json={"url": f"http://{here.place}/"})).json()["data"]

    secret = str(await value(parts.db, "select callback_secret from accounts"))
    (arrival,) = here.arrivals
    sample = verify(arrival.headers, arrival.body, secret)
    assert (answer["status"], answer["answer"], answer["answerBytes"]) == (200, "thanks", 6)
    assert (sample["ping"], sample["code"], sample["data"]["state"]) == (True, 200, "success")
    assert arrival.headers["webhook-id"] == f"msg_{sample['taskId']}_ping"
    assert await rows(parts.db, "select * from callbacks") == []


async def test_a_ping_goes_only_where_a_callback_may(api: httpx2.AsyncClient) -> None:
    answer = (await api.post(f"{CALLBACKS}/ping", json={"url": "http://10.0.0.1/"})).json()

    assert (answer["code"], answer["msg"]) == (422, "url: the address is not public")


async def test_a_new_secret_is_shown_and_both_sign(
    open_door: tuple[Receiver, httpx2.AsyncClient], parts: ApiParts
) -> None:
    here, client = open_door
    old = str(await value(parts.db, "select callback_secret from accounts"))
    made = (await client.post(f"{CALLBACKS}/secret/rotate", json={"overlapHours": 2})).json()["data"]
    await client.post(f"{CALLBACKS}/ping", json={"url": f"http://{here.place}/"})

    (arrival,) = here.arrivals
    assert made["secret"] != old
    assert made["earlierSecretUntil"] > clock.now().timestamp() * 1000 + 7_100_000
    for secret in (made["secret"], old):
        assert verify(arrival.headers, arrival.body, secret)["ping"] is True


async def test_without_an_overlap_the_old_secret_is_void_at_once(
    open_door: tuple[Receiver, httpx2.AsyncClient], parts: ApiParts
) -> None:
    here, client = open_door
    made = (await client.post(f"{CALLBACKS}/secret/rotate", json={"overlapHours": 0})).json()["data"]
    await client.post(f"{CALLBACKS}/ping", json={"url": f"http://{here.place}/"})

    (arrival,) = here.arrivals
    assert " " not in arrival.headers["webhook-signature"]
    assert verify(arrival.headers, arrival.body, made["secret"])["ping"] is True
    assert await value(parts.db, "select earlier_secret_until <= now() from accounts") is True


async def test_the_file_of_the_first_account_holds_its_new_secret(parts: ApiParts, key: str) -> None:
    await rows(parts.db, "update accounts set name = 'default'")
    parts.secret_file.write_text("whsec_old\n")
    async with open_api(parts, key) as client:
        made = (await client.post(f"{CALLBACKS}/secret/rotate")).json()["data"]

    assert parts.secret_file.read_text() == made["secret"] + "\n"
    assert parts.secret_file.stat().st_mode & 0o777 == 0o600


async def test_another_accounts_new_secret_is_in_no_file(api: httpx2.AsyncClient, parts: ApiParts) -> None:
    parts.secret_file.write_text("whsec_first\n")
    await api.post(f"{CALLBACKS}/secret/rotate")

    assert parts.secret_file.read_text() == "whsec_first\n"


@pytest.mark.parametrize(
    ("path", "body", "text"),
    [
        ("resend", {}, "taskId is required, or failedSince, and not both"),
        ("resend", {"taskId": "1" * 32, "failedSince": 0}, "taskId is required, or failedSince, and not both"),
        ("resend", {"taskId": "1" * 32}, "recordInfo is null"),
        ("resend", {"taskId": "nonsense"}, "recordInfo is null"),
        ("resend", {"taskId": 7}, "taskId must be a string, got 7"),
        ("resend", {"failedSince": "yesterday"}, "failedSince must be a time in milliseconds since the epoch"),
        ("resend", {"failedSince": -1}, "failedSince must be a time"),
        ("resend", {"failedSince": True}, "failedSince must be a time"),
        ("ping", {}, "url is required"),
        ("ping", {"url": ["https://a.example"]}, 'url must be a string, got ["https://a.example"]'),
        ("ping", {"url": "ftp://a.b/"}, "url is not a URL that can be fetched"),
        ("secret/rotate", {"overlapHours": 169}, "overlapHours must be a number from 0 to 168, got 169"),
        ("secret/rotate", {"overlapHours": True}, "overlapHours must be a number from 0 to 168, got true"),
        ("secret/rotate", {"overlapHours": None}, "overlapHours must be a number from 0 to 168, got null"),
    ],
)
async def test_what_is_wrong_is_said(path: str, body: Any, text: str, api: httpx2.AsyncClient) -> None:
    answer = (await api.post(f"{CALLBACKS}/{path}", json=body)).json()

    assert answer["code"] == 422
    assert answer["msg"].startswith(text)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ({"taskId": ""}, "taskId is required"),
        ({"taskId": "1" * 32}, "recordInfo is null"),
        ({"state": "lost"}, "state is not within the range of allowed options: pending,"),
    ],
)
async def test_a_wrong_question_is_refused(query: dict[str, str], text: str, api: httpx2.AsyncClient) -> None:
    answer = (await api.get(CALLBACKS, params=query)).json()

    assert answer["code"] == 422
    assert answer["msg"].startswith(text)


@pytest.mark.parametrize("id", ["msg_1", "9" * 5000])
async def test_an_event_id_of_elsewhere_is_refused(api: httpx2.AsyncClient, id: str) -> None:
    answer = (await api.get(f"{CALLBACKS}/events", headers={"Last-Event-ID": id})).json()

    assert answer["msg"] == f"Last-Event-ID is not an id of this stream: {id[:60]}"


@pytest.mark.parametrize("path", ["", "/events"])
async def test_a_key_is_needed(path: str, parts: ApiParts) -> None:
    async with open_api(parts, None) as client:
        assert (await client.get(CALLBACKS + path)).status_code == 401


@pytest.mark.parametrize("value", [[], "success", ["done"], [7], {}, ["success", None]])
async def test_callback_events_are_checked(value: Any, api: httpx2.AsyncClient) -> None:
    answer = (await api.post("/api/v1/jobs/createTask", json={**request(), "callBackEvents": value})).json()

    assert answer["code"] == 422
    assert answer["msg"].startswith("callBackEvents is not within the range of allowed options: a list of one or more")


@pytest.mark.parametrize(
    ("asked", "kept"), [(None, ["fail", "success"]), (["generating"], ["generating"])], ids=["absent", "given"]
)
async def test_callback_events_are_kept_with_the_task(
    asked: Any, kept: list[str], api: httpx2.AsyncClient, parts: ApiParts
) -> None:
    body = {**request(callback_url=HOOK_URL), **({} if asked is None else {"callBackEvents": asked})}
    answer = (await api.post("/api/v1/jobs/createTask", json=body)).json()

    ((events, sent),) = await rows(parts.db, "select callback_events, request from tasks")
    assert answer["code"] == 200
    assert sorted(events) == kept
    assert json.loads(sent).get("callBackEvents") == asked

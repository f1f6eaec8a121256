"""Lists of tasks: whose, which, in what order, and page by page."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from photoplay.clock import new_uuid
from photoplay.domain.errors import EngineRejected, InvalidInput
from photoplay.domain.keys import shown_prefix
from photoplay.domain.tasks import TaskId
from photoplay.flows.enroll import enroll
from photoplay.flows.parts import ApiParts, WorkerParts
from photoplay.store.database import Database
from photoplay.web.wire_jobs import parse_event_id, parse_list, parse_wait
from scenes import BASE_URL, CREATE, MODEL, NO_RATE, begin, fail, limited, open_api, request, rows, succeed, value

JOBS = "/api/v1/jobs"


async def create(api: httpx2.AsyncClient, **root: Any) -> TaskId:
    answer = (await api.post(CREATE, json={**request(), **root})).json()
    assert answer["code"] == 200, answer
    return TaskId(UUID(hex=answer["data"]["taskId"]))


async def listed(api: httpx2.AsyncClient, **query: Any) -> Mapping[str, Any]:
    answer = (await api.get(JOBS, params=query)).json()
    assert answer["code"] == 200, answer
    return answer["data"]


async def ids(api: httpx2.AsyncClient, **query: Any) -> list[TaskId]:
    return [TaskId(UUID(hex=task["taskId"])) for task in (await listed(api, **query))["tasks"]]


async def no_query_limit(db: Database) -> None:
    await rows(db, "delete from query_windows")


async def test_the_newest_comes_first_and_only_ones_own(api: httpx2.AsyncClient, parts: ApiParts, db: Database) -> None:
    mine = [await create(api) for _ in range(3)]
    async with open_api(parts, await enroll(db, account="stranger", granted=100)) as stranger:
        theirs = await create(stranger)

        assert await ids(stranger) == [theirs]
    assert await ids(api) == mine[::-1]


async def test_a_listed_task_is_its_record_without_what_depends_on_others(api: httpx2.AsyncClient) -> None:
    task_id = await create(api, clientReference="order 1042")

    (task,) = (await listed(api))["tasks"]
    record = (await api.get(f"{JOBS}/recordInfo", params={"taskId": task_id.hex})).json()["data"]

    assert task["clientReference"] == "order 1042"
    assert record == {**task, "queuePosition": 1, "etaSeconds": None, "nextPollMs": 1000}


async def test_filters_by_state_are_the_wires_words(api: httpx2.AsyncClient, worker: WorkerParts, db: Database) -> None:
    waiting, generating, success, failed = [await create(api) for _ in range(4)]
    await begin(generating, db=db)
    await succeed(success, parts=worker)
    await fail(failed, EngineRejected("prompt: not this one"), parts=worker)
    await api.post(f"{JOBS}/cancelTask", json={"taskId": waiting.hex})

    assert await ids(api, state="generating") == [generating]
    assert await ids(api, state="success") == [success]
    assert await ids(api, state="fail") == [failed, waiting]
    assert await ids(api, state="fail,generating") == [failed, generating, waiting]
    assert await ids(api, state="queuing") == []


async def test_filters_by_model_reference_and_time(api: httpx2.AsyncClient, db: Database) -> None:
    first, second = await create(api, clientReference="a"), await create(api, clientReference="b")
    other = await create(
        api, model="photoplay/camera-image-to-video", input={"image_url": "http://127.0.0.1:9/photo.jpg"}
    )
    moment = await value(
        db, "select ceil(extract(epoch from created_at) * 1000)::bigint from tasks where id = $1", first
    )
    await rows(db, "update tasks set created_at = created_at + interval '1 min' where id <> $1", first)

    assert await ids(api, model=MODEL) == [second, first]
    assert await ids(api, clientReference="b") == [second]
    assert await ids(api, clientReference="b", model="photoplay/camera-image-to-video") == []
    assert await ids(api, createdAfter=moment) == [other, second]
    assert await ids(api, createdBefore=moment) == [first]
    assert await ids(api, createdAfter="", model="") == [other, second, first]


async def test_filters_by_key_name_it_by_its_id_or_its_prefix(
    api: httpx2.AsyncClient, key: str, parts: ApiParts, db: Database
) -> None:
    second_key = await enroll(db, account="tester", granted=0)
    async with open_api(parts, second_key) as second:
        theirs = await create(second)
    await create(api)
    key_id = await value(db, "select key_id from tasks where id = $1", theirs)

    assert await ids(api, key=shown_prefix(second_key)) == [theirs]
    assert await ids(api, key=key_id.hex) == await ids(api, key=str(key_id)) == [theirs]
    assert await ids(api, key="pp_live_000000") == []
    assert len(await ids(api, key=shown_prefix(key))) == 1


@pytest.mark.parametrize("filters", [{}, {"state": "waiting,fail"}, {"model": MODEL}])
async def test_pages_hold_every_task_once_whatever_is_created_meanwhile(
    filters: dict[str, str], parts: ApiParts, key: str, db: Database
) -> None:
    async with limited(parts, NO_RATE) as unlimited, open_api(unlimited, key) as api:
        all_of_them = [await create(api) for _ in range(7)]
        # The same moment for some: the order must still be one.
        await rows(
            db, "update tasks set created_at = date_trunc('day', created_at) where id = any($1)", all_of_them[2:5]
        )
        expected = await rows(db, "select id from tasks order by created_at desc, id desc")
        seen: list[TaskId] = []
        cursor: str | None = ""
        while cursor is not None:
            page = await listed(api, limit=2, cursor=cursor, **filters)
            seen += [TaskId(UUID(hex=task["taskId"])) for task in page["tasks"]]
            cursor = page["nextCursor"]
            await create(api)
            await no_query_limit(db)

    assert [(task_id,) for task_id in seen] == expected


async def test_a_list_counts_as_a_query(api: httpx2.AsyncClient) -> None:
    # More than eleven, for a machine on which eleven take longer than the second.
    codes = [(await api.get(JOBS)).json()["code"] for _ in range(40)]

    assert codes[:10] == [200] * 10
    assert 429 in codes


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ({"limit": "0"}, "limit must be a whole number from 1 to 200, got 0"),
        ({"limit": "201"}, "limit must be a whole number from 1 to 200, got 201"),
        ({"limit": "many"}, "limit must be a whole number from 1 to 200, got many"),
        ({"state": "running"}, "state is not within the range of allowed options: waiting, queuing, generating"),
        ({"createdAfter": "yesterday"}, "createdAfter must be milliseconds since the epoch, got yesterday"),
        ({"createdBefore": "1" * 14}, "createdBefore must be milliseconds since the epoch, got 1"),
        ({"cursor": "x"}, "cursor is not one that this server gave"),
        ({"cursor": "Zm9v"}, "cursor is not one that this server gave"),
        ({"model": "a\0b"}, "model holds a NUL character"),
    ],
)
async def test_what_is_wrong_with_a_query_is_said(query: dict[str, str], text: str, api: httpx2.AsyncClient) -> None:
    answer = await api.get(JOBS, params=query)

    assert (answer.status_code, answer.json()["data"]) == (422, None)
    assert answer.json()["msg"].startswith(text)


@given(st.dictionaries(st.sampled_from(["state", "model", "key", "limit", "cursor", "createdAfter"]), st.text()))
def test_any_query_is_read_or_refused(query: dict[str, str]) -> None:
    try:
        asked = parse_list(query)
    except InvalidInput:
        return
    assert 1 <= asked.limit <= 200


@given(st.text())
def test_any_last_event_id_is_read_or_passed_over(text: str) -> None:
    assert parse_event_id(text) is None or text.isdigit()


@pytest.mark.parametrize(("text", "seconds"), [(None, 0), ("0", 0), ("20", 20), ("60", 60)])
def test_a_wait_is_in_whole_seconds(text: str | None, seconds: int) -> None:
    assert parse_wait(text).total_seconds() == seconds


@pytest.mark.parametrize("text", ["", "61", "-1", "1.5", "true", "9" * 400])
def test_a_wait_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="wait must be a whole number from 0 to 60, got"):
        parse_wait(text)


async def test_a_stranger_lists_nothing(parts: ApiParts) -> None:
    async with open_api(parts, None) as nobody:
        answer = await nobody.get(f"{BASE_URL}{JOBS}", params={"key": new_uuid().hex})

    assert answer.status_code == 401

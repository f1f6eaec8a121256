"""The stream of events as a client reads it."""

import asyncio
import json
from dataclasses import replace
from typing import Any
from uuid import UUID

import httpx2

from photoplay.domain.tasks import TaskId
from photoplay.flows.parts import ApiParts, WorkerParts
from photoplay.flows.rotate import revoke
from photoplay.store.accounts import Caller
from photoplay.store.database import Database
from scenes import CREATE, RECORD, claim, closed_signals, listening, open_api, request, succeed

EVENTS = "/api/v1/jobs/events"


def parsed(text: str) -> list[dict[str, Any]]:
    """Return what a stream says, as its specification reads it."""
    blocks = [block for block in text.split("\n\n") if block and not block.startswith(":")]
    return [dict(line.split(": ", 1) for line in block.split("\n")) for block in blocks]


async def create(api: httpx2.AsyncClient) -> TaskId:
    return TaskId(UUID(hex=(await api.post(CREATE, json=request())).json()["data"]["taskId"]))


async def test_an_event_holds_the_record_and_its_id_ends_the_coming_back(
    api: httpx2.AsyncClient, worker: WorkerParts
) -> None:
    task_id = await create(api)
    await succeed(task_id, parts=worker)

    stream = await api.get(EVENTS, params={"taskId": task_id.hex})
    record = (await api.get(RECORD, params={"taskId": task_id.hex})).json()["data"]
    hello, end = parsed(stream.text)
    again = await api.get(EVENTS, params={"taskId": task_id.hex}, headers={"Last-Event-ID": end["id"]})

    assert stream.headers["content-type"].startswith("text/event-stream")
    assert (hello, end["event"], json.loads(end["data"])) == ({"retry": "1000"}, "end", record)
    assert (again.status_code, again.content) == (204, b"")


async def test_a_last_event_id_of_elsewhere_counts_as_none(api: httpx2.AsyncClient, worker: WorkerParts) -> None:
    task_id = await create(api)
    await succeed(task_id, parts=worker)

    stream = await api.get(EVENTS, params={"taskId": task_id.hex}, headers={"Last-Event-ID": "not-ours"})

    assert [event.get("event") for event in parsed(stream.text)] == [None, "end"]


async def test_a_stopping_server_says_how_it_is_and_hangs_up(parts: ApiParts, key: str) -> None:
    async with open_api(replace(parts, signals=closed_signals()), key) as api:
        task_id = await create(api)
        stream = await api.get(EVENTS, params={"taskId": task_id.hex})

    assert [event.get("event") for event in parsed(stream.text)] == [None, "state"]


async def test_a_stream_ends_with_its_key(parts: ApiParts, key: str, caller: Caller, db: Database) -> None:
    async with listening(parts) as signals, open_api(parts, key) as api, asyncio.TaskGroup() as group:
        task_id = await create(api)
        stream = group.create_task(api.get(EVENTS, params={"taskId": task_id.hex}))
        while not signals.count_watches(task_id.hex):  # noqa: ASYNC110 - nothing tells that somebody watches
            await asyncio.sleep(0)
        await revoke(parts.db, caller.key_id.hex)
        await claim(task_id, db=db)

    assert "claimed" not in stream.result().text


async def test_a_stream_counts_as_one_query(parts: ApiParts, key: str) -> None:
    async with open_api(replace(parts, signals=closed_signals()), key) as api:
        # More than eleven, for a machine on which eleven take longer than the second.
        codes = [(await api.get(EVENTS)).status_code for _ in range(40)]

    assert codes[:10] == [200] * 10
    assert 429 in codes


async def test_refusals_come_before_the_stream(api: httpx2.AsyncClient, parts: ApiParts) -> None:
    unknown = await api.get(EVENTS, params={"taskId": "f" * 32})
    empty = await api.get(EVENTS, params={"taskId": ""})
    async with open_api(parts, None) as nobody:
        stranger = await nobody.get(EVENTS)

    assert (unknown.status_code, unknown.json()["msg"]) == (422, "recordInfo is null")
    assert (empty.status_code, empty.json()["msg"]) == (422, "taskId is required")
    assert stranger.status_code == 401

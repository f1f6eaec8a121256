"""Our answers beside the contract's own examples: every key of theirs, with a value of the same kind.

Source: the examples of the createTask page, copied by value into `golden/`.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import httpx2
import pytest

from photoplay.domain.errors import EngineUnavailable, StillRejected
from photoplay.domain.tasks import TaskId
from photoplay.flows.parts import WorkerParts
from photoplay.flows.settle import settle
from photoplay.store.database import Database
from scenes import CREATE, HOOK_URL, RECORD, STILL_URL, announce_clip, begin, claim, succeed, value

GOLDEN = Path(__file__).parent / "golden"
DOCUMENTED = {
    *("taskId", "model", "state", "param", "resultJson", "failCode", "failMsg", "costTime"),
    *("createTime", "updateTime", "completeTime", "progress", "consumeCredits", "creditsConsumed"),
    *("remainedCredits", "engine", "engineVersion", "seed", "timings", "stage", "priority", "clientReference"),
    *("queuePosition", "etaSeconds", "nextPollMs"),
}


def golden(name: str) -> Any:
    return json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))


def create_request() -> dict[str, Any]:
    """The request that the golden callbacks were made for, with addresses that this test may reach."""
    asked = json.loads(golden("success_callback")["data"]["param"])
    return {**asked, "callBackUrl": HOOK_URL, "input": {**asked["input"], "image_url": STILL_URL}}


def lacking(theirs: Mapping[str, Any], ours: Mapping[str, Any], path: str = "") -> list[str]:
    """What a reader of their example would miss in ours: keys, and JSON types."""
    found: list[str] = []
    for name, example in theirs.items():
        where = f"{path}{name}"
        if name not in ours:
            found.append(f"{where} is missing")
        elif type(example) is not type(ours[name]):
            found.append(f"{where} is {type(ours[name]).__name__}, not {type(example).__name__}")
        elif type(example) is dict:
            found += lacking(cast("Mapping[str, Any]", example), ours[name], path=f"{where}.")
    return found


async def create(api: httpx2.AsyncClient) -> TaskId:
    created = (await api.post(CREATE, json=create_request())).json()
    return TaskId(UUID(hex=created["data"]["taskId"]))


async def callback_of(task_id: TaskId, db: Database) -> Any:
    return json.loads(await value(db, "select body from callbacks where task_id = $1", task_id))


async def record_of(task_id: TaskId, api: httpx2.AsyncClient) -> Any:
    return (await api.get(RECORD, params={"taskId": task_id.hex})).json()["data"]


async def test_the_create_answer_is_the_golden_one(api: httpx2.AsyncClient) -> None:
    answer = (await api.post(CREATE, json=create_request())).json()

    theirs = golden("create_response")
    assert lacking(theirs, answer) == []
    assert {name: answer[name] for name in ("code", "message")} == {"code": theirs["code"], "message": "success"}


async def test_the_success_callback_is_the_golden_one(
    api: httpx2.AsyncClient, worker: WorkerParts, db: Database
) -> None:
    task_id = await create(api)
    produced = await succeed(task_id, parts=worker)

    ours, theirs = await callback_of(task_id, db), golden("success_callback")

    assert lacking(theirs, ours) == []
    assert (ours["code"], ours["msg"]) == (theirs["code"], theirs["msg"])
    assert ours["data"]["state"] == "success"
    assert json.loads(ours["data"]["param"]) == create_request()
    assert json.loads(ours["data"]["resultJson"]) == {"resultUrls": [worker.files_url + produced.result]}
    assert ours["data"]["consumeCredits"] == ours["data"]["creditsConsumed"] == 16
    assert ours["data"]["remainedCredits"] == 1000 - 16


async def test_the_failure_callback_is_the_golden_one(
    api: httpx2.AsyncClient, worker: WorkerParts, db: Database
) -> None:
    task_id = await create(api)
    for _ in range(3):
        await settle(await begin(task_id, db=db), EngineUnavailable("The engine crashed"), parts=worker)

    ours, theirs = await callback_of(task_id, db), golden("failure_callback")

    assert lacking(theirs, ours) == []
    assert (ours["code"], ours["msg"], ours["data"]["state"]) == (501, theirs["msg"], "fail")
    assert (ours["data"]["failCode"], ours["data"]["failMsg"]) == (
        "500",
        "The engine crashed (gave up after 3 attempts)",
    )
    assert (ours["data"]["consumeCredits"], ours["data"]["costTime"], ours["data"]["resultJson"]) == (0, 0, "")
    assert ours["data"]["remainedCredits"] == 1000


async def test_the_param_keeps_values_as_the_caller_sent_them(api: httpx2.AsyncClient) -> None:
    asked = create_request()
    asked = {**asked, "trace": [1, 2.5], "input": {**asked["input"], "duration": 5, "unknown": {"a": None}}}

    task_id = (await api.post(CREATE, json=asked)).json()["data"]["taskId"]
    record = await record_of(TaskId(UUID(hex=task_id)), api)

    assert json.loads(record["param"]) == asked


@pytest.mark.parametrize("ending", ["success", "fail"])
async def test_the_callback_is_the_query_answer(
    ending: str, api: httpx2.AsyncClient, worker: WorkerParts, db: Database
) -> None:
    task_id = await create(api)
    taken = await begin(task_id, db=db)
    result = await announce_clip(task_id, db=db) if ending == "success" else StillRejected("not a picture")
    await settle(taken, result, parts=worker)

    callback, record = await callback_of(task_id, db), await record_of(task_id, api)

    assert callback["taskId"] == callback["data"].pop("task_id") == task_id.hex
    assert callback["data"] == record
    assert record["state"] == ending


async def test_every_documented_field_is_present_in_every_state(
    api: httpx2.AsyncClient, worker: WorkerParts, db: Database
) -> None:
    task_id = await create(api)

    waiting = await record_of(task_id, api)
    taken = await begin(task_id, db=db)
    generating = await record_of(task_id, api)
    await settle(taken, await announce_clip(task_id, db=db), parts=worker)
    succeeded = await record_of(task_id, api)

    records = (waiting, generating, succeeded)
    assert [record["state"] for record in records] == ["waiting", "generating", "success"]
    assert [DOCUMENTED - record.keys() for record in records] == [set(), set(), set()]
    assert [record["resultJson"] == "" for record in records] == [True, True, False]
    assert [record["costTime"] for record in records[:2]] == [None, None]
    assert 0 <= succeeded["costTime"] <= 20
    assert [record["completeTime"] is None for record in records] == [True, True, False]
    assert [record["queuePosition"] for record in records] == [1, None, None]
    assert [record["stage"] for record in records] == ["waiting", "generating", "done"]
    assert [record["nextPollMs"] for record in records] == [1000, 1000, None]
    assert succeeded["progress"] == 100
    assert succeeded["createTime"] <= succeeded["completeTime"]
    assert succeeded["updateTime"] == pytest.approx(succeeded["completeTime"], abs=1)


async def test_the_estimate_is_in_whole_seconds_and_says_when_to_ask_again(
    api: httpx2.AsyncClient, db: Database
) -> None:
    task_id = await create(api)
    async with db.connection() as connection:
        await connection.execute(
            "insert into run_times select engine, model, size, 3, 7.5 from tasks where id = $1", task_id
        )

    record = await record_of(task_id, api)

    assert (record["etaSeconds"], record["nextPollMs"]) == (8, 1500)


async def test_a_claimed_task_is_queuing(api: httpx2.AsyncClient, db: Database) -> None:
    task_id = await create(api)
    await claim(task_id, db=db)

    record = await record_of(task_id, api)

    assert (record["state"], record["stage"], record["queuePosition"]) == ("queuing", "fetching", None)


async def test_cost_time_is_the_whole_seconds_of_generation(
    api: httpx2.AsyncClient, worker: WorkerParts, db: Database
) -> None:
    task_id = await create(api)
    taken = await begin(task_id, db=db)
    async with db.connection() as connection:
        await connection.execute(
            "update tasks set created_at = now() - interval '900 s', generating_at = now() - interval '800 s'"
        )
    await settle(taken, await announce_clip(task_id, db=db), parts=worker)

    record = await record_of(task_id, api)

    # The rest is what a busy machine takes to settle it.
    assert 800 <= record["costTime"] <= 820
    assert 900_000 <= record["completeTime"] - record["createTime"] < 920_000

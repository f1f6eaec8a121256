"""Creating and querying tasks over HTTP, in process."""

import json

import httpx2

MODEL = "bytedance/v1-pro-fast-image-to-video"


async def test_a_created_task_can_be_queried_at_once(api: httpx2.AsyncClient) -> None:
    request = {"model": MODEL, "input": {"prompt": "slow push in", "image_url": "http://127.0.0.1:9/photo.jpg"}}

    created = await api.post("/api/v1/jobs/createTask", json=request)
    task_id = created.json()["data"]["taskId"]
    record = (await api.get("/api/v1/jobs/recordInfo", params={"taskId": task_id})).json()["data"]

    assert created.status_code == 200
    assert created.json() == {
        "code": 200,
        "message": "success",
        "msg": "success",
        "data": {"taskId": task_id, "recordId": task_id},
    }
    assert record["state"] == "waiting"
    assert json.loads(record["param"]) == request
    assert record["remainedCredits"] == 1000 - 16
    assert record["queuePosition"] == 1

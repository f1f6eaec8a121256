"""Any server of the createTask contract: the public one, or another Photoplay.

A picture goes by upload, because the other server may not reach ours. A Photoplay is asked by our own id whether a task
arrived; a server that keeps no such ids cannot say, and then nothing is asked for again.
"""

import asyncio
import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from photoplay.domain.errors import EngineError, EngineRejected, EngineUnavailable, TargetUnreachable
from photoplay.domain.json import JsonObject, JsonValue
from photoplay.egress import Egress, Reply
from photoplay.engines.engine import Order, Report
from photoplay.engines.pictures import data_url, read_picture
from photoplay.engines.polling import poll
from photoplay.engines.remote import Called, Ended, Failed, Finished, Handle
from photoplay.engines.replies import object_in, parse_object, refusal, share_in, words_in
from photoplay.media.foreign import FOREIGN_BYTES_MAX

__all__ = ["KieEngine"]

_NAME: Final = "kie"
# The contract's limit on a picture.
_PICTURE_BYTES_MAX: Final = 10 * 1024 * 1024
# Of the 20 creates in 10 s that the contract allows, and the 10 queries a second.
_ORDERS_AT_ONCE: Final = 20
# The operator's to put right; what the caller sent is not at fault.
_OURS: Final = frozenset({401, 402, 403, 408, 409, 429, 433, 455})
# What the contract calls otherwise than an order does.
_FIELDS: Final[Mapping[str, str]] = {"end_still": "end_image_url"}
_UNKNOWN_PATH: Final = frozenset({404, 405})


class KieEngine:
    """Implements `RemoteEngine`."""

    name: str = _NAME
    version: str = "1"
    size: int = _ORDERS_AT_ONCE
    is_shared: bool = True

    def __init__(self, egress: Egress, *, url: str, key: str, upload_url: str = "") -> None:
        self._egress = egress
        self._url = url.rstrip("/")
        self._upload_url = (upload_url or url).rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}"}

    async def check(self) -> None:
        """Raises: EngineUnavailable if the other server does not know the key."""
        _data(await self._call("GET", f"{self._url}/api/v1/chat/credit"))

    async def submit(self, order: Order, job_id: str) -> Handle:
        """Raises: EngineError if it was surely not taken."""
        body = {"model": order.model, "input": await self._input(order), "clientReference": job_id}
        url, headers = f"{self._url}/api/v1/jobs/createTask", {"Idempotency-Key": job_id}
        reply = await self._ask("POST", url, body=body, headers=headers)
        if not object_in(reply):
            # It may be a gateway's, in front of a server that took the order.
            raise refusal(_NAME, reply)
        task_id = _data(_envelope(reply)).get("taskId")
        if not isinstance(task_id, str):
            raise TargetUnreachable(f"{_NAME}: took the order and named no task", may_have_arrived=True)
        return {"taskId": task_id}

    async def find(self, order: Order | None, job_id: str) -> Handle | None:
        """Raises: EngineRejected where the other server keeps no ids of ours."""
        del order
        status, answer = await self._call(
            "GET", f"{self._url}/api/v1/jobs?{urlencode({'clientReference': job_id})}", is_optional=True
        )
        found = None if status in _UNKNOWN_PATH else _data((status, answer)).get("tasks")
        if not isinstance(found, list):
            raise EngineRejected(
                f"{_NAME}: the other server cannot say whether it has the task, so it was not asked again"
            )
        if not found:
            return None
        return {"taskId": _text(found[0] if isinstance(found[0], Mapping) else {}, "taskId")}

    async def follow(self, handle: Handle, report: Report) -> Ended:
        """Raises: EngineUnavailable if the task was out of sight for too long."""
        return await poll(partial(self._look, _text(handle, "taskId")), report)

    async def fetch(self, source: str, target: Path) -> None:
        """Raises: DeliveryError."""
        await self._egress.fetch(source, target, field=f"{_NAME}: the clip", bytes_max=FOREIGN_BYTES_MAX)

    async def cancel(self, handle: Handle) -> Called:
        """A Photoplay ends it; the public service cannot, but says when it has ended."""
        body = {"taskId": handle["taskId"]}
        status, answer = await self._call("POST", f"{self._url}/api/v1/jobs/cancelTask", body=body, is_optional=True)
        if status in _UNKNOWN_PATH:
            seen = await self._look(_text(handle, "taskId"))
            return Called.OFF if isinstance(seen, Finished | Failed) else Called.RUNS_ON
        _data((status, answer))
        return Called.OFF

    async def _input(self, order: Order) -> JsonObject:
        given: dict[str, JsonValue] = {"prompt": order.prompt, "resolution": order.resolution, "seed": order.seed}
        if order.still is not None:
            given["image_url"] = await self._upload(order.still)
        if order.duration_s:
            given["duration"] = str(order.duration_s)
        for name, value in order.controls.items():
            path = _as_picture(value, order)
            given[_FIELDS.get(name, name)] = value if path is None else await self._upload(path)
        return {name: value for name, value in given.items() if value != ""}

    async def _upload(self, still: Path) -> str:
        picture = await asyncio.to_thread(read_picture, still, bytes_max=_PICTURE_BYTES_MAX)
        body = {
            "base64Data": data_url(picture.data, picture.mime_type),
            "fileName": picture.name,
            "uploadPath": "photoplay",
        }
        answer = _data(await self._call("POST", f"{self._upload_url}/api/file-base64-upload", body=body))
        return _text(answer, "fileUrl" if answer.get("fileUrl") else "downloadUrl")

    async def _look(self, task_id: str) -> Ended | float | None:
        query = urlencode({"taskId": task_id})
        record = _data(await self._call("GET", f"{self._url}/api/v1/jobs/recordInfo?{query}"))
        match record.get("state"):
            case "success":
                return Finished(source=_first_url(_text(record, "resultJson")), facts=_facts(task_id, record))
            case "fail":
                return Failed(error=_failure(record))
            case _:
                return share_in(record.get("progress"))

    async def _call(
        self, method: str, url: str, *, body: JsonObject | None = None, is_optional: bool = False
    ) -> tuple[int, JsonObject]:
        """Return the code of the answer and its envelope, or the status where not every server has the path.

        Raises: DeliveryError; EngineUnavailable if there is no envelope: a gateway says so of a server that restarts.
        """
        reply = await self._ask(method, url, body=body)
        if not object_in(reply) and not (is_optional and reply.status in _UNKNOWN_PATH):
            raise EngineUnavailable(f"{_NAME}: the other server answered {reply.status} without an envelope")
        return _envelope(reply)

    async def _ask(
        self, method: str, url: str, *, body: JsonObject | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        content = None if body is None else json.dumps(body).encode()
        typed = {} if body is None else {"Content-Type": "application/json"}
        return await self._egress.call(
            method, url, field=_NAME, headers={**self._headers, **typed, **(headers or {})}, body=content
        )


def _envelope(reply: Reply) -> tuple[int, JsonObject]:
    """Return the code of an answer, which counts before its status, and the answer."""
    answer = object_in(reply)
    code = answer.get("code")
    return code if isinstance(code, int) else reply.status, answer


def _data(answer: tuple[int, JsonObject]) -> JsonObject:
    """Return the data of a good answer. Raises: EngineError as the code says."""
    code, envelope = answer
    data = envelope.get("data")
    if code == 200:
        return data if isinstance(data, Mapping) else {"value": data}
    words = f"{_NAME}: {words_in(envelope) or f'the other server answered {code}'}"
    if code in _OURS or code >= 500:
        raise EngineUnavailable(words)
    raise EngineRejected(words, code="422")


def _failure(record: JsonObject) -> EngineError:
    """Tell a task that was refused from one that only failed there."""
    code, words = str(record.get("failCode") or ""), f"{_NAME}: {words_in(record.get('failMsg')) or 'the task failed'}"
    if code.startswith("4") and code not in {"408", "429", "499"}:
        return EngineRejected(words, code=code)
    return EngineUnavailable(words)


def _facts(task_id: str, record: JsonObject) -> JsonObject:
    kept = {"taskId": task_id, "costTime": record.get("costTime"), "consumeCredits": record.get("consumeCredits")}
    return {"upstream": {name: value for name, value in kept.items() if value is not None}}


def _as_picture(value: JsonValue, order: Order) -> Path | None:
    """Return the file of a control that is a picture: it lies beside the clip, as the still does."""
    path = Path(value) if isinstance(value, str) and value.startswith("/") else None
    return path if path is not None and path.parent == order.output.parent else None


def _text(fields: JsonObject, name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise EngineUnavailable(f"{_NAME}: the answer of the other server has no {name}")
    return value


def _first_url(result: str) -> str:
    """Raises: EngineUnavailable if there is none in it."""
    urls = parse_object(result).get("resultUrls")
    if not isinstance(urls, list) or not urls or not isinstance(urls[0], str):
        raise EngineUnavailable(f"{_NAME}: the answer of the other server has no resultUrls")
    return urls[0]

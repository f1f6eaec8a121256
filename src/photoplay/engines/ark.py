"""The maker's own API for Seedance: BytePlus ModelArk, or Volcengine Ark.

It takes no name of ours for a task. But it lists the seed and the expiry that a task was asked for with, and the expiry
can be any number of seconds: ours tells the job.
Source: BytePlus ModelArk, video generation API: create, retrieve, list, cancel or delete.
"""

import asyncio
import json
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Final, Literal

from photoplay.domain.errors import EngineError, EngineRejected, EngineUnavailable, TargetUnreachable
from photoplay.domain.json import JsonObject, JsonValue
from photoplay.egress import Egress, Reply
from photoplay.engines.engine import Order, Report
from photoplay.engines.pictures import data_url, read_picture
from photoplay.engines.polling import poll
from photoplay.engines.remote import Called, Ended, Failed, Finished, Handle, path_of
from photoplay.engines.replies import object_in, refusal, words_in
from photoplay.media.foreign import FOREIGN_BYTES_MAX

__all__ = ["ArkEngine", "Region"]

Region = Literal["byteplus", "volcengine"]

_NAME: Final = "ark"
_BASES: Final[Mapping[Region, str]] = {
    "byteplus": "https://ark.ap-southeast.bytepluses.com/api/v3",
    "volcengine": "https://ark.cn-beijing.volces.com/api/v3",
}
# The same models have a longer name in China.
_PREFIXES: Final[Mapping[Region, str]] = {"byteplus": "", "volcengine": "doubao-"}
_TASKS: Final = "/contents/generations/tasks"
# Of an account that has asked for no more. With a look at each every 2 s, half of the 600 calls a minute.
_ORDERS_AT_ONCE: Final = 10
_FIRST_LOOK_S: Final = 2.0
# As a data URL it is a third longer, and the whole body has a limit.
_PICTURE_BYTES_MAX: Final = 10 * 1024 * 1024
# One to two days: longer than a task may wait there, and within what the API allows (1 hour to 3 days).
_EXPIRY_S: Final = 86400
_PAGE: Final = 100
_PAGES_MAX: Final = 20
# What a picture or a prompt is refused for; another attempt is refused again.
_REFUSED: Final = ("Sensitive", "Invalid", "Risk")
_CONTROLS: Final[Mapping[str, str]] = {"camera_fixed": "camera_fixed", "aspect_ratio": "ratio"}
_END_STILL: Final = "end_still"


class ArkEngine:
    """Implements `RemoteEngine`."""

    name: str = _NAME
    size: int = _ORDERS_AT_ONCE
    is_shared: bool = True

    def __init__(
        self, egress: Egress, *, key: str, region: Region, url: str = "", first_look_s: float = _FIRST_LOOK_S
    ) -> None:
        self.version: str = region
        self._egress = egress
        self._tasks = (url or _BASES[region]).rstrip("/") + _TASKS
        self._prefix = _PREFIXES[region]
        self._headers = {"Authorization": f"Bearer {key}"}
        self._first_look_s = first_look_s

    async def check(self) -> None:
        """Raises: EngineUnavailable if the API does not know the key."""
        _good(await self._ask("GET", "?page_num=1&page_size=1"))

    async def submit(self, order: Order, job_id: str) -> Handle:
        """Raises: EngineError if it was surely not taken."""
        body = json.dumps(await self._body(order, job_id)).encode()
        found = _good(await self._ask("POST", "", body=body))
        if not isinstance(found.get("id"), str):
            raise TargetUnreachable(f"{_NAME}: took the order and named no task", may_have_arrived=True)
        return {"id": found["id"]}

    async def find(self, order: Order | None, job_id: str) -> Handle | None:
        """Look for the task in the list, the newest first, by what it was asked for with.

        Raises: EngineUnavailable; EngineRejected where it cannot be told.
        """
        if order is None:
            raise EngineRejected(f"{_NAME}: it may have a task that cannot be told from others")
        for number in range(1, _PAGES_MAX + 1):
            items = _good(await self._ask("GET", f"?page_num={number}&page_size={_PAGE}")).get("items")
            if not isinstance(items, list):
                raise EngineUnavailable(f"{_NAME}: the answer has no list of tasks")
            alike = [item for item in items if isinstance(item, Mapping) and item.get("seed") == order.seed]
            for item in alike:
                if item.get("execution_expires_after") == _expiry_s(job_id):
                    return {"id": item["id"]}
            if any("execution_expires_after" not in item for item in alike):
                break
            if len(items) < _PAGE:
                return None
        raise EngineRejected(f"{_NAME}: it cannot be told whether the task arrived, so it was not asked again")

    async def follow(self, handle: Handle, report: Report) -> Ended:
        """Raises: EngineUnavailable if the task was out of sight for too long."""
        return await poll(partial(self._look, handle), report, first_s=self._first_look_s)

    async def fetch(self, source: str, target: Path) -> None:
        """The link is signed and good for a day: it needs no key. Raises: DeliveryError."""
        await self._egress.fetch(source, target, field=f"{_NAME}: the clip", bytes_max=FOREIGN_BYTES_MAX)

    async def cancel(self, handle: Handle) -> Called:
        """Only what is queued there can be ended."""
        match _good(await self._ask("GET", path_of(handle))).get("status"):
            case "queued":
                reply = await self._ask("DELETE", path_of(handle))
                return Called.OFF if reply.status < HTTPStatus.MULTIPLE_CHOICES else Called.RUNS_ON
            case "running":
                return Called.RUNS_ON
            case _:
                return Called.OFF

    async def _body(self, order: Order, job_id: str) -> JsonObject:
        content: list[JsonValue] = [{"type": "text", "text": order.prompt}]
        if order.still is not None:
            content.append(await _image(order.still, order, role="first_frame"))
        end = order.controls.get(_END_STILL)
        if isinstance(end, str):
            content.append(await _image(Path(end), order, role="last_frame"))
        unknown = sorted(order.controls.keys() - {_END_STILL, *_CONTROLS})
        if unknown:
            raise EngineRejected(f"{_NAME}: {unknown[0]} is not one of the fields that it takes")
        asked: dict[str, JsonValue] = {
            "model": f"{self._prefix}{order.model}",
            "content": content,
            "seed": order.seed,
            "watermark": False,
            "execution_expires_after": _expiry_s(job_id),
        }
        given: dict[str, JsonValue] = {"resolution": order.resolution, "duration": order.duration_s}
        controls = {_CONTROLS[name]: value for name, value in order.controls.items() if name in _CONTROLS}
        return {**asked, **{name: value for name, value in given.items() if value}, **controls}

    async def _look(self, handle: Handle) -> Ended | float | None:
        task = _good(await self._ask("GET", path_of(handle)))
        match task.get("status"):
            case "succeeded":
                content = task.get("content")
                link = content.get("video_url") if isinstance(content, Mapping) else None
                if not isinstance(link, str):
                    return Failed(error=EngineUnavailable(f"{_NAME}: the task succeeded without a clip"))
                return Finished(source=link, facts={"upstream": _told(task)})
            case "failed" | "cancelled" | "expired":
                return Failed(error=_failure(task))
            case _:
                return None

    async def _ask(self, method: str, path: str, *, body: bytes | None = None) -> Reply:
        typed = {} if body is None else {"Content-Type": "application/json"}
        return await self._egress.call(
            method, f"{self._tasks}{path}", field=_NAME, headers={**self._headers, **typed}, body=body
        )


def _good(reply: Reply) -> JsonObject:
    """Return a good answer's object. Raises: EngineError; TargetUnreachable where an order may have been taken."""
    if reply.status >= HTTPStatus.MULTIPLE_CHOICES:
        raise _refusal(reply)
    return object_in(reply)


def _refusal(reply: Reply) -> EngineError | TargetUnreachable:
    """Let its own code speak: of an account that is overdue, a model that was not opened."""
    error = object_in(reply).get("error")
    if reply.status in {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND} and isinstance(error, Mapping) and "code" in error:
        text = f"{_NAME}: answered {reply.status}, {words_in(error['code'])}: {words_in(error) or 'no words'}"
        return EngineUnavailable(text)
    return refusal(_NAME, reply)


async def _image(picture: Path, order: Order, *, role: str) -> JsonObject:
    url = order.links.get(str(picture)) or await asyncio.to_thread(_data_url, picture)
    return {"type": "image_url", "image_url": {"url": url}, "role": role}


def _data_url(picture: Path) -> str:
    read = read_picture(picture, bytes_max=_PICTURE_BYTES_MAX)
    return data_url(read.data, read.mime_type)


def _expiry_s(job_id: str) -> int:
    return _EXPIRY_S + int(job_id, 16) % _EXPIRY_S


def _failure(task: JsonObject) -> EngineError:
    """Tell a task whose content was refused, there or in what came of it, from one that only failed."""
    error = task.get("error")
    code = str(error.get("code")) if isinstance(error, Mapping) else ""
    text = f"{_NAME}: the task ended as {task['status']}: {words_in(error) or 'no words'}"
    return EngineRejected(text) if any(word in code for word in _REFUSED) else EngineUnavailable(text)


def _told(task: JsonObject) -> JsonObject:
    usage = task.get("usage")
    tokens = usage.get("completion_tokens") if isinstance(usage, Mapping) else None
    return {"taskId": task.get("id"), "model": task.get("model"), "completionTokens": tokens}

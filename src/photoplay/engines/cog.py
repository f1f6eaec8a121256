"""A model in a container of the cog runtime: it answers a request when the clip is made, and remembers nothing after.

A prediction whose connection breaks off is ended by the server itself; so who takes over asks anew, under the same id.

Source: cog 0.23.1 and its server coglet, driven.
"""

import asyncio
import base64
import binascii
import json
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import quote

from photoplay.domain.errors import EngineUnavailable
from photoplay.domain.json import JsonObject, JsonValue
from photoplay.egress import Egress, Reply
from photoplay.engines.engine import Order, Report
from photoplay.engines.frames import size_of
from photoplay.engines.pictures import data_url
from photoplay.engines.remote import Called, Ended, Failed, Finished, Handle
from photoplay.engines.replies import object_in, refusal, words_in
from photoplay.media.foreign import FOREIGN_BYTES_MAX

__all__ = ["CogEngine"]

# The task's own deadline ends it long before that.
_PREDICTION_S: Final = 4 * 3600.0
# A clip as base64 is in memory whole, a few times.
_ANSWER_BYTES_MAX: Final = 96 * 1024 * 1024
# What was called off frees its place within 0.1 s; another's prediction takes longer than anybody waits here.
_BUSY_S: Final = 10.0
_AGAIN_S: Final = 0.5
_BUSY: Final = frozenset({HTTPStatus.ACCEPTED, HTTPStatus.CONFLICT})
_WELL: Final = frozenset({"READY", "BUSY"})


class CogEngine:
    """`url` stands without a slash at its end. `inputs` says what the predictor calls a part of an order."""

    name = "cog"
    version = "1"
    is_shared = False

    def __init__(self, *, url: str, inputs: Mapping[str, str], egress: Egress, size: int = 1) -> None:
        self.size = size
        self._url = url
        self._inputs = inputs
        self._egress = egress

    async def check(self) -> None:
        reply = await self._egress.call("GET", f"{self._url}/health-check", field=self.name)
        found = object_in(reply)
        state = found.get("status")
        if reply.status != HTTPStatus.OK or not isinstance(state, str):
            raise EngineUnavailable(str(refusal(self.name, reply)))
        if state not in _WELL:
            raise EngineUnavailable(f"{self.name}: the server is {state}: {words_in(found) or 'its setup is not over'}")

    async def submit(self, order: Order, job_id: str) -> Handle:
        """Ask, and wait for the end: the answer is the only thing that tells of it."""
        body = await asyncio.to_thread(self._body, order)
        loop = asyncio.get_running_loop()
        give_up_at_s = loop.time() + _BUSY_S
        while True:
            reply = await self._egress.call(
                "PUT",
                f"{self._url}{_path(job_id)}",
                field=self.name,
                headers={"Content-Type": "application/json"},
                body=body,
                bytes_max=_ANSWER_BYTES_MAX,
                within_s=_PREDICTION_S,
            )
            if reply.status not in _BUSY:
                break
            if loop.time() >= give_up_at_s:
                raise EngineUnavailable(f"{self.name}: all places of the server are taken")
            await asyncio.sleep(_AGAIN_S)
        if reply.status != HTTPStatus.OK:
            raise refusal(self.name, reply)
        return {"id": job_id, **await asyncio.to_thread(_keep, reply, order.output)}

    async def find(self, order: Order | None, job_id: str) -> Handle | None:  # noqa: ARG002 - the server knows it by its id
        """End whatever still runs under this id: nothing but a new request can tell what comes of it."""
        if await self.cancel({"id": job_id}) is Called.RUNS_ON:
            raise EngineUnavailable(f"{self.name}: the server did not end what may still run there")
        return None

    async def follow(self, handle: Handle, report: Report) -> Ended:  # noqa: ARG002 - it tells of no progress
        source = handle.get("source")
        if isinstance(source, str):
            if source.startswith("/") and not await asyncio.to_thread(Path(source).exists):
                return Failed(error=EngineUnavailable(f"{self.name}: the clip was lost with the worker that had it"))
            return Finished(source=source, facts={"predict_time_s": handle.get("predict_time_s")})
        return Failed(error=EngineUnavailable(f"{self.name}: {handle.get('error') or 'no clip, and no words'}"))

    async def fetch(self, source: str, target: Path) -> None:
        if source.startswith("/"):
            await asyncio.to_thread(Path(source).replace, target)
        else:
            await self._egress.fetch(source, target, field=self.name, bytes_max=FOREIGN_BYTES_MAX)

    async def cancel(self, handle: Handle) -> Called:
        reply = await self._egress.call("POST", f"{self._url}{_path(str(handle['id']))}/cancel", field=self.name)
        return Called.OFF if reply.status in {HTTPStatus.OK, HTTPStatus.NOT_FOUND} else Called.RUNS_ON

    def _body(self, order: Order) -> bytes:
        size = size_of(order)
        parts: dict[str, JsonValue] = {
            "prompt": order.prompt,
            "image": None if order.still is None else data_url(order.still.read_bytes(), "image/png"),
            "seed": order.seed,
            "duration": order.duration_s or None,
            "width": size and size.width_px,
            "height": size and size.height_px,
        }
        # A predictor refuses an input that it does not have: only what its operator named is sent.
        named = {self._inputs[part]: value for part, value in parts.items() if part in self._inputs}
        asked = {name: value for name, value in named.items() if value is not None}
        return json.dumps({"input": {**asked, **order.controls}}).encode()


def _path(job_id: str) -> str:
    return f"/predictions/{quote(job_id, safe='')}"


def _keep(reply: Reply, output: Path) -> JsonObject:
    """Put the clip of an answer beside the output, or tell where it lies; or what went wrong instead."""
    found = object_in(reply)
    if found.get("status") != "succeeded":
        return {"error": words_in(found) or f"the prediction ended as {found.get('status')}"}
    sent = found.get("output")
    link = sent[0] if isinstance(sent, list) and sent else sent
    metrics = found.get("metrics")
    told: JsonObject = {"predict_time_s": metrics.get("predict_time") if isinstance(metrics, dict) else None}
    # Nothing else: a path would name a file of this machine.
    if not isinstance(link, str) or not link.startswith(("data:", "http://", "https://")):
        return {"error": "the prediction has no file as its output"}
    if not link.startswith("data:"):
        return {**told, "source": link}
    kept = output.with_name(f"{output.name}.sent")
    try:
        kept.write_bytes(base64.b64decode(link.partition(",")[2], validate=True))
    except binascii.Error:
        return {"error": "the prediction's output is not base64"}
    return {**told, "source": str(kept)}

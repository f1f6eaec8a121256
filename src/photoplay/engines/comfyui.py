"""A ComfyUI server and workflow templates. A job has our own name there, so nothing is asked for twice.

The queue and the history tell what becomes of a job, and nothing else does. The WebSocket tells how far it is.

Source: ComfyUI 0.3.64, driven on a CPU.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Final, cast
from urllib.parse import urlencode
from uuid import UUID

from photoplay.domain.errors import EngineError, EngineRejected, EngineUnavailable, TargetUnreachable
from photoplay.domain.json import JsonObject, JsonValue
from photoplay.egress import Egress, Reply
from photoplay.engines.engine import Order, Report
from photoplay.engines.frames import FPS, frames_of, size_of
from photoplay.engines.multipart import FilePart, form_of
from photoplay.engines.polling import poll
from photoplay.engines.remote import Called, Ended, Failed, Finished, Handle
from photoplay.engines.replies import object_in, refusal, words_in
from photoplay.engines.workflow_listener import WorkflowListener
from photoplay.engines.workflows import fill, read_workflow
from photoplay.media.foreign import FOREIGN_BYTES_MAX

__all__ = ["ComfyUIEngine"]

_FOLDER: Final = "photoplay"
_CLIPS: Final = (".mp4", ".m4v", ".mov")
# Between leaving the queue and standing in the history a job is in neither.
_UNSEEN_LOOKS_MAX: Final = 3


class ComfyUIEngine:
    """`url` stands without a slash at its end. `workflows` holds `<model>.json`."""

    name = "comfyui"
    version = "1"
    is_shared = False

    def __init__(
        self,
        *,
        url: str,
        workflows: Path,
        egress: Egress,
        size: int = 1,
        first_look_s: float = 1.0,
        listen_again_s: float = 10.0,
    ) -> None:
        self.size = size
        self._url = url
        self._workflows = workflows
        self._egress = egress
        self._first_look_s = first_look_s
        self._listen_again_s = listen_again_s

    async def check(self) -> None:
        await self._queue()
        if not await asyncio.to_thread(self._workflows.is_dir):
            raise EngineUnavailable(f"{self.name}: the folder of workflows is not there")

    async def submit(self, order: Order, job_id: str) -> Handle:
        prompt_id = str(UUID(job_id))
        # Read before anything is sent: a template that does not fit is the operator's to mend.
        workflow = await asyncio.to_thread(read_workflow, self._workflows, order.model)
        values, needed = _values(order, image=f"{_FOLDER}/{prompt_id}.png")
        graph = fill(workflow, values, needed=needed)
        if order.still is not None:
            await self._upload(order.still, name=f"{prompt_id}.png")
        reply = await self._ask("POST", "/prompt", {"prompt": graph, "prompt_id": prompt_id, "client_id": prompt_id})
        if reply.status != HTTPStatus.OK:
            raise _refused(self.name, reply)
        return {"id": prompt_id}

    async def find(self, order: Order | None, job_id: str) -> Handle | None:  # noqa: ARG002 - it knows our own name
        handle: Handle = {"id": str(UUID(job_id))}
        places = await self._queue()
        if handle["id"] in {**places["queue_running"], **places["queue_pending"]} or await self._entry(handle):
            return handle
        return None

    async def follow(self, handle: Handle, report: Report) -> Ended:
        name, unseen = str(handle["id"]), 0
        # Its messages go to the name that the job was asked for with, whoever listens now.
        url = f"{self._url}/ws?{urlencode({'clientId': name})}"
        listener = WorkflowListener(self._egress, url=url, report=report, again_s=self._listen_again_s)

        async def look() -> Ended | float | None:
            nonlocal unseen
            places = await self._queue()
            graph = {**places["queue_pending"], **places["queue_running"]}.get(name)
            if graph is not None:
                unseen = 0
                listener.begin(name, graph)
                return None
            entry = await self._entry(handle)
            if entry:
                return self._read(entry)
            unseen += 1
            if unseen < _UNSEEN_LOOKS_MAX:
                return None
            return Failed(error=EngineUnavailable(f"{self.name}: the server knows nothing of the job any more"))

        async with listener.listening():
            return await poll(look, report, first_s=self._first_look_s, pause=listener.pause)

    async def fetch(self, source: str, target: Path) -> None:
        await self._egress.fetch(f"{self._url}{source}", target, field=self.name, bytes_max=FOREIGN_BYTES_MAX)

    async def cancel(self, handle: Handle) -> Called:
        """What waits is taken out of the queue; what runs stops at its next step, which may take a while."""
        await self._ask("POST", "/queue", {"delete": [handle["id"]]})
        places = await self._queue()
        if handle["id"] not in places["queue_running"]:
            return Called.OFF
        await self._ask("POST", "/interrupt", {"prompt_id": handle["id"]})
        return Called.RUNS_ON

    async def _upload(self, still: Path, *, name: str) -> None:
        picture = FilePart(field="image", name=name, content=await asyncio.to_thread(still.read_bytes))
        form = form_of({"subfolder": _FOLDER, "overwrite": "true"}, picture)
        reply = await self._egress.call(
            "POST",
            f"{self._url}/upload/image",
            field=self.name,
            headers={"Content-Type": form.content_type},
            body=form.body,
        )
        if reply.status != HTTPStatus.OK:
            # A picture there is no job yet: whatever the status, nothing was taken.
            raise EngineUnavailable(str(refusal(self.name, reply)))

    async def _queue(self) -> dict[str, dict[str, JsonObject]]:
        """Return the jobs that run, and those that wait: by name, the graph of each."""
        reply = await self._ask("GET", "/queue")
        found = object_in(reply)
        if reply.status != HTTPStatus.OK or "queue_running" not in found:
            raise EngineUnavailable(str(refusal(self.name, reply)))
        # An entry is [number, name, graph, …].
        return {
            place: {
                str(entry[1]): cast("JsonObject", entry[2])
                for entry in cast("Sequence[Sequence[JsonValue]]", found.get(place) or [])
            }
            for place in ("queue_running", "queue_pending")
        }

    async def _entry(self, handle: Handle) -> JsonObject:
        """Return what the history says of a job, nothing as long as it is not over."""
        reply = await self._ask("GET", f"/history/{handle['id']}")
        if reply.status != HTTPStatus.OK:
            raise EngineUnavailable(str(refusal(self.name, reply)))
        entry = object_in(reply).get(str(handle["id"]))
        return entry if isinstance(entry, Mapping) else {}

    def _read(self, entry: JsonObject) -> Ended:
        status = entry.get("status")
        if isinstance(status, Mapping) and status.get("status_str") == "error":
            return Failed(error=EngineUnavailable(f"{self.name}: the job failed: {_last_words(status)}"))
        files = [file for file in _files_in(entry.get("outputs")) if str(file["filename"]).endswith(_CLIPS)]
        if not files:
            return Failed(error=EngineRejected(f"{self.name}: the workflow saved no MP4", code="500"))
        where = {name: str(files[0].get(name, "")) for name in ("filename", "subfolder", "type")}
        return Finished(source=f"/view?{urlencode(where)}")

    async def _ask(self, method: str, path: str, body: JsonObject | None = None) -> Reply:
        sent = None if body is None else json.dumps(body).encode()
        headers = {} if body is None else {"Content-Type": "application/json"}
        return await self._egress.call(method, f"{self._url}{path}", field=self.name, headers=headers, body=sent)


def _values(order: Order, *, image: str) -> tuple[JsonObject, frozenset[str]]:
    """Return what the slots may hold, and which of it must not get lost."""
    size, frames = size_of(order), frames_of(order)
    asked: dict[str, JsonValue] = {"prompt": order.prompt, "image": order.still and image, **order.controls}
    values: dict[str, JsonValue] = {
        "negative_prompt": "",
        "seed": order.seed,
        "fps": FPS,
        "width": size and size.width_px,
        "height": size and size.height_px,
        "frames": frames,
        "seconds": order.duration_s or None,
        **asked,
    }
    given = {name: value for name, value in values.items() if value is not None}
    return given, frozenset(name for name, value in asked.items() if value)


def _refused(engine: str, reply: Reply) -> EngineError | TargetUnreachable:
    """Say what is wrong with a graph, node by node."""
    nodes = object_in(reply).get("node_errors")
    if reply.status != HTTPStatus.BAD_REQUEST or not isinstance(nodes, Mapping) or not nodes:
        return refusal(engine, reply)
    told = [f"node {name}: {_node_words(node)}" for name, node in nodes.items()]
    return EngineRejected(f"{engine}: the server refuses the workflow: {'; '.join(told)[:600]}")


def _node_words(node: JsonValue) -> str:
    errors = node.get("errors") if isinstance(node, Mapping) else None
    told = [
        f"{words_in(error)} {error.get('details') or ''}".strip()
        for error in (errors if isinstance(errors, list) else [])
        if isinstance(error, Mapping)
    ]
    return ", ".join(told) or "no words"


def _last_words(status: JsonObject) -> str:
    """Return the words of the message that ended a job: each is [event, what of it]."""
    messages = cast("Sequence[Sequence[JsonValue]]", status.get("messages") or [])
    return next((said for message in reversed(messages) if (said := words_in(message[1]))), "no words")


def _files_in(outputs: JsonValue) -> list[JsonObject]:
    """Return every file that the nodes saved: they list clips as videos, gifs or images, depending on the node."""
    if not isinstance(outputs, Mapping):
        return []
    lists = [files for node in outputs.values() if isinstance(node, Mapping) for files in node.values()]
    found = [file for files in lists if isinstance(files, list) for file in files if isinstance(file, Mapping)]
    return [file for file in found if "filename" in file and file.get("type", "output") == "output"]

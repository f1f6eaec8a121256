"""Servers of the `/v1/videos` convention, in two dialects: SGLang-Diffusion and vLLM-Omni.

Source: video_api.py of sglang 0.5.23; api_server.py and protocol/videos.py of vllm-omni 0.30.0.
"""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Final, Literal
from urllib.parse import quote

from photoplay.domain.errors import EngineRejected, EngineUnavailable, TargetUnreachable
from photoplay.domain.json import JsonObject, JsonValue
from photoplay.egress import Egress, Reply
from photoplay.engines.engine import Order, Report
from photoplay.engines.frames import FPS, frames_of, size_of
from photoplay.engines.multipart import FilePart, form_of
from photoplay.engines.polling import poll
from photoplay.engines.remote import Called, Ended, Failed, Finished, Handle, path_of
from photoplay.engines.replies import object_in, refusal, share_in, words_in
from photoplay.media.foreign import FOREIGN_BYTES_MAX

__all__ = ["Dialect", "OpenAIVideosEngine"]

Dialect = Literal["sglang", "vllm-omni"]

# What both servers read of a form beside what every order says, by their names.
_CONTROLS: Final = frozenset(
    {
        *("fps", "num_frames", "num_inference_steps", "guidance_scale", "guidance_scale_2", "flow_shift"),
        *("negative_prompt", "true_cfg_scale", "max_sequence_length", "enable_frame_interpolation"),
    }
)
# Larger pages are refused by one of them.
_PAGE: Final = 100
_PAGES_MAX: Final = 50
_FACTS: Final = ("model", "inference_time_s", "peak_memory_mb")


class OpenAIVideosEngine:
    """`url` stands without `/v1` and without a slash at its end; an empty key is not sent."""

    name = "openai-videos"
    is_shared = False

    def __init__(
        self, *, url: str, key: str, dialect: Dialect, egress: Egress, size: int = 1, first_look_s: float = 1.0
    ) -> None:
        self.version: str = dialect
        self.size = size
        self._url = url
        self._key = key
        self._dialect: Dialect = dialect
        self._egress = egress
        self._first_look_s = first_look_s

    async def check(self) -> None:
        reply = await self._ask("GET", "?limit=1")
        if reply.status != HTTPStatus.OK:
            raise EngineUnavailable(str(refusal(self.name, reply)))

    async def submit(self, order: Order, job_id: str) -> Handle:  # noqa: ARG002 - neither takes a name of ours
        fields = self._fields(order)
        await self._refuse_unless_served(order.model)
        picture = None
        if order.still is not None:
            content = await asyncio.to_thread(order.still.read_bytes)
            picture = FilePart(field="input_reference", name="picture.png", content=content)
        form = form_of(fields, picture)
        reply = await self._ask("POST", "", body=form.body, content_type=form.content_type)
        found = object_in(reply)
        if reply.status >= HTTPStatus.MULTIPLE_CHOICES:
            raise refusal(self.name, reply)
        if not isinstance(found.get("id"), str):
            raise TargetUnreachable(f"{self.name}: took the order and named no job", may_have_arrived=True)
        return {"id": found["id"]}

    async def find(self, order: Order | None, job_id: str) -> Handle | None:  # noqa: ARG002 - it knows no name of ours
        """Look through the server's list: a job there that may be this order's cannot be told from another's."""
        if order is None:
            raise EngineRejected(f"{self.name}: its server may have a job that cannot be told from others")
        fields = self._fields(order)
        after = ""
        for _ in range(_PAGES_MAX):
            reply = await self._ask("GET", f"?limit={_PAGE}&order=desc{after}")
            page = object_in(reply).get("data")
            if reply.status != HTTPStatus.OK or not isinstance(page, list):
                raise EngineUnavailable(str(refusal(self.name, reply)))
            jobs = [job for job in page if isinstance(job, dict)]
            if any(_may_be(job, fields) for job in jobs):
                break
            if not jobs or not object_in(reply).get("has_more"):
                return None
            after = f"&after={quote(str(jobs[-1].get('id')), safe='')}"
        raise EngineRejected(
            f"{self.name}: the connection broke off while the order was handed over, and the server has a job that may "
            "be it; it was not asked for again, lest it is made twice",
            code="500",
        )

    async def follow(self, handle: Handle, report: Report) -> Ended:
        async def look() -> Ended | float | None:
            return self._read(await self._ask("GET", path_of(handle)), handle)

        return await poll(look, report, first_s=self._first_look_s)

    async def fetch(self, source: str, target: Path) -> None:
        own = source.startswith(f"{self._url}/")
        await self._egress.fetch(
            source, target, field=self.name, bytes_max=FOREIGN_BYTES_MAX, headers=self._headers() if own else {}
        )

    async def cancel(self, handle: Handle) -> Called:
        """SGLang's DELETE forgets the record and lets the job run on, out of sight: it is never sent there."""
        if self._dialect == "sglang":
            seen = self._read(await self._ask("GET", path_of(handle)), handle)
            return Called.OFF if isinstance(seen, Finished | Failed) else Called.RUNS_ON
        reply = await self._ask("DELETE", path_of(handle))
        gone = reply.status in {HTTPStatus.OK, HTTPStatus.NO_CONTENT, HTTPStatus.NOT_FOUND}
        return Called.OFF if gone else Called.RUNS_ON

    async def _refuse_unless_served(self, model: str) -> None:
        """One of them would make the clip with whatever it serves, without a word."""
        reply = await self._egress.call("GET", f"{self._url}/v1/models", field=self.name, headers=self._headers())
        listed = object_in(reply).get("data")
        if reply.status != HTTPStatus.OK or not isinstance(listed, list):
            raise EngineUnavailable(str(refusal(self.name, reply)))
        served = [str(entry.get("id")) for entry in listed if isinstance(entry, dict)]
        if model not in served:
            raise EngineUnavailable(
                f"{self.name}: the server serves {', '.join(served) or 'nothing'}, not {model}; start it with "
                f"--served-model-name {model}, or let the card name its model"
            )

    def _read(self, reply: Reply, handle: Handle) -> Ended | float | None:
        job = object_in(reply)
        state = job.get("status")
        # vLLM-Omni answers for a failed job with the failure's status, and with the job as the body.
        if state == "failed":
            return Failed(error=self._failure(job))
        # A gateway's own 404, while the server restarts, is no JSON.
        if reply.status == HTTPStatus.NOT_FOUND and job:
            return Failed(error=EngineUnavailable(f"{self.name}: the server knows nothing of the job any more"))
        if reply.status != HTTPStatus.OK or not isinstance(state, str):
            raise EngineUnavailable(str(refusal(self.name, reply)))
        if state == "completed":
            link = job.get("url")
            source = link if isinstance(link, str) and link else f"{self._videos}{path_of(handle)}/content"
            return Finished(source=source, facts={name: job[name] for name in _FACTS if job.get(name)})
        return share_in(job.get("progress"))

    def _failure(self, job: JsonObject) -> EngineRejected | EngineUnavailable:
        error = job.get("error")
        code = error.get("code") if isinstance(error, dict) else None
        text = f"{self.name}: the job failed: {words_in(error) or 'no words'}"
        # SGLang gives no code: whose fault it was cannot be told, so another attempt is worth it.
        at_fault = str(code).isdecimal() and 400 <= int(str(code)) < 500
        return EngineRejected(text) if at_fault else EngineUnavailable(text)

    def _fields(self, order: Order) -> dict[str, str]:
        unknown = sorted(set(order.controls) - _CONTROLS)
        if unknown:
            known = ", ".join(sorted(_CONTROLS))
            raise EngineRejected(f"{self.name}: {unknown[0]} is not one of the fields that it takes: {known}")
        fields: dict[str, JsonValue] = {"model": order.model, "prompt": order.prompt, "seed": order.seed}
        size, frames = size_of(order), frames_of(order)
        if size is not None and self._dialect == "sglang":
            fields["size"] = f"{size.width_px}x{size.height_px}"
        elif size is not None:
            fields |= {"width": size.width_px, "height": size.height_px}
        if frames is not None:
            fields |= {"seconds": order.duration_s, "fps": FPS, "num_frames": frames}
        return {name: _text(value) for name, value in {**fields, **order.controls}.items()}

    async def _ask(self, method: str, path: str, *, body: bytes | None = None, content_type: str = "") -> Reply:
        headers = {**self._headers(), **({"Content-Type": content_type} if content_type else {})}
        return await self._egress.call(method, f"{self._videos}{path}", field=self.name, headers=headers, body=body)

    @property
    def _videos(self) -> str:
        return f"{self._url}/v1/videos"

    def _headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self._key}"} if self._key else {}


def _text(value: JsonValue) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _may_be(job: JsonObject, fields: Mapping[str, str]) -> bool:
    """Say whether a listed job may be the one that these fields asked for. vLLM-Omni lists the prompt, SGLang not."""
    told = {name: job[name] for name in ("model", "prompt", "seconds") if job.get(name) is not None}
    return all(fields.get(name, str(value)) == str(value) for name, value in told.items())

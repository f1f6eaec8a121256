"""Talks to a Photoplay server, or to any server of the createTask contract, over HTTP."""

import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, cast

import httpx2

from photoplay.client.events import ServerEvent, read_events

__all__ = ["Client", "ClientError", "Record"]

TIMEOUT_S: Final = 30.0
# The server says something every 15 s, if only that it is there.
STREAM_TIMEOUT_S: Final = 45.0
POLL_S: Final = 1.0
WAIT_S: Final = 20
# A key may ask ten times a second.
PAGE_PAUSE_S: Final = 0.12
FINAL_STATES: Final = frozenset({"success", "fail"})


class ClientError(Exception):
    """The server refused, with its own words, or could not be reached."""

    def __init__(self, code: int | None, message: str) -> None:
        super().__init__(message)
        self.code = code
        """The wire code of the refusal; None when there was no answer in the envelope."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What the server says of a task."""

    task_id: str
    state: str
    """waiting, queuing, generating, success or fail."""
    progress: int
    """0 to 100."""
    stage: str
    """What is being done, finer than the state; empty where the server does not say."""
    queue_position: int | None
    eta_s: int | None
    """Until the end, an estimate; None where it is not known."""
    result_urls: tuple[str, ...]
    failure: str | None
    credits: int
    """What it cost; 0 before success."""
    model: str
    reference: str | None
    """Your own name for it, as given at create."""
    created_at: datetime
    cost_time_s: int | None
    next_poll_s: float

    @property
    def is_final(self) -> bool:
        return self.state in FINAL_STATES


class Client:
    """One server and one key. Use as a context manager.

    Every call raises ClientError when the server refuses or cannot be reached.
    """

    def __init__(self, base_url: str, key: str) -> None:
        """Raises: ClientError if the key cannot be one."""
        if not re.fullmatch(r"[!-~]+", key):
            raise ClientError(None, "the key holds a character that no key has")
        self._http = httpx2.Client(
            base_url=base_url, headers={"Authorization": f"Bearer {key}"}, timeout=TIMEOUT_S, trust_env=False
        )

    @property
    def _place(self) -> str:
        """Where the server is, without what an address may hold of a password."""
        url = self._http.base_url
        return f"{url.scheme}://{url.netloc.decode()}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._http.close()

    def upload(self, path: Path) -> str:
        """Send a local picture and return its link, for use as an input."""
        with path.open("rb") as file:
            data = self.call("POST", "/api/file-stream-upload", files={"file": (path.name, file)})
        return str(data["fileUrl"])

    def create(
        self,
        model: str,
        input: Mapping[str, object],
        *,
        callback_url: str | None = None,
        idempotency_key: str | None = None,
    ) -> str:
        """Create a task of any model and return its id. Each `Path` in the input is uploaded, and its link sent."""
        body: dict[str, object] = {"model": model, "input": self.with_links(input)}
        if callback_url is not None:
            body["callBackUrl"] = callback_url
        headers = {} if idempotency_key is None else {"Idempotency-Key": idempotency_key}
        return str(self.call("POST", "/api/v1/jobs/createTask", json=body, headers=headers)["taskId"])

    def with_links(self, input: Mapping[str, object]) -> dict[str, object]:
        """Upload each `Path` in an input, and return the input with its link instead."""
        return {name: self._sent(value) for name, value in input.items()}

    def _sent(self, value: object) -> object:
        if isinstance(value, list):
            return [self._sent(item) for item in cast("list[object]", value)]
        return self.upload(value) if isinstance(value, Path) else value

    def cancel(self, task_id: str) -> str:
        """End a task, and say what came of it.

        `cancelled`: it has ended; `requested`: it is still being stopped; `too_late`: it had ended by itself.
        """
        return str(self.call("POST", "/api/v1/jobs/cancelTask", json={"taskId": task_id})["outcome"])

    def record(self, task_id: str, *, wait_s: int = 0) -> Record:
        """Return what the server knows of a task: now, or once it has ended, after `wait_s` seconds at the latest."""
        params: dict[str, str | int] = {"taskId": task_id, **({"wait": wait_s} if wait_s else {})}
        return _record(self.call("GET", "/api/v1/jobs/recordInfo", params=params, timeout=TIMEOUT_S + wait_s))

    def wait(self, task_id: str) -> Record:
        """Return the task's record once it has ended, however long that takes."""
        while True:
            asked_at = time.monotonic()
            record = self.record(task_id, wait_s=WAIT_S)
            if record.is_final:
                return record
            # A server that does not know how to wait answers at once.
            time.sleep(max(0, min(record.next_poll_s, asked_at + record.next_poll_s - time.monotonic())))

    def tasks(self, **filters: str | int | None) -> Iterator[Record]:
        """Yield the account's tasks, newest first; filters are those of `GET /api/v1/jobs`, and None is none."""
        params = {name: value for name, value in filters.items() if value is not None}
        while True:
            page = self.call("GET", "/api/v1/jobs", params=params)
            yield from map(_record, page["tasks"])
            if page["nextCursor"] is None:
                return
            params["cursor"] = page["nextCursor"]
            time.sleep(PAGE_PAUSE_S)

    def watch(self, task_id: str) -> Iterator[Record]:
        """Yield the task's record again and again, as often as the server suggests; the last one is final."""
        while True:
            record = self.record(task_id)
            yield record
            if record.is_final:
                return
            time.sleep(record.next_poll_s)

    def download(self, url: str, target: Path) -> int:
        """Save a result and return its size in bytes. The file appears whole or not at all."""
        # Where it is a link, what it leads to.
        target = target.resolve()
        if target.exists() and not target.is_file():
            raise ClientError(None, f"{target} is there, and no file that can be replaced")
        part = target.with_name(target.name + ".part")
        try:
            # Without the key: a result may lie on another host, and its link is enough.
            with httpx2.stream("GET", url, timeout=TIMEOUT_S, trust_env=False) as answer, part.open("wb") as out:
                if answer.status_code != HTTPStatus.OK:
                    raise ClientError(None, f"the clip cannot be downloaded: HTTP {answer.status_code}")
                for chunk in answer.iter_bytes():
                    out.write(chunk)
            return part.replace(target).stat().st_size
        except httpx2.HTTPError as exc:
            raise ClientError(None, f"the download broke off: {exc}") from exc
        except OSError as exc:
            raise ClientError(None, f"{target} cannot be written: {exc.strerror}") from exc
        finally:
            part.unlink(missing_ok=True)

    def events(self, path: str, *, last_id: str | None) -> Iterator[ServerEvent]:
        """Yield what a stream of the server tells, after the event of this id, until the connection ends."""
        headers = {} if last_id is None else {"Last-Event-ID": last_id}
        try:
            with self._http.stream("GET", path, headers=headers, timeout=STREAM_TIMEOUT_S) as answer:
                if answer.headers.get("content-type", "").startswith("application/json"):
                    answer.read()
                    refusal = answer.json()
                    raise ClientError(refusal["code"], refusal["msg"])
                if answer.status_code != HTTPStatus.OK:
                    raise ClientError(None, f"HTTP {answer.status_code}, and not from a createTask server")
                yield from read_events(answer.iter_lines())
        except httpx2.HTTPError as exc:
            raise ClientError(None, f"{self._place} does not answer: {exc}") from exc

    def call(self, method: str, path: str, **options: Any) -> dict[str, Any]:  # noqa: ANN401 - httpx2's own options
        """Call any path of the API, and return its `data`."""
        try:
            answer = self._http.request(method, path, **options)
        except httpx2.HTTPError as exc:
            raise ClientError(None, f"{self._place} does not answer: {exc}") from exc
        try:
            body = cast("dict[str, Any]", answer.json())
            code, message = int(body["code"]), str(body.get("msg") or body.get("message"))
        except (ValueError, KeyError, TypeError) as exc:
            raise ClientError(None, f"HTTP {answer.status_code}, and not from a createTask server") from exc
        if code != HTTPStatus.OK:
            raise ClientError(code, message)
        return body["data"]


def _record(data: Mapping[str, Any]) -> Record:
    result: dict[str, Any] = json.loads(data["resultJson"]) if data["resultJson"] else {}
    return Record(
        task_id=data["taskId"],
        state=data["state"],
        stage=data.get("stage") or "",
        progress=data.get("progress") or 0,
        queue_position=data.get("queuePosition"),
        eta_s=data.get("etaSeconds"),
        result_urls=tuple(result.get("resultUrls", ())),
        failure=data["failMsg"],
        credits=data.get("consumeCredits") or 0,
        model=data["model"],
        reference=data.get("clientReference"),
        created_at=datetime.fromtimestamp(data["createTime"] / 1000, UTC),
        cost_time_s=data["costTime"],
        next_poll_s=(data.get("nextPollMs") or POLL_S * 1000) / 1000,
    )

"""Talks to a Photoplay server, or to any server of the createTask contract, over HTTP."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, cast

import httpx2

__all__ = ["Client", "ClientError", "Record"]

TIMEOUT_S: Final = 30.0
POLL_S: Final = 1.0
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
    queue_position: int | None
    result_urls: tuple[str, ...]
    failure: str | None
    credits: int
    """What it cost; 0 before success."""
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
        self._http = httpx2.Client(
            base_url=base_url, headers={"Authorization": f"Bearer {key}"}, timeout=TIMEOUT_S, trust_env=False
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._http.close()

    def upload(self, path: Path) -> str:
        """Send a local picture and return its link, for use as an input."""
        with path.open("rb") as file:
            data = self._call("POST", "/api/file-stream-upload", files={"file": (path.name, file)})
        return str(data["fileUrl"])

    def create(
        self,
        model: str,
        input: Mapping[str, object],
        *,
        callback_url: str | None = None,
        idempotency_key: str | None = None,
    ) -> str:
        """Create a task and return its id."""
        body: dict[str, object] = {"model": model, "input": input}
        if callback_url is not None:
            body["callBackUrl"] = callback_url
        headers = {} if idempotency_key is None else {"Idempotency-Key": idempotency_key}
        return str(self._call("POST", "/api/v1/jobs/createTask", json=body, headers=headers)["taskId"])

    def cancel(self, task_id: str) -> str:
        """Ask for the end of a task: `cancelled`, `requested` (its engine is being stopped) or `too_late`."""
        return str(self._call("POST", "/api/v1/jobs/cancelTask", json={"taskId": task_id})["outcome"])

    def record(self, task_id: str) -> Record:
        """Return what the server knows of a task."""
        data = self._call("GET", "/api/v1/jobs/recordInfo", params={"taskId": task_id})
        result: dict[str, Any] = json.loads(data["resultJson"]) if data["resultJson"] else {}
        return Record(
            task_id=task_id,
            state=data["state"],
            progress=data.get("progress") or 0,
            queue_position=data.get("queuePosition"),
            result_urls=tuple(result.get("resultUrls", ())),
            failure=data["failMsg"],
            credits=data.get("consumeCredits") or 0,
            cost_time_s=data["costTime"],
            next_poll_s=(data.get("nextPollMs") or POLL_S * 1000) / 1000,
        )

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
        finally:
            part.unlink(missing_ok=True)

    def _call(self, method: str, path: str, **options: Any) -> dict[str, Any]:  # noqa: ANN401 - httpx2's own options
        try:
            answer = self._http.request(method, path, **options)
        except httpx2.HTTPError as exc:
            raise ClientError(None, f"the server does not answer: {exc}") from exc
        try:
            body = cast("dict[str, Any]", answer.json())
            code, message = int(body["code"]), str(body.get("msg") or body.get("message"))
        except (ValueError, KeyError, TypeError) as exc:
            raise ClientError(None, f"HTTP {answer.status_code}, and not from a createTask server") from exc
        if code != HTTPStatus.OK:
            raise ClientError(code, message)
        return body["data"]

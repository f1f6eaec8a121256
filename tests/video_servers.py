"""Other servers that make clips, on real sockets and in threads of their own: they answer as the real ones do, traps
included, and keep count of what they were asked for.
"""

import json
import re
import socket
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import parse_qs, urlsplit

from wsproto.connection import Connection, ConnectionType
from wsproto.events import Event, Ping, TextMessage

from hosts import upgraded
from photoplay.engines.engine import Order
from photoplay.engines.sandbox import SandboxEngine


def make_clip(folder: Path, *, seconds: int = 0) -> Path:
    """Make a small MP4 that is a real one."""
    sandbox = SandboxEngine()
    sandbox.warm()
    output = folder / "theirs.mp4"
    order = Order(still=None, prompt="", resolution="", duration_s=seconds, seed=3, output=output)
    return sandbox.run(order, lambda _: None).path


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        return json.loads(self.body)

    def form(self) -> dict[str, bytes]:
        """Return the parts of a multipart form, read by the standard library's mail parser."""
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        message = BytesParser().parsebytes(head + self.body)
        parts = [part for part in message.walk() if part.get_param("name", header="content-disposition")]
        return {
            str(part.get_param("name", header="content-disposition")): bytes(part.get_payload(decode=True))  # pyright: ignore[reportArgumentType] - of a leaf it is bytes
            for part in parts
        }


Trip: TypeAlias = int | tuple[int, Any]
"""A status, or one and a body. 0 does what was asked and hangs up; -1 does nothing, and never answers."""


@dataclass
class FarServer:
    """A server that makes one kind of clip, and does as a test says."""

    clip: Path
    asked: list[Asked] = field(default_factory=list[Asked])
    trips: dict[tuple[str, str], list[Trip]] = field(default_factory=dict[tuple[str, str], list[Trip]])
    """By method and a pattern of the path: what to answer before the right answer."""
    is_over: threading.Event = field(default_factory=threading.Event)
    """Set: the jobs here end."""
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    """By name: what runs, and what has ended without being called off."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    place: str = ""

    @property
    def url(self) -> str:
        return f"http://{self.place}"

    def count(self, method: str, pattern: str) -> int:
        return sum(asked.method == method and bool(re.fullmatch(pattern, asked.path)) for asked in self.asked)

    def respond(self, asked: Asked) -> tuple[int, Any]:
        """Return a status, and a JSON value or a file."""
        raise NotImplementedError

    def answer(self, asked: Asked, client: socket.socket) -> tuple[int, Any]:  # noqa: ARG002 - for who must know whether it hung up
        """Respond, to one at a time; status 0 hangs up."""
        with self.lock:
            return self.respond(asked)

    def spoil(self) -> None:
        """Let the clips here be no clips."""
        self.clip = self.clip.with_name("spoilt.mp4")
        self.clip.write_bytes(b"no clip")

    def talk(self, asked: Asked, wire: "Wire") -> None:
        """Speak on a WebSocket."""
        raise NotImplementedError

    def trip(self, asked: Asked) -> Trip | None:
        for (method, pattern), statuses in self.trips.items():
            if method == asked.method and re.fullmatch(pattern, asked.path) and statuses:
                return statuses.pop(0)
        return None

    @contextmanager
    def running(self) -> Generator[None]:
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        server.daemon_threads = True
        server.block_on_close = False
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        self.place = f"127.0.0.1:{server.server_port}"
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


class Wire:
    """The server's end of a WebSocket."""

    def __init__(self, reader: BufferedIOBase, writer: BufferedIOBase) -> None:
        self._reader = reader
        self._writer = writer
        self._connection = Connection(ConnectionType.SERVER)

    def say(self, event: Event) -> None:
        """Say it to whoever still listens, and hear the answer to a ping: all before it has arrived by then."""
        with suppress(ConnectionError):
            self._writer.write(self._connection.send(event))
            if isinstance(event, Ping):
                self.hear_out(until=event.response())

    def hear_out(self, *, until: Event | None = None) -> None:
        """Listen, until the client hangs up or says that."""
        with suppress(ConnectionError):
            while data := self._reader.read1(65536):
                self._connection.receive_data(data)
                if until in list(self._connection.events()):
                    return


def _handler(far: FarServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            asked = Asked(
                method=self.command, path=self.path, headers=dict(self.headers.items()), body=self.rfile.read(length)
            )
            with far.lock:
                far.asked.append(asked)
                trip = far.trip(asked)
                upgrades = trip is None and "Sec-WebSocket-Key" in asked.headers
            status, body = trip if isinstance(trip, tuple) else (trip or 101, {"detail": "not now"})
            if not upgrades and not trip:
                status, body = far.answer(asked, self.connection)
            if trip == -1:
                self.rfile.read()
            elif upgrades:
                self.wfile.write(upgraded(b"Sec-WebSocket-Key: " + asked.headers["Sec-WebSocket-Key"].encode()))
                far.talk(asked, Wire(self.rfile, self.wfile))
            elif trip != 0 and status != 0:
                self.say(status, body)

        def say(self, status: int, body: Any) -> None:
            content = body.read_bytes() if isinstance(body, Path) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "video/mp4" if isinstance(body, Path) else "application/json")
            self.send_header("Content-Length", str(len(content)))
            if status in {429, 503}:
                self.send_header("Retry-After", "1")
            self.end_headers()
            self.wfile.write(content)

        def do_GET(self) -> None:
            self.answer()

        def do_POST(self) -> None:
            self.answer()

        def do_PUT(self) -> None:
            self.answer()

        def do_DELETE(self) -> None:
            self.answer()

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler


@dataclass
class VideosServer(FarServer):
    """The `/v1/videos` convention.

    Source: video_api.py of sglang 0.5.23; api_server.py of vllm-omni 0.30.0.
    """

    dialect: str = "sglang"
    serves: str = "wan/2-2-image-to-video"
    failure: dict[str, Any] | None = None
    """How the jobs here end, unless well."""
    is_stubborn: bool = False
    """A DELETE does not end a job in time."""

    def respond(self, asked: Asked) -> tuple[int, Any]:
        path, _, query = asked.path.partition("?")
        if path == "/v1/models":
            return 200, {"object": "list", "data": [{"id": self.serves, "object": "model"}]}
        if path == "/v1/videos":
            return self.create(asked.form()) if asked.method == "POST" else self.list(query)
        _, _, _, job_id, *rest = path.split("/")
        job = self.jobs.get(job_id)
        if job is None:
            return 404, {"detail": "Video not found"}
        self.age(job)
        if rest == ["content"]:
            done = job["status"] == "completed"
            return (200, self.clip) if done else (404, {"detail": "Generation is still in-progress"})
        if asked.method == "DELETE":
            return self.delete(job)
        # vLLM-Omni: the failure's own status, with the job as the body.
        failed = job["status"] == "failed" and self.dialect == "vllm-omni"
        return (job["error"]["code"] if failed else 200), job

    def create(self, form: dict[str, bytes]) -> tuple[int, Any]:
        if not form.get("prompt"):
            return 400, {"detail": "prompt is required"}
        job: dict[str, Any] = {
            "id": f"video_gen_{len(self.jobs)}",
            "object": "video",
            "model": form["model"].decode(),
            "status": "queued",
            "progress": 0,
            "seconds": form.get("seconds", b"4").decode(),
        }
        if self.dialect == "vllm-omni":
            job["prompt"] = form["prompt"].decode()
        self.jobs[job["id"]] = job
        return 200, job

    def list(self, query: str) -> tuple[int, Any]:
        jobs = list(reversed(self.jobs.values()))
        after = re.search(r"after=([^&]*)", query)
        if after:
            jobs = jobs[[job["id"] for job in jobs].index(after[1]) + 1 :]
        return 200, {"object": "list", "data": jobs[:2], "has_more": len(jobs) > 2}

    def age(self, job: dict[str, Any]) -> None:
        if job["status"] == "queued":
            job["status"] = "in_progress"
        elif job["status"] == "in_progress" and self.is_over.is_set():
            job |= {"status": "failed", "error": self.failure} if self.failure else {"status": "completed"}
        elif job["status"] == "in_progress":
            job["progress"] = 40

    def delete(self, job: dict[str, Any]) -> tuple[int, Any]:
        if self.dialect == "vllm-omni" and self.is_stubborn:
            return 409, {"detail": "Cancellation in progress. Please try again later."}
        # SGLang forgets the record, and the job runs on.
        del self.jobs[job["id"]]
        return 200, {"id": job["id"], "deleted": True}


Step: TypeAlias = Event | Callable[[], object] | None
"""Something to say, or to do; None hangs up without a goodbye."""


def comfy_message(type: str, **data: object) -> TextMessage:
    return TextMessage(json.dumps({"type": type, "data": data}))


@dataclass
class ComfyServer(FarServer):
    """ComfyUI, as version 0.3.64 answered. A job is its graph and its state, `waits`, `runs`, `over` or `broken`."""

    pictures: dict[str, bytes] = field(default_factory=dict[str, bytes])
    refusal: dict[str, Any] | None = None
    """What is wrong with every graph."""
    ends_as: str = "over"
    says: list[Sequence[Step]] = field(default_factory=list[Sequence[Step]])
    """On each WebSocket in turn."""

    def respond(self, asked: Asked) -> tuple[int, Any]:
        path, _, _ = asked.path.partition("?")
        for job in self.jobs.values():
            if job["state"] == "runs" and self.is_over.is_set():
                job["state"] = self.ends_as
        match asked.method, path:
            case "POST", "/upload/image":
                form = asked.form()
                self.pictures[form["subfolder"].decode()] = form["image"]
                return 200, {"name": "x.png", "subfolder": form["subfolder"].decode(), "type": "input"}
            case "POST", "/prompt":
                return self.create(asked.json())
            case "POST", "/queue":
                for name in asked.json()["delete"]:
                    if self.jobs.get(name, {}).get("state") == "waits":
                        del self.jobs[name]
                return 200, {}
            case "POST", "/interrupt":
                return 200, {}
            case "GET", "/queue":
                return 200, {"queue_running": self.entries("runs"), "queue_pending": self.entries("waits")}
            case "GET", "/view":
                return 200, self.clip
            case _:
                return 200, self.history(path.rpartition("/")[2])

    def talk(self, asked: Asked, wire: Wire) -> None:
        _, _, client = asked.path.partition("/ws?clientId=")
        waiting = {"exec_info": {"queue_remaining": len(self.jobs)}}
        wire.say(comfy_message("status", status=waiting, sid=client))
        steps: Sequence[Step] = self.says.pop(0) if self.says else ()
        for step in steps:
            if step is None:
                return
            if isinstance(step, Event):
                wire.say(step)
            else:
                step()
        wire.hear_out()

    def create(self, asked: dict[str, Any]) -> tuple[int, Any]:
        if self.refusal is not None:
            error = {"type": "prompt_outputs_failed_validation", "message": "Prompt outputs failed validation"}
            return 400, {"error": error, "node_errors": self.refusal}
        is_busy = any(job["state"] == "runs" for job in self.jobs.values())
        self.jobs[asked["prompt_id"]] = {"graph": asked["prompt"], "state": "waits" if is_busy else "runs"}
        return 200, {"prompt_id": asked["prompt_id"], "number": len(self.jobs), "node_errors": {}}

    def entries(self, state: str) -> list[list[Any]]:
        return [[0, name, job["graph"], {}, []] for name, job in self.jobs.items() if job["state"] == state]

    def history(self, name: str) -> dict[str, Any]:
        job = self.jobs.get(name)
        if job is None or job["state"] in {"waits", "runs"}:
            return {}
        if job["state"] == "broken":
            said = {"node_id": "3", "exception_message": "the picture is too small", "exception_type": "OOM"}
            return {name: {"outputs": {}, "status": {"status_str": "error", "messages": [["execution_error", said]]}}}
        saved = {"filename": "clip_00001_.mp4", "subfolder": "photoplay", "type": "output"}
        preview = {"filename": "a.mp4", "subfolder": "", "type": "temp"}
        outputs = {"8": {"images": [preview]}, "9": {"images": [saved], "animated": [True]}}
        return {name: {"outputs": outputs, "status": {"status_str": "success", "completed": True, "messages": []}}}


@dataclass
class ArkServer(FarServer):
    """The maker's API, as BytePlus documents it."""

    state: str = "running"
    """Of a task that is not over yet."""
    failure: dict[str, Any] | None = None
    """How the tasks here end, unless well."""
    told: frozenset[str] = frozenset({"seed", "execution_expires_after"})
    """What of an order is told again."""

    def respond(self, asked: Asked) -> tuple[int, Any]:
        path, _, _ = asked.path.partition("?")
        task_id = path.removeprefix("/api/v3/contents/generations/tasks").removeprefix("/")
        if path == "/clip.mp4":
            return 200, self.clip
        if asked.method == "POST":
            return self.create(asked.json())
        if not task_id:
            asked_for = {name: int(values[0]) for name, values in parse_qs(urlsplit(asked.path).query).items()}
            end = asked_for["page_num"] * asked_for["page_size"]
            newest = [self.seen(task) for task in reversed(self.jobs.values())]
            return 200, {"items": newest[end - asked_for["page_size"] : end], "total": len(self.jobs)}
        if task_id not in self.jobs:
            return 404, {"error": {"code": "ResourceNotFound", "message": "the task is not found", "type": "NotFound"}}
        if asked.method == "DELETE":
            if self.state == "running":
                return 409, {"error": {"code": "InvalidAction", "message": "a running task cannot be deleted"}}
            del self.jobs[task_id]
            return 200, {}
        return 200, self.seen(self.jobs[task_id])

    def create(self, order: dict[str, Any]) -> tuple[int, Any]:
        if "forbidden" in order["content"][0]["text"]:
            error = {
                "code": "InputTextSensitiveContentDetected",
                "message": "the text is refused",
                "type": "BadRequest",
            }
            return 400, {"error": error}
        task_id = f"cgt-{len(self.jobs)}"
        told = {name: value for name, value in order.items() if name in self.told}
        self.jobs[task_id] = {"id": task_id, "model": order["model"], **told}
        return 200, {"id": task_id}

    def seen(self, task: dict[str, Any]) -> dict[str, Any]:
        if not self.is_over.is_set():
            return {**task, "status": self.state}
        if self.failure is not None:
            return {**task, "status": "failed", "error": self.failure}
        done = {"content": {"video_url": f"{self.url}/clip.mp4?signed=1"}, "usage": {"completion_tokens": 49140}}
        return {**task, "status": "succeeded", **done}


@dataclass
class KieServer(FarServer):
    """The public createTask service, as it is documented: it keeps no names of ours, and ends nothing."""

    failure: dict[str, Any] | None = None
    """How the tasks here end, unless well."""

    def respond(self, asked: Asked) -> tuple[int, Any]:
        path, _, query = asked.path.partition("?")
        match path.removeprefix("/api/"):
            case "v1/chat/credit":
                return 200, {"code": 200, "msg": "success", "data": 100}
            case "file-base64-upload":
                return 200, {"code": 200, "msg": "success", "data": {"downloadUrl": f"{self.url}/still.png"}}
            case "v1/jobs/createTask":
                name = f"task-{len(self.jobs)}"
                self.jobs[name] = asked.json()
                return 200, {"code": 200, "msg": "success", "data": {"taskId": name}}
            case "v1/jobs/recordInfo":
                return 200, {"code": 200, "msg": "success", "data": self.seen(query.removeprefix("taskId="))}
            case "/clip.mp4":
                return 200, self.clip
            case _:
                return 404, {"timestamp": "now", "status": 404, "error": "Not Found"}

    def seen(self, name: str) -> dict[str, Any]:
        if not self.is_over.is_set():
            return {"taskId": name, "state": "generating", "progress": 40}
        if self.failure is not None:
            return {"taskId": name, "state": "fail", **self.failure}
        links = json.dumps({"resultUrls": [f"{self.url}/clip.mp4"]})
        return {"taskId": name, "state": "success", "resultJson": links, "consumeCredits": 16}

"""Real HTTP servers on loopback: one that serves a photo, one that receives callbacks."""

import queue
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Received:
    headers: Mapping[str, str]
    body: bytes


@contextmanager
def _running(handler: type[BaseHTTPRequestHandler]) -> Generator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def photo_server(photo: Path, *, mime_type: str = "image/jpeg") -> Generator[str]:
    """Serve one file at any path, and yield `host:port`."""
    content = photo.read_bytes()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", mime_type)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with _running(Handler) as server:
        yield f"127.0.0.1:{server.server_port}"


@contextmanager
def callback_receiver(*statuses: int) -> Generator[tuple[str, "queue.Queue[Received]"]]:
    """Answer with these statuses in turn, the last one for ever; yield `host:port` and what arrives."""
    received: queue.Queue[Received] = queue.Queue()
    answers = list(statuses or (200,))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.put(Received(headers=dict(self.headers.items()), body=body))
            self.send_response(answers.pop(0) if len(answers) > 1 else answers[0])
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with _running(Handler) as server:
        yield f"127.0.0.1:{server.server_port}", received

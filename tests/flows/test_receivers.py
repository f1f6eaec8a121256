"""Every kind of receiver on a real socket, through the worker's own loop: attempts, gaps, bytes, stamps, signatures."""

import asyncio
import base64
import hashlib
import hmac
import ssl
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from callback_hosts import BROKEN, GONE, OK, Arrival, read_request
from flows import test_egress_client
from flows.test_egress_client import Respond, for_ever, listener, resets, says, then_hangs
from photoplay.callbacks import verify
from photoplay.domain.outcomes import Stopped
from photoplay.egress import Deadlines, Egress, HostPort
from photoplay.egress.limits import DEADLINES
from photoplay.flows.parts import ApiParts, WorkerParts
from photoplay.flows.settle import settle
from photoplay.flows.submit import submit
from photoplay.store.accounts import Caller
from photoplay.store.database import Database
from photoplay.worker.deliveries import deliver_callbacks
from scenes import begin, rows, submission, value

certificate = test_egress_client.certificate

STEP = timedelta(seconds=0.2)
SCHEDULE = (timedelta(), STEP, STEP)
# For those who never answer.
BRIEF = Deadlines(post_s=1)
# What a busy machine may take to write a row.
SLACK = timedelta(seconds=20)
BUSY = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"
MOVED = b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere.example/\r\nContent-Length: 0\r\n\r\n"
HUGE = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"


async def drips(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A status line that never gets done, byte by byte."""
    writer.write(b"HTTP/1.1 200 O")
    while True:
        writer.write(b"K")
        await writer.drain()
        await asyncio.sleep(0.05)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """How a receiver behaves, request by request, and what has to come of it."""

    behaves: Sequence[Respond]
    statuses: Sequence[int | None]
    state: str
    error: str = ""
    deadlines: Deadlines = DEADLINES


CASES = {
    "ok": Case(behaves=[says(OK)], statuses=[200], state="delivered"),
    "500 twice, then ok": Case(
        behaves=[says(BROKEN), says(BROKEN), says(OK)], statuses=[500, 500, 200], state="delivered"
    ),
    "500 for ever": Case(behaves=[says(BROKEN)], statuses=[500] * 3, state="exhausted"),
    "hang": Case(behaves=[then_hangs()], statuses=[None] * 3, state="exhausted", error="within 1 s", deadlines=BRIEF),
    "drip": Case(behaves=[drips], statuses=[None] * 3, state="exhausted", error="within 1 s", deadlines=BRIEF),
    "redirect": Case(
        behaves=[says(MOVED)], statuses=[302] * 3, state="exhausted", error="it leads to http://elsewhere.example/"
    ),
    "huge body": Case(behaves=[for_ever(HUGE, b"x" * 8192)], statuses=[200], state="delivered"),
    "reset": Case(behaves=[resets(b"")], statuses=[None] * 3, state="exhausted", error="broke off"),
    "410": Case(behaves=[says(GONE)], statuses=[410], state="gone"),
    "429, then ok": Case(behaves=[says(BUSY), says(OK)], statuses=[429, 200], state="delivered"),
}


@dataclass(slots=True)
class Host:
    url: str
    egress: Egress
    arrivals: list[Arrival] = field(default_factory=list[Arrival])


@asynccontextmanager
async def host(behaves: Sequence[Respond], *, deadlines: Deadlines = DEADLINES) -> AsyncGenerator[Host]:
    left = list(behaves)
    arrivals: list[Arrival] = []

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrivals.append(await read_request(reader))
        await (left.pop(0) if len(left) > 1 else left[0])(reader, writer)

    async with listener(hear) as place, Egress(allow=frozenset({place}), deadlines=deadlines) as egress:
        yield Host(url=f"http://{place}/hook", egress=egress, arrivals=arrivals)


async def tell(here: Host, parts: ApiParts, worker: WorkerParts, caller: Caller) -> str:
    """End a task whose callback goes to the host, deliver until that is concluded, and return the task's id."""
    asked = submission(callback_url=here.url, image_url=f"{parts.files_url}token/upload.png")
    task_id = await submit(asked, caller=caller, parts=replace(parts, egress=here.egress))
    worker = replace(worker, egress=here.egress, callback_schedule=SCHEDULE)
    await settle(await begin(task_id, db=worker.db), Stopped(), parts=worker)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(deliver_callbacks(worker, stop=stop))
        while await value(worker.db, "select state from callbacks") == "pending":  # noqa: ASYNC110 - only the row says so
            await asyncio.sleep(0.02)
        stop.set()
    return task_id.hex


async def log_of(db: Database) -> list[tuple[Any, ...]]:
    return await rows(
        db, "select status, error, started_at, duration_ms, next_at, answer_bytes from deliveries order by attempt"
    )


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
async def test_each_receiver_gets_its_attempts_and_its_log(
    case: Case, parts: ApiParts, worker: WorkerParts, caller: Caller
) -> None:
    async with host(case.behaves, deadlines=case.deadlines) as here:
        task_id = await tell(here, parts, worker, caller)

    logged = await log_of(worker.db)
    assert [status for status, *_ in logged] == case.statuses
    assert await value(worker.db, "select state from callbacks") == case.state
    assert all(case.error in (error or "") for _, error, *_ in logged)
    assert len(here.arrivals) == len(case.statuses)
    secret = str(await value(worker.db, "select callback_secret from accounts"))
    assert_same_and_signed(here.arrivals, secret=secret, task_id=task_id)
    assert_spaced(logged)


def assert_same_and_signed(arrivals: Sequence[Arrival], *, secret: str, task_id: str) -> None:
    """The same id and bytes on every attempt; both families of signatures are valid."""
    assert len({(arrival.headers["webhook-id"], arrival.body) for arrival in arrivals}) == 1
    for arrival in arrivals:
        Webhook(secret).verify(arrival.body, arrival.headers)
        assert verify(arrival.headers, arrival.body, secret)["taskId"] == task_id
        stamp = arrival.headers["x-webhook-timestamp"]
        mac = hmac.digest(secret.encode(), f"{task_id}.{stamp}".encode(), hashlib.sha256)
        assert arrival.headers["x-webhook-signature"] == base64.b64encode(mac).decode()


def assert_spaced(logged: Sequence[tuple[Any, ...]]) -> None:
    """Every next attempt is planned within the jitter of its step, or when the receiver asked for it, and not early."""
    for (status, _, started_at, duration_ms, next_at, _), following in pairwise(logged):
        ended_at: datetime = started_at + timedelta(milliseconds=duration_ms)
        step = timedelta(seconds=1) if status == 429 else STEP
        assert step <= next_at - started_at
        assert next_at - ended_at <= step * 1.2 + SLACK
        assert following[2] >= next_at
    assert logged[-1][4] is None


async def test_every_attempt_is_stamped_anew(parts: ApiParts, worker: WorkerParts, caller: Caller) -> None:
    async with host([says(BUSY), says(OK)]) as here:
        await tell(here, parts, worker, caller)

    first, second = (int(arrival.headers["webhook-timestamp"]) for arrival in here.arrivals)
    assert second > first, "a second lies between them"


async def test_of_a_huge_answer_little_is_read(parts: ApiParts, worker: WorkerParts, caller: Caller) -> None:
    async with host(CASES["huge body"].behaves) as here:
        await tell(here, parts, worker, caller)

    ((*_, answer_bytes),) = await log_of(worker.db)
    assert 64 * 1024 <= answer_bytes <= 256 * 1024
    assert await value(worker.db, "select length(answer_head) from deliveries") == 1024


async def test_a_certificate_for_another_name_is_refused(
    certificate: Path,
    parts: ApiParts,
    worker: WorkerParts,
    caller: Caller,
) -> None:
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(certificate)
    ours = ssl.create_default_context(cafile=certificate.with_suffix(".crt"))

    async def loopback(_host: str, _port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    async with listener(says(OK), tls=theirs) as place:
        allow = frozenset({HostPort(host="wrong.example", port=place.port)})
        async with Egress(allow=allow, resolve=loopback, tls=ours) as egress:
            await tell(Host(url=f"https://wrong.example:{place.port}/", egress=egress), parts, worker, caller)

    logged = await log_of(worker.db)
    assert [status for status, *_ in logged] == [None] * 3
    assert all("the TLS certificate is not valid for this host" in error for _, error, *_ in logged)


async def test_a_receiver_that_nobody_runs_refuses(parts: ApiParts, worker: WorkerParts, caller: Caller) -> None:
    async with host([says(OK)]) as here:
        pass
    async with Egress(allow=here.egress._allow) as egress:  # pyright: ignore[reportPrivateUsage]
        await tell(Host(url=here.url, egress=egress), parts, worker, caller)

    assert all("the connection was refused" in error for _, error, *_ in await log_of(worker.db))

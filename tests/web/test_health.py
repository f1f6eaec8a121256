"""What an operator's tools ask for: alive, ready, and how much is under way."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from math import inf
from pathlib import Path

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from photoplay.domain.keys import Kind, make_key
from photoplay.files.room import DiskRoom
from photoplay.flows.parts import ApiParts, WorkerParts
from photoplay.flows.recognize import open_callers
from photoplay.flows.submit import submit
from photoplay.store.accounts import Caller
from photoplay.store.database import Database
from photoplay.store.embedded import EmbeddedPostgres
from scenes import CREATE, HOOK_URL, begin, open_api, request, rows, submission, succeed


@pytest.fixture
async def gone(cluster_dir: Path) -> AsyncGenerator[Database]:
    """A database that answered once, and whose server has stopped since."""
    server = EmbeddedPostgres(cluster_dir)
    await server.start()
    async with Database(server.url) as database:
        await server.stop()
        yield database


async def read_metrics(api: httpx2.AsyncClient) -> dict[str, float]:
    answer = await api.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    samples = [sample for family in text_string_to_metric_families(answer.text) for sample in family.samples]
    return {" ".join([sample.name, *sample.labels.values()]): sample.value for sample in samples}


async def test_a_living_server_says_ok_without_a_key(parts: ApiParts) -> None:
    async with open_api(parts, None) as stranger:
        answer = await stranger.get("/healthz")

    assert (answer.status_code, answer.text) == (200, "ok\n")


async def test_a_server_with_its_database_is_ready(parts: ApiParts) -> None:
    async with open_api(parts, None) as stranger:
        answer = await stranger.get("/readyz")

    assert (answer.status_code, answer.text) == (200, "ready\n")


async def test_without_its_database_a_server_lives_but_is_not_ready(parts: ApiParts, gone: Database) -> None:
    key = make_key(bytes(20), Kind.LIVE)
    async with open_callers(gone) as callers, open_api(replace(parts, db=gone, callers=callers), key) as api:
        alive = await api.get("/healthz")
        ready = [await api.get("/readyz") for _ in range(2)]
        created = await api.post(CREATE, json=request())

    assert alive.status_code == 200
    assert [(a.status_code, a.text) for a in ready] == [(503, "the database does not answer\n")] * 2
    assert (created.status_code, created.json()["code"]) == (500, 500)
    assert created.json()["msg"].startswith("The database cannot be reached right now")


async def test_with_a_full_disk_a_server_is_not_ready(parts: ApiParts, key: str, tmp_path: Path) -> None:
    full = replace(parts, room=DiskRoom(tmp_path, free_bytes_min=2**62))
    async with open_api(full, key) as api:
        ready = await api.get("/readyz")
        created = await api.post(CREATE, json=request())

    assert (ready.status_code, ready.text) == (503, "draining: the disk is nearly full\n")
    assert created.json()["code"] == 455


async def test_the_metrics_of_an_idle_server_are_all_there(api: httpx2.AsyncClient) -> None:
    assert await read_metrics(api) == {
        "photoplay_tasks_unfinished waiting": 0,
        "photoplay_tasks_unfinished claimed": 0,
        "photoplay_tasks_unfinished generating": 0,
        "photoplay_callbacks_pending": 0,
        "photoplay_oldest_waiting_seconds": 0,
        "photoplay_engine_breakers_open camera": 0,
        "photoplay_ledger_differences": 0,
        "photoplay_ledger_check_age_seconds": inf,
    }


async def test_the_metrics_count_what_is_under_way(
    api: httpx2.AsyncClient, parts: ApiParts, worker: WorkerParts, caller: Caller
) -> None:
    ids = [await submit(submission(callback_url=HOOK_URL), caller=caller, parts=parts) for _ in range(4)]
    await succeed(ids[0], parts=worker)
    await begin(ids[1], db=parts.db)
    await rows(parts.db, "update tasks set created_at = now() - interval '90 s' where id = $1", ids[2])

    metrics = await read_metrics(api)

    assert metrics["photoplay_tasks_unfinished waiting"] == 2
    assert metrics["photoplay_tasks_unfinished generating"] == 1
    assert metrics["photoplay_callbacks_pending"] == 1
    assert metrics["photoplay_oldest_waiting_seconds"] == pytest.approx(90, abs=5)

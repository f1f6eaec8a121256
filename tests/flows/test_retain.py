"""What is kept no longer goes; what should not be there, or should, is found."""

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from photoplay import clock
from photoplay.domain.errors import DiskFull, InvalidInput, StoreUnavailable
from photoplay.domain.tasks import TaskId
from photoplay.files.room import DiskRoom
from photoplay.files.store import FileStore
from photoplay.flows.parts import ApiParts, WorkerParts
from photoplay.flows.retain import (
    Findings,
    clear_leftovers,
    compare_files,
    forget_old_records,
    forget_receivers,
    remove_expired,
)
from photoplay.flows.submit import submit
from photoplay.flows.upload import keep_bytes, share
from photoplay.store import files
from photoplay.store.accounts import Caller
from photoplay.store.database import Database
from scenes import HOOK_URL, announce_clip, balances, footprint, rows, submission, succeed, value
from web.test_uploads import picture

OLD_S = clock.now().timestamp() - 2 * 86400
RECORDS = ("tasks", "callbacks", "deliveries")


@pytest.fixture
async def ended(parts: ApiParts, caller: Caller, worker: WorkerParts) -> TaskId:
    """A task that ended well 61 days ago, and told so."""
    task_id = await submit(submission(callback_url=HOOK_URL), caller=caller, parts=parts)
    await succeed(task_id, parts=worker)
    await age(parts.db)
    await rows(parts.db, "update callbacks set state = 'delivered', concluded_at = now()")
    await rows(
        parts.db,
        "insert into deliveries (callback_id, attempt, started_at, duration_ms, answer_head)"
        " select id, 1, now(), 5, '' from callbacks",
    )
    return task_id


async def receivers(db: Database) -> int:
    return await value(db, "select count(*) from receivers")


async def age(db: Database) -> None:
    await rows(db, "update tasks set finished_at = now() - interval '61 d' where finished_at is not null")


async def counts(db: Database) -> list[int]:
    return [await value(db, f"select count(*) from {table}") for table in RECORDS]


@pytest.mark.usefixtures("ended")
async def test_an_old_record_goes_with_all_that_belongs_to_it(worker: WorkerParts, db: Database) -> None:
    before = await counts(db)

    await forget_old_records(worker)

    assert before == [1, 1, 1]
    assert await counts(db) == [0, 0, 0]


@pytest.mark.usefixtures("ended")
async def test_a_receiver_goes_with_the_last_callback_that_is_kept_of_it(worker: WorkerParts, db: Database) -> None:
    await forget_receivers(worker)
    assert await receivers(db) == 1

    await rows(db, "update receivers set next_at = null")
    await forget_receivers(worker)
    assert await receivers(db) == 1

    await forget_old_records(worker)
    await forget_receivers(worker)
    assert await receivers(db) == 0


@pytest.mark.usefixtures("ended")
async def test_the_ledger_stays(worker: WorkerParts, db: Database) -> None:
    postings, before = await rows(db, "select * from postings order by id"), await balances(db)

    await forget_old_records(worker)

    assert await rows(db, "select * from postings order by id") == postings
    assert await balances(db) == before
    assert len(postings) == 6


@pytest.mark.usefixtures("ended")
async def test_a_clip_that_is_kept_longer_outlives_its_record(worker: WorkerParts, db: Database) -> None:
    await forget_old_records(worker)

    assert await rows(db, "select task_id, is_ready from files") == [(None, True)]


@pytest.mark.usefixtures("ended")
async def test_a_record_with_a_pending_callback_stays(worker: WorkerParts, db: Database) -> None:
    await rows(db, "update callbacks set state = 'pending', concluded_at = null")

    await forget_old_records(worker)

    assert await counts(db) == [1, 1, 1]


@pytest.mark.usefixtures("ended")
async def test_a_young_record_stays(worker: WorkerParts, db: Database) -> None:
    await rows(db, "update tasks set finished_at = now() - interval '59 d'")

    await forget_old_records(worker)

    assert await counts(db) == [1, 1, 1]


async def test_a_task_that_has_not_ended_stays_at_any_age(
    parts: ApiParts, caller: Caller, worker: WorkerParts, db: Database
) -> None:
    await submit(submission(), caller=caller, parts=parts)
    await rows(db, "update tasks set created_at = now() - interval '1 year', updated_at = now() - interval '1 year'")

    await forget_old_records(worker)

    assert await value(db, "select count(*) from tasks") == 1


async def test_a_short_link_that_is_over_is_forgotten(
    parts: ApiParts, caller: Caller, worker: WorkerParts, db: Database
) -> None:
    kept = await keep_bytes(picture("PNG"), name="a", field="file", caller=caller, parts=parts)
    for _ in range(2):
        await share(parts.files_url + kept.path, caller=caller, parts=parts)
    await rows(db, "update links set expires_at = now() - interval '1 s' where path = (select min(path) from links)")

    await remove_expired(worker)

    assert await value(db, "select count(*) from links") == 1


async def test_an_expired_upload_goes_with_its_links(
    parts: ApiParts, caller: Caller, worker: WorkerParts, db: Database
) -> None:
    kept = await keep_bytes(picture("PNG"), name="a", field="file", caller=caller, parts=parts)
    await share(parts.files_url + kept.path, caller=caller, parts=parts)
    await rows(db, "update files set expires_at = now() - interval '1 s'")

    await remove_expired(worker)

    assert await value(db, "select (select count(*) from files) + (select count(*) from links)") == 0
    assert not await worker.files.has(kept.path)


class StuckFiles(FileStore):
    """A file store that cannot remove one of its files."""

    stuck = ""

    async def remove(self, path: str) -> None:
        if path == self.stuck:
            raise StoreUnavailable("The file store refused a removal.")
        await super().remove(path)


async def test_a_file_that_cannot_be_removed_keeps_no_other(
    parts: ApiParts, caller: Caller, worker: WorkerParts, db: Database, tmp_path: Path
) -> None:
    stuck, other = [
        await keep_bytes(picture("PNG"), name="a", field="file", caller=caller, parts=parts) for _ in range(2)
    ]
    await rows(db, "update files set expires_at = now() - interval '1 s' * (1 + (path = $1)::int)", stuck.path)
    store = StuckFiles(tmp_path / "files")
    store.stuck = stuck.path

    await remove_expired(replace(worker, files=store))

    assert await rows(db, "select path from files") == [(stuck.path,)]
    assert not await worker.files.has(other.path)


def backdate(path: Path) -> None:
    os.utime(path, (OLD_S, OLD_S))


async def test_a_file_without_a_row_and_a_row_without_a_file_are_found_and_left(
    parts: ApiParts, caller: Caller, worker: WorkerParts, db: Database, tmp_path: Path
) -> None:
    fine, lost = [
        await keep_bytes(picture("PNG"), name="a", field="file", caller=caller, parts=parts) for _ in range(2)
    ]
    await worker.files.remove(lost.path)
    (tmp_path / "stray").write_bytes(b"x")
    for name in ("old", "young"):
        await worker.files.put(f"{name}/clip.mp4", tmp_path / "stray")
    for path in (f"{fine.path}", "old/clip.mp4"):
        backdate(tmp_path / "files" / path)

    findings = await compare_files(worker)

    assert findings == Findings(without_row=1, without_file=1)
    assert await worker.files.has("old/clip.mp4")
    assert await value(db, "select count(*) from files") == 2


@pytest.mark.usefixtures("ended")
async def test_what_was_announced_and_never_written_is_not_missed(
    parts: ApiParts, caller: Caller, worker: WorkerParts, db: Database
) -> None:
    await rows(db, "delete from files")
    task_id = await submit(submission(), caller=caller, parts=parts)
    await announce_clip(task_id, db=db)

    assert await compare_files(worker) == Findings(without_row=0, without_file=0)


async def test_many_files_are_compared_in_batches(
    caller: Caller, worker: WorkerParts, db: Database, tmp_path: Path
) -> None:
    (tmp_path / "clip").write_bytes(b"x")
    async with db.connection() as connection:
        for number in range(1205):
            path = f"{number:04}/clip.mp4"
            await files.announce(connection, path, account_id=caller.account_id, task_id=None, mime_type="video/mp4")
            await files.keep(connection, path, size_bytes=1, lifetime=timedelta(days=1))
            if number != 1204:
                await worker.files.put(path, tmp_path / "clip")

    assert await compare_files(worker) == Findings(without_row=0, without_file=1)


async def test_what_a_killed_process_left_half_written_is_cleared(worker: WorkerParts, tmp_path: Path) -> None:
    store = tmp_path / "files"
    (tmp_path / "clip").write_bytes(b"x")
    await worker.files.put("kept/clip.mp4", tmp_path / "clip")
    for name in ("old", "young", "kept"):
        (store / name).mkdir(exist_ok=True)
        (store / name / "other.mp4#1").write_bytes(b"half")
        (worker.work_dir / name).mkdir()
        (worker.work_dir / name / "clip.mp4").write_bytes(b"half")
    (worker.work_dir / "old-file").write_bytes(b"half")
    for folder in (store, worker.work_dir):
        for path in [*folder.rglob("old*"), *folder.rglob("old/*"), *folder.rglob("kept/*"), folder / "kept"]:
            backdate(path)
    backdate(store / "old")

    await clear_leftovers(worker)

    assert sorted(path.name for path in worker.work_dir.iterdir()) == ["young"]
    left = sorted(str(path.relative_to(store)) for path in store.rglob("*"))
    assert left == ["kept", "kept/clip.mp4", "young", "young/other.mp4#1"]


async def test_a_full_disk_refuses_new_work_and_loses_nothing(
    parts: ApiParts, caller: Caller, db: Database, tmp_path: Path
) -> None:
    full = replace(parts, room=DiskRoom(tmp_path, free_bytes_min=2**62))
    before = await footprint(db)

    with pytest.raises(DiskFull):
        await submit(submission(), caller=caller, parts=full)
    with pytest.raises(DiskFull):
        await keep_bytes(picture("PNG"), name="a", field="file", caller=caller, parts=full)

    assert await footprint(db) == before


async def test_a_link_of_an_hour_ago_is_no_way_to_another(parts: ApiParts, caller: Caller, db: Database) -> None:
    kept = await keep_bytes(picture("PNG"), name="a", field="file", caller=caller, parts=parts)
    short = await share(parts.files_url + kept.path, caller=caller, parts=parts)
    await rows(db, "update links set expires_at = $1", clock.now())

    with pytest.raises(InvalidInput, match=r"^url is wrong"):
        await share(parts.files_url + short, caller=caller, parts=parts)

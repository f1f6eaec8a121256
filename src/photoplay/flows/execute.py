"""Run one attempt of a task: claim it, get its still, make the clip, store it, settle.

The process may die after any await: the lease runs out, and the sweep lets another attempt begin.
"""

import asyncio
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

from photoplay import clock
from photoplay.domain.cards import EngineMapping, choose_engine
from photoplay.domain.errors import (
    AppError,
    EngineRejected,
    EngineTimeout,
    EngineUnavailable,
    StaleClaim,
    StillRejected,
    StoreUnavailable,
)
from photoplay.domain.fields import FileUrl
from photoplay.domain.json import JsonValue
from photoplay.domain.outcomes import Produced, Stopped
from photoplay.domain.tasks import Claim, Task, TaskId
from photoplay.engines.engine import Clip, Order
from photoplay.flows.lease import CancelAsked, Progress, keep_lease
from photoplay.flows.settle import hand_back, settle
from photoplay.media.clip import read_back
from photoplay.media.still import StillLimits, prepare_still
from photoplay.store import files, tasks

if TYPE_CHECKING:
    from photoplay.engines.runner import EngineChild
    from photoplay.flows.parts import WorkerParts

__all__ = ["execute"]

log = structlog.get_logger()

# The camera engine needs 2 s of work for a second of 1080p at worst, on a busy machine ten times that.
DEADLINE_BASE_S: Final = 60.0
DEADLINE_A_CLIP_SECOND_S: Final = 24.0
CLIP_MIME_TYPE: Final = "video/mp4"
SETTLE_AGAIN_S: Final = 0.5
# What every order holds; any other key of a card's order is a control.
ORDER_FIELDS: Final = frozenset({"still", "prompt", "resolution", "duration_s", "seed"})


async def execute(task_id: TaskId, *, parts: "WorkerParts") -> None:
    """Run one attempt, if the task is still there to be claimed."""
    async with parts.db.connection() as connection:
        task = await tasks.read(connection, task_id)
    mapping = _choose_engine(task, parts)
    if mapping is None:
        await _refuse(task, parts)
        return
    # A free engine first, then the claim: a worker claims no more than it can start now.
    async with parts.engines[mapping.name].slot() as child:
        claim = await _claim(task_id, parts)
        if claim is None:
            return
        try:
            result = await _attempt(task, claim, mapping, child=child, parts=parts)
            await _settle_within_lease(claim, result, parts=parts)
        except StaleClaim:
            log.warning("task.claim_lost", task_id=task_id.hex, attempt=claim.attempt)
        except asyncio.CancelledError:
            await _try_to_hand_back(claim, parts=parts)
            raise


def _choose_engine(task: Task, parts: "WorkerParts") -> EngineMapping | None:
    card = parts.cards.get(task.model)
    return None if card is None else choose_engine(card, parts.engines)


async def _refuse(task: Task, parts: "WorkerParts") -> None:
    """End a task whose card or engine is gone since it was accepted: waiting longer would not bring it back."""
    claim = await _claim(task.id, parts)
    if claim is not None:
        await settle(claim, EngineRejected(f"{task.model} is no longer served here"), parts=parts)


async def _claim(task_id: TaskId, parts: "WorkerParts") -> Claim | None:
    async with parts.db.connection() as connection:
        claim = await tasks.claim(connection, task_id, token=clock.new_uuid(), lease=parts.lease)
    if claim is not None:
        log.info("task.claimed", task_id=task_id.hex, attempt=claim.attempt)
    return claim


async def _attempt(
    task: Task, claim: Claim, mapping: EngineMapping, *, child: "EngineChild", parts: "WorkerParts"
) -> Produced | Stopped | AppError:
    progress = Progress()
    deadline_s = DEADLINE_BASE_S + DEADLINE_A_CLIP_SECOND_S * _duration_s(task, mapping)
    try:
        async with (
            asyncio.timeout(deadline_s),
            keep_lease(claim, progress=progress, lease=parts.lease, db=parts.db),
        ):
            with _work_folder(parts.work_dir, claim) as folder:
                order = await _prepare(task, mapping, folder=folder, parts=parts)
                async with parts.db.connection() as connection:
                    await tasks.start(connection, claim)
                clip = await child.run(order, progress.report)
                return await _store(task, clip, engine=mapping.name, parts=parts)
    except StaleClaim:
        raise
    except CancelAsked:
        return Stopped()
    except TimeoutError:
        return EngineTimeout(f"The clip was not finished within {deadline_s:.0f} s")
    except AppError as exc:
        log.warning("task.attempt_failed", task_id=task.id.hex, attempt=claim.attempt, error=str(exc))
        return exc


async def _prepare(task: Task, mapping: EngineMapping, *, folder: Path, parts: "WorkerParts") -> Order:
    """Fetch and check the pictures, and return the order for the engine."""
    given = {key: value for key, name in mapping.order.items() if (value := task.input.get(name)) is not None}
    asked = {**given, **await _fetch_pictures(task, mapping, folder=folder, parts=parts)}
    return Order(
        still=Path(str(asked["still"])) if "still" in asked else None,
        prompt=str(asked.get("prompt", "")),
        resolution=str(asked.get("resolution", "")),
        duration_s=_duration_s(task, mapping),
        seed=_choose_seed(asked.get("seed"), task),
        output=folder / "clip.mp4",
        controls={key: value for key, value in asked.items() if key not in ORDER_FIELDS},
    )


def _duration_s(task: Task, mapping: EngineMapping) -> int:
    return int(str(task.input.get(mapping.order.get("duration_s", ""), 0)))


def _choose_seed(asked: JsonValue, task: Task) -> int:
    """Return the caller's seed; -1 and an absent one leave the choice to the server."""
    return asked if isinstance(asked, int) and asked >= 0 else task.seed


async def _fetch_pictures(
    task: Task, mapping: EngineMapping, *, folder: Path, parts: "WorkerParts"
) -> dict[str, JsonValue]:
    """Put every picture of the order into the folder; return where each lies, as an engine fetches nothing itself."""
    fields = {field.name: field for field in parts.cards[task.model].fields}
    pictures: dict[str, JsonValue] = {}
    for number, (key, name) in enumerate(mapping.order.items()):
        field, url = fields[name], task.input.get(name)
        if isinstance(field, FileUrl) and url is not None:
            source, picture = folder / f"source-{number}", folder / f"picture-{number}.png"
            await _fetch_still(str(url), source, field=field, parts=parts)
            await prepare_still(source, picture, limits=StillLimits())
            pictures[key] = str(picture)
    return pictures


async def _fetch_still(url: str, source: Path, *, field: FileUrl, parts: "WorkerParts") -> None:
    path = parts.own_path(url)
    if path is None:
        await parts.egress.fetch(url, source, field=field.name, bytes_max=field.bytes_max)
        return
    async with parts.db.connection() as connection:
        stored = await files.find_ready(connection, path)
    if stored is None:
        raise StillRejected(f"{field.name}: there is no such upload, or it has expired")
    if stored.size_bytes > field.bytes_max:
        raise StillRejected(f"{field.name}: {stored.size_bytes} bytes are over the limit of {field.bytes_max}")
    await parts.files.copy_out(path, source)


async def _store(task: Task, clip: Clip, *, engine: str, parts: "WorkerParts") -> Produced:
    """Read the clip back, then copy it to the file store under a name that nobody can guess."""
    facts = await asyncio.to_thread(read_back, clip.path)
    if (facts.width_px, facts.height_px, facts.frames) != (clip.width_px, clip.height_px, clip.frames):
        raise EngineUnavailable(f"The finished clip does not read back as it was made: {facts}")
    path = f"{clock.new_token()}/{task.id.hex}.mp4"
    async with parts.db.connection() as connection:
        await files.announce(connection, path, account_id=task.account_id, task_id=task.id, mime_type=CLIP_MIME_TYPE)
    size_bytes = await parts.files.put(path, clip.path)
    return Produced(result=path, size_bytes=size_bytes, engine=engine)


async def _settle_within_lease(claim: Claim, result: Produced | Stopped | AppError, *, parts: "WorkerParts") -> None:
    """Settle, and while the database is away try again as long as the lease can still be ours."""
    loop = asyncio.get_running_loop()
    give_up_at = loop.time() + parts.lease.total_seconds()
    while True:
        try:
            return await settle(claim, result, parts=parts)
        except StoreUnavailable as exc:
            if loop.time() > give_up_at:
                raise StaleClaim from exc
            await asyncio.sleep(SETTLE_AGAIN_S)


async def _try_to_hand_back(claim: Claim, *, parts: "WorkerParts") -> None:
    try:
        await hand_back(claim, parts=parts)
    except (StaleClaim, StoreUnavailable) as exc:
        # The sweep does it when the lease runs out.
        log.warning("task.not_handed_back", task_id=claim.task_id.hex, error=str(exc))


@contextmanager
def _work_folder(work_dir: Path, claim: Claim) -> Generator[Path]:
    folder = work_dir / f"{claim.task_id.hex}-{claim.token.hex}"
    folder.mkdir(parents=True, mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)

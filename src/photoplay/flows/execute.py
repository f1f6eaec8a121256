"""Run one attempt of a task: claim it, get its still, make the clip, store it, settle.

The process may die after any await: the lease runs out, and the sweep lets another attempt begin.
"""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import structlog

from photoplay import clock
from photoplay.domain.cards import EngineMapping, choose_engine, clip_seconds, deadline
from photoplay.domain.errors import (
    AppError,
    EngineRejected,
    EngineTimeout,
    EngineUnavailable,
    StaleClaim,
    StoreUnavailable,
)
from photoplay.domain.json import JsonValue
from photoplay.domain.outcomes import TIMINGS, Kept, Produced, Stopped
from photoplay.domain.script import act, play_mapping
from photoplay.domain.tasks import Claim, Stage, Submission, Task
from photoplay.engines.engine import Clip, Order, Place, Ticket
from photoplay.flows.claim import claim_next, wake_another
from photoplay.flows.health import pass_over
from photoplay.flows.lease import CancelAsked, Laps, Progress, keep_lease
from photoplay.flows.pictures import fetch_pictures, publish_pictures
from photoplay.flows.settle import hand_back, settle, start
from photoplay.flows.task_files import store_file
from photoplay.store import submissions

if TYPE_CHECKING:
    from photoplay.flows.parts import WorkerParts

__all__ = ["execute"]

log = structlog.get_logger()

T = TypeVar("T")
CLIP_MIME_TYPE: Final = "video/mp4"
PICTURE_MIME_TYPES: Final = {".jpg": "image/jpeg", ".png": "image/png"}
AGAIN_S: Final = 0.5
# How soon it is seen that a server of all workers has room again, where the queue does not know that it is full.
FULL_S: Final = 1.0
# What every order holds; any other key of a card's order is a control.
ORDER_FIELDS: Final = frozenset({"still", "prompt", "resolution", "duration_s", "seed"})


async def execute(engine: str, *, parts: "WorkerParts") -> None:
    """Run one attempt of the task that goes first among those that wait for this engine, if any does."""
    try:
        # A free place first, then the claim: a worker claims no more than it can start now.
        async with parts.engines[engine].slot() as place:
            while not parts.stopping.is_set():
                if await _take_turn(engine, place=place, parts=parts):
                    return
                with suppress(TimeoutError):
                    await asyncio.wait_for(parts.stopping.wait(), FULL_S)
    except asyncio.CancelledError:
        await wake_another(engine, parts=parts)
        raise
    await wake_another(engine, parts=parts)


async def _take_turn(engine: str, *, place: Place, parts: "WorkerParts") -> bool:
    """Do what there is to do; return False if that has to wait because the engine's server has all it may have."""
    async with parts.health.turn(engine, db=parts.db) as turn:
        if turn.wait:
            await pass_over(engine, delay=turn.wait, parts=parts)
            return True
        has_room, claimed = await claim_next(engine, parts=parts)
        if claimed is None:
            return has_room
        claim, task = claimed
        log.info("task.claimed", task_id=task.id.hex, attempt=claim.attempt)
        try:
            result = await _try_attempt(task, claim, place=place, parts=parts)
            turn.result = task, result
            await _within_lease(lambda: settle(claim, result, parts=parts), parts=parts)
        except (StaleClaim, StoreUnavailable):
            # Settled by nobody, or by whoever has the task now: when the lease runs out, the sweep sees to it.
            log.warning("task.claim_lost", task_id=task.id.hex, attempt=claim.attempt)
        except asyncio.CancelledError:
            await _try_to_hand_back(claim, parts=parts)
            raise
        return True


async def _try_attempt(
    task: Task, claim: Claim, *, place: Place, parts: "WorkerParts"
) -> Produced | Stopped | AppError:
    mapping = _find_mapping(task, parts)
    if mapping is None:
        # Its card is gone, or no longer names the engine: waiting longer would not bring it back.
        return EngineRejected(f"{task.model} is no longer served here")
    return await _attempt(task, claim, mapping, place=place, parts=parts)


def _find_mapping(task: Task, parts: "WorkerParts") -> EngineMapping | None:
    card = parts.cards.get(task.model)
    if card is None:
        return None
    return play_mapping(card, task.script) if task.script else choose_engine(card, {task.engine})


async def _attempt(
    task: Task, claim: Claim, mapping: EngineMapping, *, place: Place, parts: "WorkerParts"
) -> Produced | Stopped | AppError:
    ticket = _ticket(task, claim, parts)
    deadline_s = deadline(task.input, mapping).total_seconds()
    try:
        with _work_folder(parts.work_dir, claim) as folder:
            try:
                async with asyncio.timeout(deadline_s):
                    return await _make(task, claim, mapping, folder=folder, place=place, ticket=ticket, parts=parts)
            except CancelAsked:
                await place.call_off(ticket)
                return Stopped()
            except TimeoutError:
                await place.call_off(ticket, may_go_on=True)
                return EngineTimeout(f"The clip was not finished within {deadline_s:.0f} s")
    except StaleClaim:
        raise
    except AppError as exc:
        # The error itself: its words may quote another server, and with it the prompt. The task keeps them.
        log.warning("task.attempt_failed", task_id=task.id.hex, attempt=claim.attempt, error=exc)
        return exc
    except OSError as exc:
        log.exception("task.attempt_broke", task_id=task.id.hex, attempt=claim.attempt)
        return EngineUnavailable(f"The worker could not go on: {exc.strerror or type(exc).__name__}")


async def _make(
    task: Task,
    claim: Claim,
    mapping: EngineMapping,
    *,
    folder: Path,
    place: Place,
    ticket: Ticket,
    parts: "WorkerParts",
) -> Produced:
    """Make the clip and store it. Raises: CancelAsked, StaleClaim, AppError."""
    progress, laps = Progress(), Laps(wait_s=(task.updated_at - task.created_at).total_seconds())
    async with keep_lease(claim, progress=progress, lease=parts.lease, db=parts.db, signals=parts.signals):
        order = await _prepare(task, mapping, folder=folder, parts=parts)
        await start(claim, parts=parts)
        laps.end("fetch_s")
        clip = await place.run(order, progress.report, ticket)
        laps.end("engine_s")
        progress.stage = Stage.STORING
        await place.read_back(clip)
        # A clip that is made must not be lost because the database or the file store is away for a moment.
        produced = await _within_lease(lambda: _store(task, clip, order, engine=mapping.name, parts=parts), parts=parts)
        laps.end("store_s")
        return replace(produced, facts={**produced.facts, TIMINGS: laps.seconds})


def _ticket(task: Task, claim: Claim, parts: "WorkerParts") -> Ticket:
    async def write(submission: Submission | None) -> None:
        # What another server was asked for must not be forgotten because the database restarts.
        await _within_lease(lambda: _record(claim, submission, parts), parts=parts)

    return Ticket(job_id=claim.token.hex, submission=task.submission, write=write)


async def _record(claim: Claim, submission: Submission | None, parts: "WorkerParts") -> None:
    async with parts.db.connection() as connection:
        await submissions.record(connection, claim, submission)


async def _prepare(task: Task, mapping: EngineMapping, *, folder: Path, parts: "WorkerParts") -> Order:
    """Fetch and check the pictures, and return the order for the engine."""
    given = {key: value for key, name in mapping.order.items() if (value := task.input.get(name)) is not None}
    is_ordered = task.submission is not None and task.submission.handle is not None
    # Whoever goes on with a job elsewhere needs none; they may be gone by now.
    pictures = {} if is_ordered else await fetch_pictures(task, mapping, folder=folder, parts=parts)
    links: Mapping[str, str] = {}
    if mapping.name in parts.linked_engines:
        links = await publish_pictures(task, pictures, parts=parts)
    asked = {**given, **pictures}
    return Order(
        model=mapping.model or task.model,
        still=_first(asked.get("still")),
        prompt=str(asked.get("prompt", "")),
        resolution=str(asked.get("resolution", "")),
        duration_s=clip_seconds(task.input, mapping),
        seed=_choose_seed(asked.get("seed"), task),
        output=folder / "clip.mp4",
        controls={
            **{key: value for key, value in asked.items() if key not in ORDER_FIELDS},
            **act(task.script, attempt=task.attempt),
        },
        links=links,
    )


def _first(pictures: JsonValue) -> Path | None:
    """Of several pictures the clip begins with the first."""
    first = pictures[0] if isinstance(pictures, list) and pictures else pictures
    return Path(first) if isinstance(first, str) else None


def _choose_seed(asked: JsonValue, task: Task) -> int:
    """Return the caller's seed; -1 and an absent one leave the choice to the server."""
    return asked if isinstance(asked, int) and asked >= 0 else task.seed


async def _store(task: Task, clip: Clip, order: Order, *, engine: str, parts: "WorkerParts") -> Produced:
    """Copy the clip and what comes with it to the file store, under a name that nobody can guess."""
    stem = f"{clock.new_token()}/{task.id.hex}"
    kept = await store_file(task, clip.path, f"{stem}.mp4", mime_type=CLIP_MIME_TYPE, parts=parts)
    artifacts: dict[str, Kept] = {}
    for artifact, path in clip.artifacts.items():
        name = f"{stem}.{artifact}{path.suffix}"
        artifacts[artifact] = await store_file(task, path, name, mime_type=PICTURE_MIME_TYPES[path.suffix], parts=parts)
    return Produced(
        result=kept.path,
        size_bytes=kept.size_bytes,
        engine=engine,
        artifacts=artifacts,
        facts=dict(clip.facts),
        seed=order.seed,
    )


async def _within_lease(act: Callable[[], Awaitable[T]], *, parts: "WorkerParts") -> T:
    """Act, and while the database or the file store is away try again, as long as the lease can still be ours.

    Raises: StoreUnavailable after that.
    """
    loop = asyncio.get_running_loop()
    give_up_at = loop.time() + parts.lease.total_seconds()
    while True:
        try:
            return await act()
        except StoreUnavailable:
            if loop.time() > give_up_at:
                raise
            await asyncio.sleep(AGAIN_S)


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

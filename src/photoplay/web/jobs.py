"""The paths of tasks that exist: what is known of them, lists, events, and their end."""

from collections.abc import AsyncGenerator
from functools import partial
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from photoplay.flows.cancel import cancel
from photoplay.flows.list import list_tasks
from photoplay.flows.query import query
from photoplay.flows.timeline import read_timeline
from photoplay.flows.track import Changes, track_account, track_task
from photoplay.web import wire, wire_jobs, wire_service
from photoplay.web.answers import require_media_type, success
from photoplay.web.auth import Authorized, PartsOf, require_caller
from photoplay.web.event_stream import Event, event_stream
from photoplay.web.strict import read_large_aside

__all__ = ["router"]

router: Final = APIRouter()


@router.get("/api/v1/jobs/recordInfo")
async def record_info(request: Request, caller: Authorized, parts: PartsOf) -> JSONResponse:
    task_id = wire.parse_task_id(request.query_params.get("taskId"))
    wait = wire_jobs.parse_wait(request.query_params.get("wait"))
    record = await query(task_id, caller=caller, parts=parts, wait=wait)
    return success(wire.record_data(record, files_url=parts.files_url))


@router.get("/api/v1/jobs")
async def jobs(request: Request, caller: Authorized, parts: PartsOf) -> JSONResponse:
    asked = wire_jobs.parse_list(request.query_params)
    page = await list_tasks(
        asked.filters, key=asked.key, cursor=asked.cursor, limit=asked.limit, caller=caller, parts=parts
    )
    return success(wire_jobs.page_data(page, files_url=parts.files_url))


@router.get("/api/v1/jobs/timeline")
async def timeline(request: Request, caller: Authorized, parts: PartsOf) -> JSONResponse:
    task_id = wire.parse_known_task_id(request.query_params.get("taskId"))
    return success(wire_service.timeline_data(await read_timeline(task_id, caller=caller, parts=parts)))


@router.get("/api/v1/jobs/events")
async def events(request: Request, caller: Authorized, parts: PartsOf) -> Response:
    text, seen = request.query_params.get("taskId"), wire_jobs.parse_event_id(request.headers.get("last-event-id"))
    if text is None:
        changes = await track_account(caller=caller, seen=seen, parts=parts)
    else:
        changes = await track_task(wire.parse_task_id(text), caller=caller, seen=seen, parts=parts)
    if changes is None:
        # What tells a browser not to come back. Source: WHATWG HTML, server-sent events, §9.2.3.
        return Response(status_code=204)
    told = _events(changes, files_url=parts.files_url)
    return event_stream(told, require_reader=partial(require_caller, request, parts))


async def _events(changes: Changes, *, files_url: str) -> AsyncGenerator[Event | None]:
    async for change in changes:
        if change is None:
            yield None
        else:
            data = wire.record_data(change.record, files_url=files_url)
            yield Event(id=wire_jobs.event_id(change), name=change.kind.value, data=data)


@router.post("/api/v1/jobs/cancelTask")
async def cancel_task(request: Request, caller: Authorized, parts: PartsOf) -> JSONResponse:
    require_media_type(request, "application/json")
    task_id = wire.parse_task_id(await read_large_aside(partial(wire.parse_text, name="taskId"), await request.body()))
    outcome = await cancel(task_id, caller=caller, parts=parts)
    return success(wire_jobs.cancelled(task_id, outcome))

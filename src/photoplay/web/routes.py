"""The paths. Each parses, calls one flow, and renders."""

import shutil
import tempfile
from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter, Header, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from photoplay.domain.errors import InvalidInput, ServerDraining, StoreUnavailable, UnsupportedMediaType
from photoplay.flows.cancel import cancel
from photoplay.flows.query import query
from photoplay.flows.submit import submit
from photoplay.flows.upload import upload
from photoplay.store import accounts
from photoplay.web import metrics, wire
from photoplay.web.auth import Authorized, PartsOf
from photoplay.web.downloads import serve_file

__all__ = ["router"]

router: Final = APIRouter()


@router.post("/api/v1/jobs/createTask")
async def create_task(
    request: Request,
    caller: Authorized,
    parts: PartsOf,
    idempotency_key: Annotated[str | None, Header()] = None,
) -> JSONResponse:
    if request.app.state.is_draining:
        raise ServerDraining
    _require_media_type(request, "application/json")
    submission = wire.parse_submission(await request.body(), idempotency_key=idempotency_key)
    task_id = await submit(submission, caller=caller, parts=parts)
    return _success(wire.created(task_id))


@router.get("/api/v1/jobs/recordInfo")
async def record_info(request: Request, caller: Authorized, parts: PartsOf) -> JSONResponse:
    task_id = wire.parse_task_id(request.query_params.get("taskId"))
    record = await query(task_id, caller=caller, parts=parts)
    return _success(wire.record_data(record, files_url=parts.files_url))


@router.post("/api/v1/jobs/cancelTask")
async def cancel_task(request: Request, caller: Authorized, parts: PartsOf) -> JSONResponse:
    _require_media_type(request, "application/json")
    task_id = wire.parse_task_id(wire.parse_field(await request.body(), "taskId"))
    outcome = await cancel(task_id, caller=caller, parts=parts)
    return _success({"outcome": outcome.value})


@router.get("/api/v1/chat/credit")
async def credit(caller: Authorized, parts: PartsOf) -> JSONResponse:
    async with parts.db.connection() as connection:
        account = await accounts.read(connection, caller.account_id)
    return _success(account.balance_credits)


@router.post("/api/file-stream-upload")
async def file_stream_upload(request: Request, caller: Authorized, parts: PartsOf) -> JSONResponse:
    _require_media_type(request, "multipart/form-data")
    async with request.form(max_files=1, max_fields=4) as form:
        part = form.get("file")
        if not isinstance(part, UploadFile):
            raise InvalidInput("file is required: send it as a part named file of multipart/form-data", field="file")
        # Data for a list of files: cut to what a list shows, and without the one character PostgreSQL refuses.
        name = str(form.get("fileName") or part.filename or "file").replace("\x00", "")[:255]
        with tempfile.NamedTemporaryFile(dir=parts.work_dir) as copy:
            await run_in_threadpool(shutil.copyfileobj, part.file, copy)
            copy.flush()
            kept = await upload(Path(copy.name), original_name=name, caller=caller, parts=parts)
    return JSONResponse(
        {"success": True, **wire.envelope(200, "success", wire.uploaded(kept, files_url=parts.files_url))}
    )


@router.api_route("/files/{path:path}", methods=["GET", "HEAD"])
async def download(request: Request, path: str, parts: PartsOf) -> Response:
    return await serve_file(request, path, parts=parts)


@router.get("/healthz")
async def healthz() -> PlainTextResponse:
    return PlainTextResponse("ok\n")


@router.get("/readyz")
async def readyz(request: Request, parts: PartsOf) -> PlainTextResponse:
    """Ready to accept work: not draining, and the database answers."""
    if request.app.state.is_draining:
        return PlainTextResponse("draining\n", status_code=503)
    try:
        async with parts.db.connection() as connection:
            await connection.execute("select 1")
    except StoreUnavailable:
        return PlainTextResponse("the database does not answer\n", status_code=503)
    return PlainTextResponse("ready\n")


@router.get("/metrics")
async def show_metrics(parts: PartsOf) -> Response:
    return Response(await metrics.render(parts), media_type=metrics.CONTENT_TYPE)


def _success(data: wire.JsonValue) -> JSONResponse:
    return JSONResponse(wire.envelope(200, "success", data))


def _require_media_type(request: Request, wanted: str) -> None:
    got = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if got != wanted:
        raise UnsupportedMediaType(f"Content-Type must be {wanted}, got {got or 'none'}")

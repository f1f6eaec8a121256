"""The paths. Each parses, calls one flow, and renders."""

from functools import partial
from typing import Annotated, Final

from fastapi import APIRouter, Header, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from photoplay.domain.errors import DiskFull, ServerDraining, StoreUnavailable
from photoplay.domain.service import Mode
from photoplay.flows.operate import read_mode
from photoplay.flows.submit import submit
from photoplay.store import accounts
from photoplay.web import metrics, wire
from photoplay.web.answers import require_media_type, success
from photoplay.web.auth import Authorized, PartsOf
from photoplay.web.downloads import serve_file
from photoplay.web.strict import read_large_aside

__all__ = ["require_media_type", "router", "success"]

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
    require_media_type(request, "application/json")
    parse = partial(wire.parse_submission, idempotency_key=idempotency_key)
    submission = await read_large_aside(parse, await request.body())
    task_id = await submit(submission, caller=caller, parts=parts)
    return success(wire.created(task_id))


@router.get("/api/v1/chat/credit")
async def credit(caller: Authorized, parts: PartsOf) -> JSONResponse:
    async with parts.db.connection() as connection:
        account = await accounts.read(connection, caller.account_id)
    return success(account.balance_credits)


@router.api_route("/files/{path:path}", methods=["GET", "HEAD"])
async def download(request: Request, path: str, parts: PartsOf) -> Response:
    return await serve_file(request, path, parts=parts)


@router.get("/healthz")
async def healthz() -> PlainTextResponse:
    return PlainTextResponse("ok\n")


@router.get("/readyz")
async def readyz(request: Request, parts: PartsOf) -> PlainTextResponse:
    """Ready to accept work: not draining, the database answers, and the disk has room."""
    if request.app.state.is_draining:
        return PlainTextResponse("draining\n", status_code=503)
    try:
        mode = await read_mode(parts.db)
        parts.room.require()
    except StoreUnavailable:
        return PlainTextResponse("the database does not answer\n", status_code=503)
    except DiskFull:
        # Like a drained server it takes no new work and does all else, so that it is up for who starts it.
        return PlainTextResponse("draining: the disk is nearly full\n", status_code=503)
    if mode is Mode.DRAINING:
        return PlainTextResponse("draining\n", status_code=503)
    return PlainTextResponse("ready\n")


@router.get("/metrics")
async def show_metrics(parts: PartsOf) -> Response:
    return Response(await metrics.render(parts), media_type=metrics.CONTENT_TYPE)

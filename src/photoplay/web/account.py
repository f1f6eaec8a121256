"""What a caller sees and changes of its own account: its standing, keys and usage, and the entries of a task."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from photoplay import clock
from photoplay.domain.errors import InvalidInput
from photoplay.domain.statements import Usage, usage_csv
from photoplay.flows import own_keys, report
from photoplay.web import wire, wire_admin
from photoplay.web.answers import success
from photoplay.web.auth import Authorized, PartsOf

__all__ = ["router", "usage_answer"]

router: Final = APIRouter()


@router.get("/api/v1/account")
async def own_account(caller: Authorized, parts: PartsOf) -> JSONResponse:
    standing = await own_keys.show_own_account(caller=caller, parts=parts)
    return success(wire_admin.own_account_data(standing, parts.intake.limits))


@router.get("/api/v1/account/keys")
async def list_own_keys(caller: Authorized, parts: PartsOf) -> JSONResponse:
    return success([wire_admin.key_data(key) for key in await own_keys.list_own(caller=caller, parts=parts)])


@router.post("/api/v1/account/keys")
async def make_own_key(request: Request, caller: Authorized, parts: PartsOf) -> JSONResponse:
    new = wire_admin.parse_own_key(await request.body())
    text, key = await own_keys.make_own(new, caller=caller, parts=parts)
    return success({"key": text, **wire_admin.key_data(key)})


@router.post("/api/v1/account/keys/{key}/revoke")
async def revoke_own_key(key: str, caller: Authorized, parts: PartsOf) -> JSONResponse:
    return success(wire_admin.key_data(await own_keys.revoke_own(key, caller=caller, parts=parts)))


@router.post("/api/v1/account/keys/{key}/limit")
async def limit_own_key(request: Request, key: str, caller: Authorized, parts: PartsOf) -> JSONResponse:
    value = wire_admin.parse_object(await request.body(), wire_admin.TERMS)
    change = partial(wire_admin.parse_terms, value)
    return success(wire_admin.key_data(await own_keys.limit_own(key, change, caller=caller, parts=parts)))


@router.get("/api/v1/account/usage")
async def own_usage(request: Request, caller: Authorized, parts: PartsOf) -> Response:
    span = wire_admin.parse_span(request.query_params, today=clock.now().date())
    rows = await report.usage(parts.db, span, account_id=caller.account_id)
    return usage_answer(rows, request.query_params.get("format"))


@router.get("/api/v1/jobs/entries")
async def task_entries(request: Request, caller: Authorized, parts: PartsOf) -> JSONResponse:
    task_id = wire.parse_task_id(request.query_params.get("taskId"))
    found = await report.entries(parts.db, task_id, account_id=caller.account_id)
    return JSONResponse(wire.envelope(200, "success", [wire_admin.entry_data(entry) for entry in found]))


def usage_answer(rows: Sequence[Usage], format: str | None) -> Response:
    """Render usage in the envelope, or as CSV where that is asked for. Raises: InvalidInput for another format."""
    match format:
        case None | "json":
            return JSONResponse(wire.envelope(200, "success", [wire_admin.usage_data(row) for row in rows]))
        case "csv":
            return Response(usage_csv(rows), media_type="text/csv; charset=utf-8; header=present")
        case _:
            raise InvalidInput("format is not within the range of allowed options: json, csv", field="format")

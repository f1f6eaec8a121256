"""The operator's paths: the whole service, accounts, keys and usage of everybody. Each asks for an admin key."""

from functools import partial
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import JSONResponse, Response

from photoplay import clock
from photoplay.domain.credits import Reason
from photoplay.domain.json import JsonValue
from photoplay.flows import report
from photoplay.flows.enroll import make_key_of, open_account
from photoplay.flows.grant import find_account, grant
from photoplay.flows.operate import set_mode, survey
from photoplay.flows.parts import ApiParts
from photoplay.flows.rotate import find_key, limit, revoke, rotate
from photoplay.store import accounts, breakers, keys
from photoplay.store.accounts import Caller
from photoplay.web import wire_admin, wire_service
from photoplay.web.account import usage_answer
from photoplay.web.auth import Administering, PartsOf, require_admin
from photoplay.web.wire import check_idempotency_key, envelope
from photoplay.web.wire_engines import engine_list

__all__ = ["router"]

router: Final = APIRouter(prefix="/api/v1/admin", dependencies=[Depends(require_admin)])

IdempotencyKey = Annotated[str | None, Header()]


@router.get("/overview")
async def overview(parts: PartsOf) -> JSONResponse:
    return _success(wire_service.overview_data(await survey(parts)))


@router.post("/mode")
async def change_mode(request: Request, caller: Administering, parts: PartsOf) -> JSONResponse:
    mode = wire_service.parse_mode(await request.body())
    return _success(wire_service.service_data(await set_mode(parts.db, mode, actor=_actor(caller))))


@router.get("/accounts")
async def list_accounts(parts: PartsOf) -> JSONResponse:
    async with parts.db.connection() as connection:
        found = await accounts.list_all(connection)
    return _success([wire_admin.account_data(account) for account in found])


@router.post("/accounts")
async def create_account(request: Request, caller: Administering, parts: PartsOf) -> JSONResponse:
    name, kind, granted, note = wire_admin.parse_new_account(await request.body())
    opened = await open_account(parts.db, name=name, kind=kind, granted=granted, note=note, actor=_actor(caller))
    return _success(wire_admin.account_data(opened))


@router.get("/accounts/{account}")
async def show_account(request: Request, account: str, parts: PartsOf) -> JSONResponse:
    async with parts.db.connection() as connection:
        found = await find_account(connection, account, kind=wire_admin.parse_kind(request.query_params.get("kind")))
    return _success(wire_admin.account_data(found))


@router.post("/accounts/{account}/grant")
async def grant_credits(
    request: Request, account: str, caller: Administering, parts: PartsOf, idempotency_key: IdempotencyKey = None
) -> JSONResponse:
    return await _adjust(request, account, Reason.GRANT, caller=caller, parts=parts, idempotency_key=idempotency_key)


@router.post("/accounts/{account}/correct")
async def correct_credits(
    request: Request, account: str, caller: Administering, parts: PartsOf, idempotency_key: IdempotencyKey = None
) -> JSONResponse:
    return await _adjust(request, account, Reason.CORRECT, caller=caller, parts=parts, idempotency_key=idempotency_key)


@router.get("/keys")
async def list_keys(request: Request, parts: PartsOf) -> JSONResponse:
    async with parts.db.connection() as connection:
        found = await keys.list_all(connection, account=request.query_params.get("account"))
    return _success([wire_admin.key_data(key) for key in found])


@router.post("/keys")
async def create_key(request: Request, caller: Administering, parts: PartsOf) -> JSONResponse:
    new = wire_admin.parse_new_key(await request.body())
    text, key_id = await make_key_of(parts.db, new, actor=_actor(caller))
    async with parts.db.connection() as connection:
        key = await find_key(connection, key_id.hex)
    return _success({"key": text, **wire_admin.key_data(key)})


@router.get("/keys/{key}")
async def show_key(key: str, parts: PartsOf) -> JSONResponse:
    async with parts.db.connection() as connection:
        found = await find_key(connection, key)
    return _success(wire_admin.key_data(found))


@router.post("/keys/{key}/rotate")
async def rotate_key(request: Request, key: str, parts: PartsOf) -> JSONResponse:
    overlap = wire_admin.parse_overlap(await request.body())
    text, rotated = await rotate(parts.db, key, overlap=overlap)
    return _success({"key": text, **wire_admin.key_data(rotated)})


@router.post("/keys/{key}/revoke")
async def revoke_key(key: str, parts: PartsOf) -> JSONResponse:
    return _success(wire_admin.key_data(await revoke(parts.db, key)))


@router.post("/keys/{key}/limit")
async def limit_key(request: Request, key: str, parts: PartsOf) -> JSONResponse:
    value = wire_admin.parse_object(await request.body(), wire_admin.TERMS)
    limited = await limit(parts.db, key, partial(wire_admin.parse_terms, value))
    return _success(wire_admin.key_data(limited))


@router.get("/engines")
async def list_engines(parts: PartsOf) -> JSONResponse:
    """Answer how the engines are, as their workers told last."""
    async with parts.db.connection() as connection:
        told = await breakers.list_all(connection)
    return _success(engine_list(told, parts.engine_names))


@router.get("/usage")
async def show_usage(request: Request, parts: PartsOf) -> Response:
    """Answer what everybody's tasks moved, or those of one account."""
    query = request.query_params
    span = wire_admin.parse_span(query, today=clock.now().date())
    account_id = None
    if name := query.get("account"):
        async with parts.db.connection() as connection:
            account_id = (await find_account(connection, name, kind=wire_admin.parse_kind(query.get("kind")))).id
    rows = await report.usage(parts.db, span, account_id=account_id)
    return usage_answer(rows, query.get("format"))


async def _adjust(
    request: Request, account: str, reason: Reason, *, caller: Caller, parts: ApiParts, idempotency_key: str | None
) -> JSONResponse:
    adjustment = wire_admin.parse_adjustment(
        await request.body(),
        account,
        reason=reason,
        kind=wire_admin.parse_kind(request.query_params.get("kind")),
        idempotency_key=check_idempotency_key(idempotency_key),
    )
    return _success(wire_admin.account_data(await grant(parts.db, adjustment, actor=_actor(caller))))


def _actor(caller: Caller) -> str:
    return f"key:{caller.key_id.hex}"


def _success(data: JsonValue) -> JSONResponse:
    return JSONResponse(envelope(200, "success", data))

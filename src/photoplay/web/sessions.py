"""The paths by which a browser signs in, asks who it is, and signs out."""

from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from photoplay.domain.errors import InvalidInput, Unauthorized
from photoplay.domain.json import JsonObject
from photoplay.domain.keys import digest_key, is_loopback
from photoplay.flows.parts import ApiParts
from photoplay.flows.sign_in import SESSION_LIFETIME, open_session, redeem_link
from photoplay.store import accounts, keys, sessions
from photoplay.store.accounts import Caller
from photoplay.web import wire
from photoplay.web.answers import require_media_type, success
from photoplay.web.auth import SESSION_COOKIE, PartsOf, digest_of, find_by_digest, require_caller, require_own_page

__all__ = ["router"]

router: Final = APIRouter()


@router.post("/api/v1/session")
async def sign_in(request: Request, parts: PartsOf) -> JSONResponse:
    # Before there is a session too: nobody is to be signed in as somebody else unawares.
    require_own_page(request)
    require_media_type(request, "application/json")
    key_sha256 = await _key_digest(request, parts)
    caller = await find_by_digest(key_sha256, request, parts)
    answer = success(await _session_data(caller, parts))
    token = await open_session(parts.db, key_sha256=key_sha256)
    answer.set_cookie(
        SESSION_COOKIE,
        token,
        max_age=round(SESSION_LIFETIME.total_seconds()),
        httponly=True,
        samesite="strict",
        # What the browser sees, whatever a proxy makes of it.
        secure=request.headers.get("origin", "").startswith("https:"),
    )
    return answer


@router.get("/api/v1/session")
async def show_session(request: Request, parts: PartsOf) -> JSONResponse:
    """Answer whom the request speaks for; null for a browser that has not signed in, or no longer is."""
    is_browser = "authorization" not in request.headers
    try:
        caller = await require_caller(request, parts)
    except Unauthorized:
        if is_browser:
            return success(None)
        raise
    return success(await _session_data(caller, parts))


@router.post("/api/v1/session/end")
async def sign_out(request: Request, parts: PartsOf) -> JSONResponse:
    require_own_page(request)
    async with parts.db.connection() as connection:
        await sessions.end(connection, sha256=digest_key(request.cookies.get(SESSION_COOKIE, "")))
    answer = success(None)
    answer.delete_cookie(SESSION_COOKIE, httponly=True, samesite="strict")
    return answer


async def _key_digest(request: Request, parts: ApiParts) -> bytes:
    """Return the hash of the key that the body has, or that its link is for. Raises: InvalidInput, Unauthorized."""
    key, token = wire.parse_fields(await request.body(), "key", "link")
    if key is not None:
        return digest_of(key.strip())
    if token is None:
        raise InvalidInput('key is required: send {"key": "pp_live_…"}', field="key")
    if not is_loopback(request.client.host if request.client else None):
        # It was shown in the server's own terminal, for a browser on the same machine.
        raise Unauthorized("Unauthorized: this link is for a browser on the server's own machine; sign in with a key")
    return await redeem_link(parts.db, token=token)


async def _session_data(caller: Caller, parts: ApiParts) -> JsonObject:
    async with parts.db.connection() as connection:
        (key,) = await keys.list_all(connection, id=caller.key_id)
        account = await accounts.read(connection, caller.account_id)
    return {
        "account": account.name,
        "kind": caller.kind.value,
        "credits": account.balance_credits,
        "admin": caller.is_admin,
        "keyId": key.id.hex,
        "keyPrefix": key.prefix,
        "keyName": key.name,
    }

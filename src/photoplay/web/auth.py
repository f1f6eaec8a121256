"""Who is calling: by a Bearer key, or by the cookie of a browser that signed in with one.

Either way a key is looked up by its hash, and has to come from an address that it may be used from.
"""

from typing import Annotated, Final, TypeAlias
from urllib.parse import urlsplit

from fastapi import Depends, Request

from photoplay.domain.errors import Unauthorized
from photoplay.domain.keys import comes_from, digest_key, is_well_formed
from photoplay.flows.parts import ApiParts
from photoplay.store import accounts, sessions
from photoplay.store.accounts import Caller

__all__ = [
    "PAGE_HEADER",
    "SESSION_COOKIE",
    "Administering",
    "Authorized",
    "PartsOf",
    "digest_of",
    "find_by_digest",
    "parts_of",
    "require_admin",
    "require_caller",
    "require_own_page",
]

SESSION_COOKIE: Final = "photoplay_session"
# Our pages set it on what they send. A form of another site cannot, and its script may not without our leave.
PAGE_HEADER: Final = "X-Photoplay-Page"
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


async def parts_of(request: Request) -> ApiParts:
    parts = request.app.state.parts
    assert isinstance(parts, ApiParts), "the app is built with its parts"
    return parts


PartsOf: TypeAlias = Annotated[ApiParts, Depends(parts_of)]


async def require_caller(request: Request, parts: PartsOf) -> Caller:
    """Return whom the request speaks for. A key in the header counts before a cookie. Raises: Unauthorized."""
    cookie = request.cookies.get(SESSION_COOKIE)
    header = request.headers.get("authorization")
    if header is not None or not cookie:
        return await find_by_digest(digest_of(_bearer(header)), request, parts)
    if request.method not in _SAFE_METHODS:
        require_own_page(request)
    async with parts.db.connection() as connection:
        key_sha256 = await sessions.find_key(connection, sha256=digest_key(cookie))
    if key_sha256 is None:
        raise Unauthorized("Unauthorized: this session is over; sign in again")
    return await find_by_digest(key_sha256, request, parts)


def digest_of(key: str) -> bytes:
    """Return the hash of what should be a key. Raises: Unauthorized if it cannot be one."""
    if not is_well_formed(key):
        raise Unauthorized("Unauthorized: this is not a Photoplay key; they look like pp_live_…")
    return digest_key(key)


async def find_by_digest(key_sha256: bytes, request: Request, parts: ApiParts) -> Caller:
    """Return who a live key speaks for, used from where it may be. Raises: Unauthorized."""
    caller = await parts.callers.find(key_sha256)
    if caller is None:
        raise Unauthorized("Unauthorized: this key is unknown, revoked or expired")
    _require_network(request, caller)
    if caller.is_new_use:
        async with parts.db.connection() as connection:
            await accounts.note_use(connection, caller.key_id)
    return caller


def require_own_page(request: Request) -> None:
    """Refuse what another site's page made a browser send: its cookie goes along, whoever asked.

    Raises: Unauthorized.
    Source: OWASP, Cross-Site Request Forgery Prevention: Fetch Metadata, with the Origin for browsers without it.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    is_own_origin = origin is None or urlsplit(origin).netloc == request.headers.get("host")
    is_ours = is_own_origin if site is None else site == "same-origin"
    if not is_ours or PAGE_HEADER not in request.headers:
        raise Unauthorized("Unauthorized: a session is for the pages of this server; send a key with the request")


def _bearer(header: str | None) -> str:
    scheme, _, key = (header or "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise Unauthorized("Unauthorized: send the header `Authorization: Bearer <key>`")
    return key.strip()


def _require_network(request: Request, caller: Caller) -> None:
    # The server puts here what a trusted proxy says, and the peer of the connection otherwise.
    address = request.client.host if request.client else None
    if caller.networks is not None and not comes_from(address, caller.networks):
        raise Unauthorized(f"Unauthorized: this key may not be used from {(address or 'an unknown address')[:60]}")


Authorized: TypeAlias = Annotated[Caller, Depends(require_caller)]


async def require_admin(caller: Authorized) -> Caller:
    """Return who administers. Raises: Unauthorized."""
    if not caller.is_admin:
        raise Unauthorized(
            "Unauthorized: this is not an admin key; the first is in the file admin-key of the data folder,"
            " `photoplay keys create --admin` makes others"
        )
    return caller


Administering: TypeAlias = Annotated[Caller, Depends(require_admin)]

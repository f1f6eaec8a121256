"""Who is calling: a Bearer key, looked up by its hash."""

from typing import Annotated, TypeAlias

from fastapi import Depends, Request

from photoplay.domain.errors import Unauthorized
from photoplay.domain.keys import digest_key, is_well_formed
from photoplay.flows.parts import ApiParts
from photoplay.store import accounts
from photoplay.store.accounts import Caller

__all__ = ["Authorized", "PartsOf", "parts_of"]


def parts_of(request: Request) -> ApiParts:
    parts = request.app.state.parts
    assert isinstance(parts, ApiParts), "the app is built with its parts"
    return parts


PartsOf: TypeAlias = Annotated[ApiParts, Depends(parts_of)]


async def require_caller(request: Request, parts: PartsOf) -> Caller:
    """Return whom the request speaks for. Raises: Unauthorized."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise Unauthorized("Unauthorized: send the header `Authorization: Bearer <key>`")
    key = key.strip()
    if not is_well_formed(key):
        raise Unauthorized("Unauthorized: this is not a Photoplay key; they look like pp_live_…")
    async with parts.db.connection() as connection:
        caller = await accounts.find_caller(connection, sha256=digest_key(key))
    if caller is None:
        raise Unauthorized("Unauthorized: this key is unknown or revoked")
    return caller


Authorized: TypeAlias = Annotated[Caller, Depends(require_caller)]

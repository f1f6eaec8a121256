"""What a caller does with the keys of its own account.

A key that is limited makes and changes none: it could give itself what it was denied. Admin keys are for admin keys.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from photoplay.domain.errors import InvalidInput, NotFound, Unauthorized
from photoplay.domain.keys import NO_TERMS, Terms
from photoplay.flows.enroll import NewKey, make_key_of
from photoplay.flows.rotate import find_key, limit, revoke
from photoplay.store import accounts, keys

if TYPE_CHECKING:
    from photoplay.flows.parts import ApiParts
    from photoplay.store.accounts import Caller, Standing
    from photoplay.store.keys import Key

__all__ = ["OWN_KEYS_MAX", "limit_own", "list_own", "make_own", "require_unlimited", "revoke_own", "show_own_account"]

OWN_KEYS_MAX: Final = 200
"""That are not revoked: far more than an account's programs and people. Operators may make more."""


async def show_own_account(*, caller: "Caller", parts: "ApiParts") -> "Standing":
    async with parts.db.connection() as connection:
        account = await accounts.read(connection, caller.account_id)
        (standing,) = await accounts.list_all(connection, name=account.name, kind=caller.kind)
    return standing


async def list_own(*, caller: "Caller", parts: "ApiParts") -> "list[Key]":
    """Return the keys of the caller's account that it may know of, revoked ones included."""
    async with parts.db.connection() as connection:
        account = await accounts.read(connection, caller.account_id)
        found = await keys.list_all(connection, account=account.name, kind=caller.kind)
    return [key for key in found if caller.is_admin or not key.is_admin]


async def make_own(new: NewKey, *, caller: "Caller", parts: "ApiParts") -> "tuple[str, Key]":
    """Return the text of a new key of the caller's account, which is not kept. Raises: Unauthorized, InvalidInput."""
    await require_unlimited(caller, parts)
    # The caller's own is among them.
    known = await list_own(caller=caller, parts=parts)
    live = sum(key.revoked_at is None for key in known)
    if live >= OWN_KEYS_MAX:
        raise InvalidInput(f"an account may have {OWN_KEYS_MAX} keys, this one has {live}; revoke one that is not used")
    own = replace(new, account=known[0].account, kind=caller.kind)
    text, key_id = await make_key_of(parts.db, own, actor=f"key:{caller.key_id.hex}")
    async with parts.db.connection() as connection:
        return text, await find_key(connection, key_id.hex)


async def revoke_own(sought: str, *, caller: "Caller", parts: "ApiParts") -> "Key":
    """Raises: Unauthorized; NotFound if it is no key of the account that the caller may know of."""
    return await revoke(parts.db, (await _find_own(sought, caller, parts)).id.hex)


async def limit_own(sought: str, change: Callable[[Terms], Terms], *, caller: "Caller", parts: "ApiParts") -> "Key":
    """Raises: Unauthorized; NotFound if it is no key of the account that the caller may know of; InvalidInput."""
    return await limit(parts.db, (await _find_own(sought, caller, parts)).id.hex, change)


async def _find_own(sought: str, caller: "Caller", parts: "ApiParts") -> "Key":
    await require_unlimited(caller, parts)
    found = [key for key in await list_own(caller=caller, parts=parts) if sought in {key.id.hex, key.prefix}]
    if len(found) != 1:
        raise NotFound("There is no such key in this account; name it by its id")
    return found[0]


async def require_unlimited(caller: "Caller", parts: "ApiParts") -> None:
    """Refuse what concerns the whole account to a key that is limited. Raises: Unauthorized."""
    async with parts.db.connection() as connection:
        (key,) = await keys.list_all(connection, id=caller.key_id)
    if key.terms != NO_TERMS:
        raise Unauthorized("Unauthorized: a key with limits of its own cannot change keys or secrets; use one without")

"""Keys as an operator sees and changes them. Their text is never here: only its hash and its beginning."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast
from uuid import UUID

from photoplay.domain.keys import Kind, Network, Terms
from photoplay.domain.limits import Caps, KeyStanding
from photoplay.domain.tasks import AccountId, KeyId
from photoplay.store.database import Row, fetch

if TYPE_CHECKING:
    from photoplay.store.database import Connection

__all__ = ["Key", "add", "limit", "list_all", "lock", "revoke", "rotate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key, without its text."""

    id: KeyId
    account_id: AccountId
    account: str
    kind: Kind
    name: str
    prefix: str
    is_admin: bool
    terms: Terms
    spent: KeyStanding
    created_at: datetime
    last_used_at: datetime | None
    """At most a minute old; None before the first use."""
    revoked_at: datetime | None
    previous_prefix: str | None
    """Of the text before the last rotation, while that is still good."""
    previous_until: datetime | None


async def add(
    connection: "Connection",
    *,
    id: UUID,
    account_id: AccountId,
    name: str,
    prefix: str,
    sha256: bytes,
    terms: Terms,
    is_admin: bool,
) -> None:
    await fetch(
        connection,
        "keys_insert",
        id=id,
        account_id=account_id,
        name=name,
        prefix=prefix,
        sha256=sha256,
        is_admin=is_admin,
        **_columns(terms),
    )


async def list_all(
    connection: "Connection",
    *,
    account: str | None = None,
    kind: Kind | None = None,
    id: UUID | None = None,
    prefix: str | None = None,
    sha256: bytes | None = None,
) -> list[Key]:
    """Return the keys to which everything that is given applies, revoked ones included."""
    kind_name = None if kind is None else kind.value
    rows = await fetch(connection, "keys_list", account=account, kind=kind_name, id=id, prefix=prefix, sha256=sha256)
    return [_key(row) for row in rows]


async def lock(connection: "Connection", key_id: KeyId) -> None:
    """Let nobody else change the key until the transaction ends."""
    await fetch(connection, "keys_lock_one", id=key_id)


async def rotate(connection: "Connection", key_id: KeyId, *, prefix: str, sha256: bytes, overlap: timedelta) -> None:
    """Give the key another text; the one before is good for the overlap, the one before that no more."""
    await fetch(connection, "keys_rotate", id=key_id, prefix=prefix, sha256=sha256, overlap=overlap)


async def revoke(connection: "Connection", key_id: KeyId) -> None:
    await fetch(connection, "keys_revoke", id=key_id)


async def limit(connection: "Connection", key_id: KeyId, terms: Terms) -> None:
    await fetch(connection, "keys_limit", id=key_id, **_columns(terms))


def _columns(terms: Terms) -> dict[str, object]:
    return {
        "models": None if terms.models is None else sorted(terms.models),
        "networks": terms.networks,
        "expires_at": terms.expires_at,
        "hour_credits_max": terms.caps.hour,
        "day_credits_max": terms.caps.day,
        "total_credits_max": terms.caps.total,
    }


def _key(row: Row) -> Key:
    models = cast("list[str] | None", row["models"])
    networks = cast("list[Network] | None", row["networks"])
    caps = Caps(
        hour=cast("int | None", row["hour_credits_max"]),
        day=cast("int | None", row["day_credits_max"]),
        total=cast("int | None", row["total_credits_max"]),
    )
    return Key(
        id=KeyId(cast("UUID", row["id"])),
        account_id=AccountId(cast("UUID", row["account_id"])),
        account=str(row["account"]),
        kind=Kind(row["kind"]),
        name=str(row["name"]),
        prefix=str(row["prefix"]),
        is_admin=bool(row["is_admin"]),
        terms=Terms(
            caps=caps,
            models=None if models is None else frozenset(models),
            networks=None if networks is None else tuple(networks),
            expires_at=cast("datetime | None", row["expires_at"]),
        ),
        spent=KeyStanding(
            caps=caps, hour=int(row["hour_credits"]), day=int(row["day_credits"]), total=int(row["total_credits"])
        ),
        created_at=cast("datetime", row["created_at"]),
        last_used_at=cast("datetime | None", row["last_used_at"]),
        revoked_at=cast("datetime | None", row["revoked_at"]),
        previous_prefix=cast("str | None", row["previous_prefix"]),
        previous_until=cast("datetime | None", row["previous_until"]),
    )

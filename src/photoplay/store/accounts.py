"""Accounts and their keys. A key is stored as a hash alone."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, cast
from uuid import UUID

from photoplay.domain.callbacks import Secret
from photoplay.domain.keys import Kind, Network
from photoplay.domain.limits import AccountStanding, Caps, KeyStanding
from photoplay.domain.tasks import AccountId, KeyId
from photoplay.store.database import Row, fetch, fetch_row

if TYPE_CHECKING:
    from photoplay.store.database import Connection

__all__ = [
    "Account",
    "Caller",
    "Locked",
    "Standing",
    "ensure",
    "find_callers",
    "is_empty",
    "list_all",
    "lock",
    "lock_keys",
    "may_query",
    "note_use",
    "read",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    id: AccountId
    name: str
    balance_credits: int
    callback_secret: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who a live key speaks for."""

    account_id: AccountId
    key_id: KeyId
    kind: Kind
    models: frozenset[str] | None
    """What the key may be used for; None for every model."""
    networks: tuple[Network, ...] | None
    """Where it may be used from; None for everywhere."""
    is_admin: bool
    is_new_use: bool
    """Whether its last use was noted more than a minute ago."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What an operator sees of an account."""

    id: AccountId
    name: str
    kind: Kind
    balance_credits: int
    held_credits: int
    unfinished_tasks: int
    keys: int
    """Those that are not revoked."""
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """A key and its account, locked until the transaction ends."""

    account_id: AccountId
    is_live: bool
    """False where the key was revoked or has expired since the request was let in."""
    account: AccountStanding
    """Without the creates of the rate's window."""
    key: KeyStanding


async def is_empty(connection: "Connection") -> bool:
    """Say whether no account was ever made: the first start."""
    return not await fetch(connection, "accounts_any")


async def ensure(
    connection: "Connection", *, id: UUID, name: str, kind: Kind, callback_secret: Secret
) -> tuple[Account, bool]:
    """Return the account of this name and kind, and whether it was made now because there was none."""
    made = await fetch(
        connection, "accounts_insert", id=id, name=name, kind=kind.value, callback_secret=callback_secret.reveal()
    )
    row = await fetch_row(connection, "accounts_by_name", name=name, kind=kind.value)
    assert row is not None, "an account that was just made is there"
    return _account(row), bool(made)


async def list_all(connection: "Connection", *, name: str | None = None, kind: Kind | None = None) -> list[Standing]:
    """Return every account, or those of this name or kind."""
    rows = await fetch(connection, "accounts_list", name=name, kind=None if kind is None else kind.value)
    return [_standing(row) for row in rows]


async def lock(connection: "Connection", account_id: AccountId) -> None:
    """Keep the account's balance as it is until the transaction ends."""
    await fetch(connection, "accounts_lock", id=account_id)


async def read(connection: "Connection", account_id: AccountId) -> Account:
    row = await fetch_row(connection, "accounts_by_id", id=account_id)
    assert row is not None, "accounts are never removed"
    return _account(row)


async def lock_keys(connection: "Connection", key_ids: Collection[KeyId]) -> dict[KeyId, Locked]:
    """Lock the keys and their accounts until the transaction ends: creates of one account go one by one."""
    rows = await fetch(connection, "keys_lock", key_ids=key_ids)
    return {KeyId(cast("UUID", row["key_id"])): _locked(row) for row in rows}


async def find_callers(connection: "Connection", sha256s: Collection[bytes]) -> dict[bytes, Caller]:
    """Return whom live keys speak for, by their hashes; one that is unknown, revoked or expired is left out."""
    rows = await fetch(connection, "keys_find", sha256s=sha256s)
    return {bytes(row["wanted"]): _caller(row) for row in rows}


async def note_use(connection: "Connection", key_id: KeyId) -> None:
    """Write that the key is used now, unless somebody has its row."""
    await fetch(connection, "keys_note_use", id=key_id)


async def may_query(connection: "Connection", key_id: KeyId, *, queries_max: int) -> bool:
    """Count one query of this key; False where it is one too many within a second, and was not counted."""
    return bool(await fetch(connection, "query_windows_count", key_id=key_id, queries_max=queries_max))


def _caller(row: Row) -> Caller:
    models = cast("list[str] | None", row["models"])
    networks = cast("list[Network] | None", row["networks"])
    return Caller(
        account_id=AccountId(cast("UUID", row["account_id"])),
        key_id=KeyId(cast("UUID", row["id"])),
        kind=Kind(row["kind"]),
        models=None if models is None else frozenset(models),
        networks=None if networks is None else tuple(networks),
        is_admin=bool(row["is_admin"]),
        is_new_use=bool(row["is_new_use"]),
    )


def _locked(row: Row) -> Locked:
    return Locked(
        account_id=AccountId(cast("UUID", row["account_id"])),
        is_live=bool(row["is_live"]),
        account=AccountStanding(
            balance_credits=int(row["balance_credits"]),
            unfinished=int(row["unfinished_tasks"]),
        ),
        key=KeyStanding(
            caps=Caps(
                hour=cast("int | None", row["hour_credits_max"]),
                day=cast("int | None", row["day_credits_max"]),
                total=cast("int | None", row["total_credits_max"]),
            ),
            hour=int(row["hour_credits"]),
            day=int(row["day_credits"]),
            total=int(row["total_credits"]),
        ),
    )


def _standing(row: Row) -> Standing:
    return Standing(
        id=AccountId(cast("UUID", row["id"])),
        name=str(row["name"]),
        kind=Kind(row["kind"]),
        balance_credits=int(row["balance_credits"]),
        held_credits=int(row["held_credits"]),
        unfinished_tasks=int(row["unfinished_tasks"]),
        keys=int(row["keys"]),
        created_at=cast("datetime", row["created_at"]),
    )


def _account(row: Row) -> Account:
    return Account(
        id=AccountId(cast("UUID", row["id"])),
        name=str(row["name"]),
        balance_credits=int(row["balance_credits"]),
        callback_secret=Secret(str(row["callback_secret"])),
    )

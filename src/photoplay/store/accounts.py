"""Accounts and their keys. A key is stored as a hash alone."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast
from uuid import UUID

from photoplay.domain.callbacks import Secret
from photoplay.domain.tasks import AccountId, KeyId
from photoplay.store.database import Row, fetch, fetch_row

if TYPE_CHECKING:
    from photoplay.store.database import Connection

__all__ = ["Account", "Caller", "add_key", "ensure", "find_caller", "is_empty", "lock", "may_query", "read"]


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


async def is_empty(connection: "Connection") -> bool:
    """Say whether no account was ever made: the first start."""
    return not await fetch(connection, "accounts_any")


async def ensure(connection: "Connection", *, id: UUID, name: str, callback_secret: Secret) -> Account:
    """Return the account of this name, made now if there is none."""
    await fetch(connection, "accounts_insert", id=id, name=name, callback_secret=callback_secret.reveal())
    row = await fetch_row(connection, "accounts_by_name", name=name)
    assert row is not None, "an account that was just made is there"
    return _account(row)


async def read(connection: "Connection", account_id: AccountId) -> Account:
    row = await fetch_row(connection, "accounts_by_id", id=account_id)
    assert row is not None, "accounts are never removed"
    return _account(row)


async def lock(connection: "Connection", account_id: AccountId) -> Account:
    """Return the account, locked until the transaction ends: creates of one account go one by one."""
    row = await fetch_row(connection, "accounts_lock", id=account_id)
    assert row is not None, "accounts are never removed"
    return _account(row)


async def add_key(connection: "Connection", *, id: UUID, account_id: AccountId, prefix: str, sha256: bytes) -> None:
    await fetch(connection, "keys_insert", id=id, account_id=account_id, prefix=prefix, sha256=sha256)


async def find_caller(connection: "Connection", *, sha256: bytes) -> Caller | None:
    row = await fetch_row(connection, "keys_find", sha256=sha256)
    if row is None:
        return None
    return Caller(account_id=AccountId(cast("UUID", row["account_id"])), key_id=KeyId(cast("UUID", row["id"])))


async def may_query(connection: "Connection", key_id: KeyId, *, queries_max: int) -> bool:
    """Count one query of this key; False where it is one too many within a second, and was not counted."""
    return bool(await fetch(connection, "query_windows_count", key_id=key_id, queries_max=queries_max))


def _account(row: Row) -> Account:
    return Account(
        id=AccountId(cast("UUID", row["id"])),
        name=str(row["name"]),
        balance_credits=int(row["balance_credits"]),
        callback_secret=Secret(str(row["callback_secret"])),
    )

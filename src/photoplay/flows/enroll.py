"""Open an account, grant it credits, and make a key for it."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

from photoplay import clock
from photoplay.domain import credits
from photoplay.domain.callbacks import Secret
from photoplay.domain.errors import InvalidInput
from photoplay.domain.keys import (
    NO_TERMS,
    PLAY_CREDITS,
    RANDOM_BYTES,
    Kind,
    Terms,
    check_name,
    digest_key,
    make_key,
    shown_prefix,
)
from photoplay.domain.tasks import KeyId
from photoplay.flows.grant import check_note
from photoplay.store import accounts, keys, ledger

if TYPE_CHECKING:
    from photoplay.store.accounts import Account, Standing
    from photoplay.store.database import Connection, Database

__all__ = [
    "ADMIN_KEY_FILE",
    "FIRST_ACCOUNT",
    "KEY_FILE",
    "SECRET_FILE",
    "TEST_KEY_FILE",
    "TEST_SECRET_FILE",
    "NewKey",
    "enroll",
    "enroll_first",
    "enroll_tester",
    "make_key_of",
    "new_secret",
    "open_account",
    "require_future",
    "write_private",
]

log = structlog.get_logger()

FIRST_ACCOUNT: Final = "default"
KEY_FILE: Final = "key"
ADMIN_KEY_FILE: Final = "admin-key"
TEST_KEY_FILE: Final = "test-key"
SECRET_FILE: Final = "callback-secret"  # noqa: S105 - a file's name
TEST_SECRET_FILE: Final = "test-callback-secret"  # noqa: S105 - likewise
# Standard Webhooks asks for 24 to 64 bytes.
SECRET_BYTES: Final = 32
OPERATOR: Final = "operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key to be made; its account is made with it where there is none."""

    account: str
    kind: Kind = Kind.LIVE
    name: str = ""
    """To tell the keys of an account apart; may be empty."""
    terms: Terms = NO_TERMS
    is_admin: bool = False
    granted: int = 0
    """Credits that its account is given with it."""


async def enroll(db: "Database", *, account: str, granted: int, kind: Kind = Kind.LIVE) -> str:
    """Make the account if needed, grant it credits, and return a new key for it. The key is not kept."""
    text, _ = await make_key_of(db, NewKey(account=account, kind=kind, granted=granted), actor=OPERATOR)
    return text


async def make_key_of(db: "Database", new: NewKey, *, actor: str) -> tuple[str, KeyId]:
    """Return the text of a new key, which is not kept, and its id. Raises: InvalidInput for a wrong name."""
    text = make_key(clock.new_random(RANDOM_BYTES), new.kind)
    check_name(new.account, field="account")
    if new.name:
        check_name(new.name, field="name")
    async with db.transaction() as tx:
        return text, await _add_key(tx, new, text=text, secret=new_secret(), actor=actor)


async def open_account(db: "Database", *, name: str, kind: Kind, granted: int, note: str, actor: str) -> "Standing":
    """Make an account. Raises: InvalidInput if the name is wrong or taken, or the note gives no reason."""
    check_name(name, field="account")
    check_note(note)
    async with db.transaction() as tx:
        account, is_new = await _ensure(tx, name=name, kind=kind, secret=new_secret(), actor=actor)
        if not is_new:
            raise InvalidInput(f"account: there is a {kind} account {name} already", field="account")
        await _grant(tx, account, granted, actor=actor, note=note)
        (opened,) = await accounts.list_all(tx, name=name, kind=kind)
        return opened


async def enroll_first(db: "Database", *, data_dir: Path, granted: int) -> bool:
    """Make the first account, if there is none, and leave its keys and secret in the data directory."""
    secret = new_secret()
    key, admin_key = (make_key(clock.new_random(RANDOM_BYTES), Kind.LIVE) for _ in range(2))
    async with db.transaction() as tx:
        if not await accounts.is_empty(tx):
            return False
        for name in (KEY_FILE, ADMIN_KEY_FILE, SECRET_FILE):
            _set_aside(data_dir / name)
        # Before the commit: a key that is in the database alone could never be read again.
        write_private(data_dir / KEY_FILE, key)
        write_private(data_dir / ADMIN_KEY_FILE, admin_key)
        write_private(data_dir / SECRET_FILE, secret.reveal())
        first = NewKey(account=FIRST_ACCOUNT, name="first", granted=granted)
        await _add_key(tx, first, text=key, secret=secret, actor=OPERATOR, note="welcome credits")
        admin = NewKey(account=FIRST_ACCOUNT, name="admin", is_admin=True)
        await _add_key(tx, admin, text=admin_key, secret=secret, actor=OPERATOR)
    return True


async def enroll_tester(db: "Database", *, data_dir: Path) -> None:
    """Leave a test key in the data directory, unless there is one that works, and the secret of its account."""
    path = data_dir / TEST_KEY_FILE
    text = make_key(clock.new_random(RANDOM_BYTES), Kind.TEST)
    async with db.transaction() as tx:
        if path.exists() and await accounts.find_callers(tx, {digest_key(path.read_text().strip())}):
            return
        _set_aside(path)
        new = NewKey(account=FIRST_ACCOUNT, kind=Kind.TEST, name="sandbox")
        account, _ = await _ensure(tx, name=new.account, kind=new.kind, secret=new_secret(), actor=OPERATOR)
        await _add_key(tx, new, text=text, secret=account.callback_secret, actor=OPERATOR)
        write_private(data_dir / TEST_SECRET_FILE, account.callback_secret.reveal())
        write_private(data_dir / TEST_KEY_FILE, text)


def _set_aside(path: Path) -> None:
    """Keep the file of an earlier database: its key may be of use there."""
    if path.exists():
        path.replace(path.with_name(f"{path.name}.old"))
        log.warning("key_file.set_aside", path=f"{path.name}.old")


def require_future(terms: Terms) -> None:
    """Raises: InvalidInput for a key that would be over before it is used."""
    if terms.expires_at is not None and terms.expires_at <= clock.now():
        raise InvalidInput(
            f"expiresAt: must be in the future, got {terms.expires_at:%Y-%m-%d %H:%M:%S} UTC", field="expiresAt"
        )


async def _add_key(
    tx: "Connection", new: NewKey, *, text: str, secret: Secret, actor: str, note: str = "with a key"
) -> KeyId:
    require_future(new.terms)
    account, _ = await _ensure(tx, name=new.account, kind=new.kind, secret=secret, actor=actor)
    await _grant(tx, account, new.granted, actor=actor, note=note)
    key_id = KeyId(clock.new_uuid())
    await keys.add(
        tx,
        id=key_id,
        account_id=account.id,
        name=new.name,
        prefix=shown_prefix(text),
        sha256=digest_key(text),
        terms=new.terms,
        is_admin=new.is_admin,
    )
    return key_id


async def _ensure(tx: "Connection", *, name: str, kind: Kind, secret: Secret, actor: str) -> "tuple[Account, bool]":
    account, is_new = await accounts.ensure(tx, id=clock.new_uuid(), name=name, kind=kind, callback_secret=secret)
    if is_new and kind is Kind.TEST:
        await _grant(tx, account, PLAY_CREDITS, actor=actor, note="play credits")
    return account, is_new


async def _grant(tx: "Connection", account: "Account", amount: int, *, actor: str, note: str) -> None:
    if amount:
        movement = credits.grant(account.id, amount, actor=actor, note=note)
        await ledger.move(tx, movement, movement_id=clock.new_uuid())


def new_secret() -> Secret:
    return Secret.from_bytes(clock.new_random(SECRET_BYTES))


def write_private(path: Path, line: str) -> None:
    """Write one line that the owner alone can read; whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(line + "\n")
    part.replace(path)

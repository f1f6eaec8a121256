"""Open an account, grant it credits, and make a key for it."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from photoplay import clock
from photoplay.domain import credits
from photoplay.domain.callbacks import Secret
from photoplay.domain.keys import RANDOM_BYTES, digest_key, make_key, shown_prefix
from photoplay.store import accounts, ledger

if TYPE_CHECKING:
    from photoplay.store.database import Connection, Database

__all__ = ["FIRST_ACCOUNT", "KEY_FILE", "enroll", "enroll_first"]

FIRST_ACCOUNT: Final = "default"
KEY_FILE: Final = "key"
SECRET_FILE: Final = "callback-secret"  # noqa: S105 - a file's name
# Standard Webhooks asks for 24 to 64 bytes.
SECRET_BYTES: Final = 32


async def enroll(db: "Database", *, account: str, granted: int) -> str:
    """Make the account if needed, grant it credits, and return a new key for it. The key is not kept."""
    key = make_key(clock.new_random(RANDOM_BYTES))
    async with db.transaction() as tx:
        await _enroll(tx, account=account, granted=granted, key=key, secret=_new_secret())
    return key


async def enroll_first(db: "Database", *, data_dir: Path, granted: int) -> bool:
    """Make the first account, if there is none, and leave its key and secret in the data directory."""
    key, secret = make_key(clock.new_random(RANDOM_BYTES)), _new_secret()
    async with db.transaction() as tx:
        if not await accounts.is_empty(tx):
            return False
        # Before the commit: a key that is in the database alone could never be read again.
        _write_private(data_dir / KEY_FILE, key)
        _write_private(data_dir / SECRET_FILE, secret.reveal())
        await _enroll(tx, account=FIRST_ACCOUNT, granted=granted, key=key, secret=secret)
    return True


async def _enroll(tx: "Connection", *, account: str, granted: int, key: str, secret: Secret) -> None:
    opened = await accounts.ensure(tx, id=clock.new_uuid(), name=account, callback_secret=secret)
    if granted:
        await ledger.move(tx, credits.grant(opened.id, granted, actor="operator"), movement_id=clock.new_uuid())
    await accounts.add_key(
        tx, id=clock.new_uuid(), account_id=opened.id, prefix=shown_prefix(key), sha256=digest_key(key)
    )


def _new_secret() -> Secret:
    return Secret.from_bytes(clock.new_random(SECRET_BYTES))


def _write_private(path: Path, line: str) -> None:
    """Write one line that the owner alone can read; whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(line + "\n")
    part.replace(path)

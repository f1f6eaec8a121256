"""Accounts and keys: made once, readable by their owner alone, and never kept in clear."""

import stat
from pathlib import Path

from photoplay.domain.callbacks import Secret
from photoplay.domain.keys import digest_key, is_well_formed
from photoplay.flows.enroll import KEY_FILE, enroll, enroll_first
from photoplay.store import accounts
from photoplay.store.database import Database
from scenes import balances, footprint, rows, value

EVERY_TABLE = "select table_name from information_schema.tables where table_schema = 'photoplay'"


async def everything_in(db: Database) -> str:
    """All rows of all tables, as text."""
    texts = [await rows(db, f"select t::text from {name} t") for (name,) in await rows(db, EVERY_TABLE)]
    return "\n".join(str(row) for table in texts for row in table)


def modes_in(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


def texts_in(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text().strip() for path in folder.iterdir()}


async def test_the_first_start_leaves_key_and_secret_for_the_owner_alone(db: Database, tmp_path: Path) -> None:
    is_first = await enroll_first(db, data_dir=tmp_path, granted=1000)

    assert is_first is True
    assert modes_in(tmp_path) == {"key": 0o600, "callback-secret": 0o600}


async def test_the_key_of_the_first_start_is_live(db: Database, tmp_path: Path) -> None:
    await enroll_first(db, data_dir=tmp_path, granted=1000)
    texts = texts_in(tmp_path)
    key, secret = texts[KEY_FILE], texts["callback-secret"]

    async with db.connection() as connection:
        caller = await accounts.find_caller(connection, sha256=digest_key(key))
        assert caller is not None
        account = await accounts.read(connection, caller.account_id)

    assert is_well_formed(key)
    assert (account.name, account.balance_credits) == ("default", 1000)
    assert account.callback_secret.reveal() == secret
    assert len(Secret(secret).key()) == 32


async def test_a_second_start_makes_nothing(db: Database, tmp_path: Path) -> None:
    await enroll_first(db, data_dir=tmp_path, granted=1000)
    before = [await footprint(db), texts_in(tmp_path)]

    is_first = await enroll_first(db, data_dir=tmp_path, granted=1000)

    assert is_first is False
    assert [await footprint(db), texts_in(tmp_path)] == before
    assert await value(db, "select count(*) from keys") == 1


async def test_a_first_start_without_credits_moves_none(db: Database, tmp_path: Path) -> None:
    await enroll_first(db, data_dir=tmp_path, granted=0)

    assert await balances(db) == (0, 0)
    assert await rows(db, "select id from postings") == []


async def test_a_key_is_nowhere_in_clear(db: Database) -> None:
    key = await enroll(db, account="tester", granted=5)

    kept = await everything_in(db)
    assert digest_key(key).hex() in kept
    assert key not in kept
    # What a list shows of it; the rest must not be found.
    assert key[:14] in kept
    assert key[:15] not in kept


async def test_another_key_for_an_account_keeps_its_secret_and_adds_credits(db: Database) -> None:
    first = await enroll(db, account="tester", granted=5)
    secret = await value(db, "select callback_secret from accounts")
    second = await enroll(db, account="tester", granted=7)

    assert first != second
    assert await rows(db, "select name, balance_credits::int, callback_secret from accounts") == [
        ("tester", 12, secret)
    ]
    assert await value(db, "select count(*) from keys where revoked_at is null") == 2

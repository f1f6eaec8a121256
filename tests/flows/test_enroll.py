"""Accounts and keys: made once, readable by their owner alone, and never kept in clear."""

import stat
from pathlib import Path

import pytest

from photoplay.domain.callbacks import Secret
from photoplay.domain.errors import InvalidInput
from photoplay.domain.keys import Kind, digest_key, is_well_formed
from photoplay.flows.enroll import KEY_FILE, enroll, enroll_first, enroll_tester
from photoplay.store import accounts
from photoplay.store.database import Database
from scenes import balances, find_caller, footprint, rows, value

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
    assert modes_in(tmp_path) == {"key": 0o600, "admin-key": 0o600, "callback-secret": 0o600}


async def test_the_key_of_the_first_start_is_live(db: Database, tmp_path: Path) -> None:
    await enroll_first(db, data_dir=tmp_path, granted=1000)
    texts = texts_in(tmp_path)
    key, secret = texts[KEY_FILE], texts["callback-secret"]

    async with db.connection() as connection:
        caller = await find_caller(connection, key)
        assert caller is not None
        account = await accounts.read(connection, caller.account_id)

    assert is_well_formed(key)
    assert (account.name, account.balance_credits) == ("default", 1000)
    assert account.callback_secret.reveal() == secret
    assert len(Secret(secret).key()) == 32


async def test_the_first_start_makes_an_admin_key_beside_the_first(db: Database, tmp_path: Path) -> None:
    await enroll_first(db, data_dir=tmp_path, granted=1000)
    texts = texts_in(tmp_path)

    async with db.connection() as connection:
        first, admin = [await find_caller(connection, texts[name]) for name in ("key", "admin-key")]

    assert first is not None
    assert admin is not None
    assert (first.is_admin, admin.is_admin) == (False, True)
    assert first.account_id == admin.account_id


async def test_a_test_account_begins_with_play_credits_once(db: Database) -> None:
    key = await enroll(db, account="tester", granted=0, kind=Kind.TEST)
    await enroll(db, account="tester", granted=0, kind=Kind.TEST)

    assert key.startswith("pp_test_")
    assert await rows(db, "select kind, balance_credits::int from accounts") == [("test", 1_000_000)]
    assert await value(db, "select note from postings limit 1") == "play credits"


@pytest.mark.parametrize("name", ["", " a", "a/b", "=1+1", "a\nb", "x" * 101])
async def test_a_name_that_is_none_is_refused(name: str, db: Database) -> None:
    with pytest.raises(InvalidInput, match=r"^account: "):
        await enroll(db, account=name, granted=0)

    assert await value(db, "select count(*) from accounts") == 0


async def test_a_second_start_makes_nothing(db: Database, tmp_path: Path) -> None:
    await enroll_first(db, data_dir=tmp_path, granted=1000)
    before = [await footprint(db), texts_in(tmp_path)]

    is_first = await enroll_first(db, data_dir=tmp_path, granted=1000)

    assert is_first is False
    assert [await footprint(db), texts_in(tmp_path)] == before
    assert await value(db, "select count(*) from keys") == 2


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


async def test_a_sandbox_leaves_a_test_key_and_its_secret_once(db: Database, tmp_path: Path) -> None:
    await enroll_tester(db, data_dir=tmp_path)
    texts = {name: (tmp_path / name).read_text().strip() for name in ("test-key", "test-callback-secret")}
    await enroll_tester(db, data_dir=tmp_path)
    async with db.connection() as connection:
        found = await find_caller(connection, texts["test-key"])

    assert found is not None
    assert found.kind is Kind.TEST
    assert await value(db, "select callback_secret from accounts") == texts["test-callback-secret"]
    assert await value(db, "select count(*) from keys") == 1
    assert set(modes_in(tmp_path).values()) == {0o600}
    assert (tmp_path / "test-key").read_text().strip() == texts["test-key"]


async def test_a_test_key_that_this_database_does_not_know_is_set_aside(db: Database, tmp_path: Path) -> None:
    (tmp_path / "test-key").write_text("pp_test_of_another_database\n")

    await enroll_tester(db, data_dir=tmp_path)

    key = (tmp_path / "test-key").read_text().strip()
    async with db.connection() as connection:
        assert await find_caller(connection, key) is not None
    assert (tmp_path / "test-key.old").read_text() == "pp_test_of_another_database\n"


async def test_a_new_database_in_an_old_folder_keeps_the_keys_of_the_old_one(db: Database, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("pp_live_of_another_database\n")

    await enroll_first(db, data_dir=tmp_path, granted=0)

    assert (tmp_path / "key.old").read_text() == "pp_live_of_another_database\n"

"""The ledger's check: it says what it compared, and finds every kind of number that does not agree."""

import pytest

from photoplay.domain.errors import EngineRejected
from photoplay.flows.audit import audit, audit_in_turn
from photoplay.flows.parts import ApiParts, WorkerParts
from photoplay.flows.submit import submit
from photoplay.store.accounts import Caller
from photoplay.store.database import Database
from scenes import fail, rows, submission, succeed, value

TRIGGERS = ("postings_are_append_only", "movements_sum_to_zero")


@pytest.fixture
async def history(parts: ApiParts, worker: WorkerParts, caller: Caller) -> None:
    """An account with one task of each kind: waiting, succeeded, failed."""
    _, good, bad = [await submit(submission(), caller=caller, parts=parts) for _ in range(3)]
    await succeed(good, parts=worker)
    await fail(bad, EngineRejected("no"), parts=worker)


async def force(db: Database, statement: str) -> None:
    """Do what nothing in the server can, with the guards out of the way."""
    owner = await value(db, "select current_user")
    await rows(db, f"grant update, delete on postings to {owner}")
    for trigger in TRIGGERS:
        await rows(db, f"alter table postings disable trigger {trigger}")
    await rows(db, statement)


@pytest.mark.usefixtures("history")
async def test_it_says_what_it_compared(db: Database) -> None:
    result = await audit(db)

    counted = {compared.what: compared.count for compared in result.compared}
    assert result.differences == ()
    assert list(counted.values()) == [6, 12, 1, 1, 1, 2, 3, 1000, 968, 16, 16]
    assert counted["credits issued"] == sum(
        counted[name] for name in ("credits available", "credits held", "credits of revenue")
    )


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("update accounts set balance_credits = 5", "account tester (live): the balance is 5, must be 968"),
        ("update accounts set held_credits = 0", "account tester (live): what is held is 0, must be 16"),
        (
            "update accounts set unfinished_tasks = 3",
            "account tester (live): the number of unfinished tasks is 3, must be 1",
        ),
        ("update keys set total_credits = 48", "what it has spent is 48, must be 32"),
        ("update tasks set price_credits = 36 where state = 'waiting'", "what it holds is 16, must be 36"),
        (
            "update tasks set price_credits = 20, charged_credits = 20 where state = 'succeeded'",
            "what it was charged is 20, must be 16",
        ),
        ("delete from tasks where state = 'waiting'", "the number of its posts and releases is 0, must be 1"),
        (
            (
                "update tasks set state = 'cancelled', finished_at = now(), fail_code = '499', fail_message = 'x'"
                " where state = 'waiting'"
            ),
            "the number of its posts and releases is 0, must be 1",
        ),
        ("delete from postings where reason = 'hold' and book = 'held'", "the number of its holds is 0, must be 1"),
        ("delete from postings where reason = 'release'", "the number of its posts and releases is 0, must be 1"),
        (
            "update postings set credits = 17 where reason = 'post' and book = 'revenue'",
            "the sum of its postings is 1 in 2, must be 0 in 2",
        ),
        ("delete from postings where book = 'issued'", "the sum of its postings is 1000 in 1, must be 0 in 2"),
    ],
)
async def test_every_number_that_does_not_agree_is_found(statement: str, said: str, db: Database) -> None:
    await force(db, statement)

    result = await audit(db)

    assert any(str(difference).endswith(said) for difference in result.differences), [*map(str, result.differences)]


@pytest.mark.usefixtures("history")
async def test_the_entries_of_a_removed_task_still_agree(db: Database) -> None:
    await rows(db, "delete from files")
    await rows(db, "delete from tasks where state in ('succeeded', 'failed')")

    assert (await audit(db)).differences == ()


@pytest.mark.usefixtures("history")
async def test_a_check_that_is_under_way_sees_one_moment(parts: ApiParts, caller: Caller, db: Database) -> None:
    async with db.snapshot() as snapshot:
        before = await snapshot.fetchval("select count(*) from postings")
        await submit(submission(), caller=caller, parts=parts)

        assert await snapshot.fetchval("select count(*) from postings") == before
    assert await value(db, "select count(*) from postings") == before + 2


@pytest.mark.usefixtures("history")
async def test_workers_take_turns_and_leave_the_result(worker: WorkerParts, db: Database) -> None:
    await rows(db, "update accounts set balance_credits = 5")
    await audit_in_turn(worker)
    first = await rows(db, "select differences, finished_at from ledger_checks")
    await rows(db, "update accounts set balance_credits = 968")

    await audit_in_turn(worker)
    assert await rows(db, "select differences, finished_at from ledger_checks") == first
    assert first[0][0] == 1

    await rows(db, "update ledger_checks set began_at = began_at - interval '10 minutes'")
    await audit_in_turn(worker)
    assert await rows(db, "select differences from ledger_checks") == [(0,)]

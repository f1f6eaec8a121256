"""The ledger's own constraints: they hold even against code that is wrong."""

from collections.abc import Awaitable, Callable

import asyncpg
import pytest

from photoplay import clock
from photoplay.domain import credits
from photoplay.domain.credits import Movement, Payer
from photoplay.domain.tasks import TaskId
from photoplay.flows.parts import ApiParts
from photoplay.flows.submit import submit
from photoplay.store import ledger
from photoplay.store.accounts import Caller
from photoplay.store.database import Database
from scenes import MODEL, balances, rows, submission, value

PRICE = 16
POSTING = (
    "insert into postings (movement_id, reason, book, account_id, credits, actor)"
    " select $1, 'grant', book, $2, credits, 'test' from unnest($3::text[], $4::bigint[]) as p (book, credits)"
)

Verb = Callable[[Payer, int], Movement]
Move = Callable[[Movement], Awaitable[int]]


@pytest.fixture
async def task_id(parts: ApiParts, caller: Caller) -> TaskId:
    """A task whose price of 16 is held, of 1000."""
    return await submit(submission(), caller=caller, parts=parts)


@pytest.fixture
def payer(task_id: TaskId, caller: Caller) -> Payer:
    """Who pays for that task."""
    return Payer(account_id=caller.account_id, key_id=caller.key_id, task_id=task_id, model=MODEL)


@pytest.fixture
def move(db: Database) -> Move:
    async def write(movement: Movement) -> int:
        async with db.transaction() as tx:
            return await ledger.move(tx, movement, movement_id=clock.new_uuid())

    return write


async def test_a_movement_is_two_postings_and_the_new_balance(caller: Caller, db: Database, move: Move) -> None:
    balance = await move(credits.grant(caller.account_id, 50, actor="operator"))

    assert balance == 1050
    assert await rows(
        db, "select reason, book, credits, actor, task_id from postings where credits in (50, -50) order by id"
    ) == [("grant", "issued", -50, "operator", None), ("grant", "available", 50, "operator", None)]


@pytest.mark.parametrize(
    "statement",
    [
        "update postings set credits = 0",
        "update postings set actor = 'me' where id = 1",
        "delete from postings",
        "delete from postings where reason = 'grant'",
        "truncate postings",
        "truncate accounts cascade",
    ],
)
async def test_entries_cannot_be_changed(statement: str, task_id: TaskId, db: Database) -> None:
    before = await rows(db, "select * from postings order by id")

    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="postings"):
        await rows(db, statement)

    assert await rows(db, "select * from postings order by id") == before
    assert task_id


@pytest.mark.parametrize(
    ("books", "amounts"),
    [
        (["available"], [5]),
        (["issued", "available"], [-5, 6]),
        (["issued", "available", "held"], [-5, 3, 2]),
        (["issued"], [0]),
    ],
    ids=["one side", "unequal", "three", "nothing"],
)
async def test_what_is_no_transfer_is_refused(
    books: list[str], amounts: list[int], caller: Caller, db: Database
) -> None:
    with pytest.raises(asyncpg.RaiseError, match="two postings that sum to zero"):
        await rows(db, POSTING, clock.new_uuid(), caller.account_id, books, amounts)


async def test_a_second_hold_is_refused(payer: Payer, db: Database, move: Move) -> None:
    with pytest.raises(asyncpg.UniqueViolationError, match="one_hold_a_task"):
        await move(credits.hold(payer, PRICE))

    assert await balances(db) == (984, 16)


@pytest.mark.parametrize("first", [credits.post, credits.release])
@pytest.mark.parametrize("second", [credits.post, credits.release])
async def test_a_second_resolution_is_refused(
    first: Verb, second: Verb, payer: Payer, parts: ApiParts, caller: Caller, move: Move
) -> None:
    # A second task, so that its held credits would pay for the mistake.
    await submit(submission(), caller=caller, parts=parts)
    await move(first(payer, PRICE))
    before = await balances(parts.db)

    with pytest.raises(asyncpg.UniqueViolationError, match="one_resolution_a_task"):
        await move(second(payer, PRICE))

    assert await balances(parts.db) == before


async def test_a_balance_cannot_go_below_zero(payer: Payer, db: Database, move: Move) -> None:
    await rows(db, "update accounts set balance_credits = 10")

    with pytest.raises(asyncpg.CheckViolationError, match="balance_credits"):
        await move(credits.hold(payer, 11))

    assert await balances(db) == (10, 16)


async def test_no_more_can_be_resolved_than_is_held(payer: Payer, db: Database, move: Move) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match="held_credits"):
        await move(credits.post(payer, PRICE + 1))

    assert await balances(db) == (984, 16)


async def test_the_balances_are_what_the_entries_say(payer: Payer, caller: Caller, db: Database, move: Move) -> None:
    await move(credits.release(payer, PRICE))
    await move(credits.grant(caller.account_id, 7, actor="operator"))

    books = dict(await rows(db, "select book, sum(credits)::int from postings group by book"))
    assert (books["available"], books["held"]) == await balances(db) == (1007, 0)
    assert await value(db, "select sum(credits)::int from postings") == 0

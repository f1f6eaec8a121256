"""Top-ups and corrections: entries with an actor and a reason, once for each Idempotency-Key."""

import asyncio
from dataclasses import replace

import pytest

from photoplay.domain.credits import Reason
from photoplay.domain.errors import InvalidInput, NotFound
from photoplay.domain.keys import Kind
from photoplay.flows.audit import audit
from photoplay.flows.enroll import enroll, open_account
from photoplay.flows.grant import Adjustment, grant
from photoplay.store.database import Database
from scenes import balances, rows, value

TOP_UP = Adjustment(reason=Reason.GRANT, account="tester", kind=Kind.LIVE, credits=50, note="invoice 1042")

pytestmark = pytest.mark.usefixtures("key")


async def test_a_top_up_names_its_actor_and_its_reason(db: Database) -> None:
    after = await grant(db, TOP_UP, actor="operator:ann")

    assert after.balance_credits == 1050
    assert await rows(db, "select reason, book, credits, actor, note from postings where actor like '%ann'") == [
        ("grant", "issued", -50, "operator:ann", "invoice 1042"),
        ("grant", "available", 50, "operator:ann", "invoice 1042"),
    ]


async def test_a_correction_takes_back_and_leaves_both_entries(db: Database) -> None:
    await grant(db, TOP_UP, actor="operator:ann")
    after = await grant(db, replace(TOP_UP, reason=Reason.CORRECT, note="a slip"), actor="operator:ann")

    assert after.balance_credits == 1000
    assert await value(db, "select count(*) from postings where actor = 'operator:ann'") == 4
    assert (await audit(db)).differences == ()


async def test_more_than_the_balance_cannot_be_taken_back(db: Database) -> None:
    with pytest.raises(InvalidInput, match="credits: 1001 cannot be taken back, the balance is 1000"):
        await grant(db, replace(TOP_UP, reason=Reason.CORRECT, credits=1001), actor="operator")

    assert await balances(db) == (1000, 0)


async def test_parallel_repetitions_of_one_top_up_move_credits_once(db: Database) -> None:
    once = replace(TOP_UP, idempotency_key="invoice-1042")

    async with asyncio.TaskGroup() as group:
        tries = [group.create_task(grant(db, once, actor="operator")) for _ in range(8)]

    assert {each.result().balance_credits for each in tries} == {1050}
    assert await value(db, "select count(*) from postings where note = 'invoice 1042'") == 2


@pytest.mark.parametrize("change", [{"credits": 51}, {"note": "another"}, {"reason": Reason.CORRECT}], ids=str)
async def test_another_adjustment_with_the_same_idempotency_key_is_refused(
    change: dict[str, object], db: Database
) -> None:
    once = replace(TOP_UP, idempotency_key="invoice-1042")
    await grant(db, once, actor="operator")

    with pytest.raises(InvalidInput, match=r"^Idempotency-Key: it was used for another adjustment"):
        await grant(db, replace(once, **change), actor="operator")  # pyright: ignore[reportArgumentType] - one field each

    assert await balances(db) == (1050, 0)


async def test_an_idempotency_key_is_one_accounts_own(db: Database) -> None:
    await enroll(db, account="other", granted=0)
    once = replace(TOP_UP, idempotency_key="k")

    await grant(db, once, actor="operator")
    after = await grant(db, replace(once, account="other"), actor="operator")

    assert after.balance_credits == 50


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"credits": 0}, "credits: 0 is not within 1 to"),
        ({"credits": 10**15 + 1}, "credits: 1000000000000001 is not within 1 to"),
        ({"note": " "}, "note: say why in 1 to 500 characters, got 1"),
        ({"note": "x" * 501}, "note: say why in 1 to 500 characters, got 501"),
    ],
    ids=str,
)
async def test_a_wrong_adjustment_moves_nothing(change: dict[str, object], said: str, db: Database) -> None:
    with pytest.raises(InvalidInput, match=said):
        await grant(db, replace(TOP_UP, **change), actor="operator")  # pyright: ignore[reportArgumentType] - likewise

    assert await balances(db) == (1000, 0)


async def test_the_first_credits_of_an_account_need_a_reason_too(db: Database) -> None:
    with pytest.raises(InvalidInput, match=r"^note: say why"):
        await open_account(db, name="new", kind=Kind.LIVE, granted=50, note="   ", actor="operator")

    assert await value(db, "select count(*) from accounts where name = 'new'") == 0


@pytest.mark.parametrize("change", [{"account": "nobody"}, {"kind": Kind.TEST}], ids=str)
async def test_an_unknown_account_is_refused(change: dict[str, object], db: Database) -> None:
    with pytest.raises(NotFound, match=r"^There is no \w+ account"):
        await grant(db, replace(TOP_UP, **change), actor="operator")  # pyright: ignore[reportArgumentType] - likewise

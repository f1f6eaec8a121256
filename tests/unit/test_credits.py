"""Double entry: whatever happens to tasks, no credit appears or goes."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photoplay.domain import credits
from photoplay.domain.credits import Book, Movement, Payer, Posting, Reason
from photoplay.domain.tasks import AccountId, KeyId, TaskId

ACCOUNT = AccountId(UUID(int=1))
PAYER = Payer(account_id=ACCOUNT, key_id=KeyId(UUID(int=3)), task_id=TaskId(UUID(int=2)), model="a/b")

Balances = Counter[Book]


@st.composite
def histories(draw: st.DrawFn) -> list[Movement]:
    """What an account can live through: grants, and tasks that are held and then posted, released or left."""
    history = [credits.grant(ACCOUNT, draw(st.integers(0, 10**15)), actor="operator")]
    for number in range(draw(st.integers(0, 12))):
        payer, price = replace(PAYER, task_id=TaskId(UUID(int=number))), draw(st.integers(0, 10**6))
        history.append(credits.hold(payer, price))
        resolve = draw(st.sampled_from([credits.post, credits.release, None]))
        if resolve is not None:
            history.append(resolve(payer, price))
    return history


def total(history: list[Movement]) -> Balances:
    books: Balances = Counter()
    for movement in history:
        for book in Book:
            books[book] += movement.change(book)
    return books


@given(histories())
def test_any_history_sums_to_zero(history: list[Movement]) -> None:
    assert sum(total(history).values()) == 0


@given(histories())
def test_what_is_held_is_what_unresolved_holds_say(history: list[Movement]) -> None:
    resolved = {m.payer for m in history if m.reason in {Reason.POST, Reason.RELEASE}}
    unresolved = [m for m in history if m.reason is Reason.HOLD and m.payer not in resolved]

    assert total(history)[Book.HELD] == sum(m.change(Book.HELD) for m in unresolved)


@given(st.integers(0, 10**15))
def test_a_hold_that_is_released_changes_nothing(price: int) -> None:
    books = total([credits.hold(PAYER, price), credits.release(PAYER, price)])

    assert set(books.values()) == {0}


@pytest.mark.parametrize(
    ("movement", "reason", "source", "target", "actor"),
    [
        (credits.grant(ACCOUNT, 7, actor="operator"), "grant", Book.ISSUED, Book.AVAILABLE, "operator"),
        (
            credits.correct(ACCOUNT, 7, actor="operator", note="twice"),
            "correct",
            Book.AVAILABLE,
            Book.ISSUED,
            "operator",
        ),
        (credits.hold(PAYER, 7), "hold", Book.AVAILABLE, Book.HELD, "task"),
        (credits.post(PAYER, 7), "post", Book.HELD, Book.REVENUE, "task"),
        (credits.release(PAYER, 7), "release", Book.HELD, Book.AVAILABLE, "task"),
    ],
    ids=["grant", "correct", "hold", "post", "release"],
)
def test_each_verb_moves_between_its_two_books(
    movement: Movement, reason: str, source: Book, target: Book, actor: str
) -> None:
    expected = dict.fromkeys(Book, 0) | {source: -7, target: 7}

    assert {book: movement.change(book) for book in Book} == expected
    assert (movement.reason, movement.actor, movement.account_id) == (reason, actor, ACCOUNT)
    assert movement.payer == (PAYER if actor == "task" else None)


@pytest.mark.parametrize(
    ("taken", "given"),
    [(-5, 4), (-5, 6), (5, -5), (0, 1), (5, 5), (-5, -5)],
    ids=["gives less", "gives more", "goes backwards", "from nothing", "only gives", "only takes"],
)
def test_what_is_not_a_transfer_is_refused(taken: int, given: int) -> None:
    postings = (Posting(book=Book.AVAILABLE, credits=taken), Posting(book=Book.HELD, credits=given))

    with pytest.raises(AssertionError, match="must take and give the same"):
        Movement(reason=Reason.HOLD, account_id=ACCOUNT, payer=PAYER, actor="task", note="", postings=postings)


@pytest.mark.parametrize("verb", [credits.hold, credits.post, credits.release])
def test_a_negative_amount_is_refused(verb: Callable[[Payer, int], Movement]) -> None:
    with pytest.raises(AssertionError):
        verb(PAYER, -1)

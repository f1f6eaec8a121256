"""Keys that change: rotated, revoked, limited; and caps that hold through all of it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from photoplay.domain.errors import EngineRejected, InvalidInput, KeyCapReached, NotFound, Unauthorized
from photoplay.domain.keys import NO_TERMS, Terms, parse_network, shown_prefix
from photoplay.domain.limits import Caps
from photoplay.flows.audit import audit
from photoplay.flows.enroll import NewKey, make_key_of
from photoplay.flows.parts import ApiParts, WorkerParts
from photoplay.flows.rotate import find_key, limit, revoke, rotate
from photoplay.flows.submit import submit
from photoplay.store.accounts import Caller
from photoplay.store.database import Database
from photoplay.store.keys import Key
from scenes import fail, find_caller, let_the_hour_change, rows, submission, value

HOUR = timedelta(hours=1)


async def caller_of(text: str, db: Database) -> Caller | None:
    async with db.connection() as connection:
        return await find_caller(connection, text)


async def shown(sought: str, db: Database) -> Key:
    async with db.connection() as connection:
        return await find_key(connection, sought)


async def test_a_rotated_key_has_a_new_text_and_keeps_all_else(key: str, db: Database) -> None:
    terms = Terms(caps=Caps(day=5), models=frozenset({"a/b"}), networks=(parse_network("10.0.0.0/8"),))
    before = await limit(db, key, lambda _: terms)

    text, after = await rotate(db, key, overlap=timedelta())

    assert await caller_of(key, db) is None
    assert await caller_of(text, db) is not None
    assert after == replace(before, prefix=shown_prefix(text))


async def test_the_old_text_is_good_for_the_overlap_and_no_longer(key: str, db: Database) -> None:
    text, rotated = await rotate(db, key, overlap=HOUR)
    both = [await caller_of(each, db) for each in (key, text)]
    await rows(db, "update keys set previous_until = now()")

    assert both[0] is not None
    assert both[0] == both[1]
    assert rotated.previous_prefix == shown_prefix(key)
    assert await caller_of(key, db) is None
    assert await caller_of(text, db) is not None


async def test_a_second_rotation_ends_the_first_text(key: str, db: Database) -> None:
    second, _ = await rotate(db, key, overlap=HOUR)
    third, _ = await rotate(db, second, overlap=HOUR)

    assert [await caller_of(text, db) is not None for text in (key, second, third)] == [False, True, True]


async def test_a_rotation_does_not_open_a_spent_cap_again(
    key: str, caller: Caller, parts: ApiParts, db: Database
) -> None:
    await limit(db, key, lambda terms: replace(terms, caps=Caps(total=16)))
    await submit(submission(), caller=caller, parts=parts)
    text, _ = await rotate(db, key, overlap=HOUR)
    rotated = await caller_of(text, db)
    assert rotated is not None

    with pytest.raises(KeyCapReached, match="in total it has spent 16 of 16 credits, and this task costs 16"):
        await submit(submission(), caller=rotated, parts=parts)


async def test_a_revoked_key_ends_at_once_with_all_its_texts(key: str, db: Database) -> None:
    text, _ = await rotate(db, key, overlap=HOUR)
    revoked = await revoke(db, text)

    assert revoked.revoked_at is not None
    assert [await caller_of(each, db) for each in (key, text)] == [None, None]


async def test_a_key_that_is_revoked_while_its_request_is_under_way_creates_nothing(
    key: str, caller: Caller, parts: ApiParts, db: Database
) -> None:
    await revoke(db, key)

    with pytest.raises(Unauthorized):
        await submit(submission(), caller=caller, parts=parts)

    assert await value(db, "select count(*) from tasks") == 0


async def test_a_second_revocation_changes_nothing(key: str, db: Database) -> None:
    first = await revoke(db, key)

    assert await revoke(db, key) == first


async def test_a_revoked_key_cannot_be_changed(key: str, db: Database) -> None:
    await revoke(db, key)

    with pytest.raises(InvalidInput, match="is revoked, for good; make another one"):
        await rotate(db, key, overlap=timedelta())
    with pytest.raises(InvalidInput, match="is revoked, for good; make another one"):
        await limit(db, key, lambda _: NO_TERMS)


@pytest.mark.parametrize("overlap", [timedelta(seconds=-1), timedelta(days=31)])
async def test_an_overlap_beyond_its_bounds_is_refused(overlap: timedelta, key: str, db: Database) -> None:
    with pytest.raises(InvalidInput, match=r"^overlap: "):
        await rotate(db, key, overlap=overlap)


async def test_a_key_is_found_by_id_by_beginning_and_whole(key: str, db: Database) -> None:
    by_text = await shown(key, db)

    assert await shown(by_text.id.hex, db) == await shown(by_text.prefix, db) == by_text


async def test_a_key_that_is_not_there_is_named_by_its_beginning_alone(key: str, db: Database) -> None:
    await rows(db, "update keys set sha256 = sha256('x')")

    with pytest.raises(NotFound) as refused:
        await shown(key, db)

    assert str(refused.value).startswith(f"There is no key {key[:14]};")
    assert key not in str(refused.value)


async def test_two_keys_that_begin_alike_must_be_named_by_id(key: str, db: Database) -> None:
    _, other = await make_key_of(db, NewKey(account="tester"), actor="test")
    await rows(db, "update keys set prefix = $1", key[:14])

    with pytest.raises(InvalidInput, match=r"^key: 2 keys begin like that; name one by its id: ") as refused:
        await shown(key[:14], db)

    assert other.hex in str(refused.value)


@pytest.mark.parametrize("cap", ["hour", "day", "total"])
async def test_a_cap_counts_what_is_held_and_gives_room_back(
    cap: str, key: str, caller: Caller, parts: ApiParts, worker: WorkerParts, db: Database
) -> None:
    let_the_hour_change()
    await limit(db, key, lambda terms: replace(terms, caps=Caps(**{cap: 40})))
    first = await submit(submission(), caller=caller, parts=parts)
    await submit(submission(), caller=caller, parts=parts)
    with pytest.raises(KeyCapReached, match="it has spent 32 of 40 credits, and this task costs 16"):
        await submit(submission(), caller=caller, parts=parts)

    await fail(first, EngineRejected("no"), parts=worker)

    assert await submit(submission(), caller=caller, parts=parts)
    assert (await audit(db)).differences == ()


@pytest.mark.parametrize(("cap", "hours"), [("hour", 1), ("day", 24)])
async def test_an_hour_and_a_day_that_are_over_have_spent_nothing(
    cap: str, hours: int, key: str, caller: Caller, parts: ApiParts, db: Database
) -> None:
    await limit(db, key, lambda terms: replace(terms, caps=Caps(**{cap: 16})))
    await submit(submission(), caller=caller, parts=parts)
    await rows(db, "update keys set spent_at = spent_at - make_interval(hours => $1)", hours)

    assert getattr((await shown(key, db)).spent, cap) == 0
    assert await submit(submission(), caller=caller, parts=parts)


async def test_a_key_that_has_expired_is_dead(key: str, caller: Caller, db: Database, parts: ApiParts) -> None:
    await rows(db, "update keys set expires_at = now()")

    assert await caller_of(key, db) is None
    with pytest.raises(Unauthorized):
        await submit(submission(), caller=caller, parts=parts)

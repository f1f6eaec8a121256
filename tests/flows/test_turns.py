"""Who goes first, and how many may wait."""

from collections.abc import Awaitable, Callable

import pytest

from photoplay import clock
from photoplay.domain.errors import RateLimited
from photoplay.domain.tasks import Priority, Submission, TaskId
from photoplay.flows.enroll import enroll
from photoplay.flows.parts import ApiParts, WorkerParts
from photoplay.flows.query import query
from photoplay.flows.settle import hand_back
from photoplay.flows.submit import submit
from photoplay.store import submissions, tasks
from photoplay.store.accounts import Caller
from photoplay.store.database import Database
from scenes import LEASE, NO_RATE, find_caller, limited, rows, submission, succeed

Open = Callable[[str], Awaitable[Caller]]


@pytest.fixture
def open_account(db: Database) -> Open:
    async def enter(name: str) -> Caller:
        key = await enroll(db, account=name, granted=10_000)
        async with db.connection() as connection:
            caller = await find_caller(connection, key)
        assert caller is not None
        return caller

    return enter


async def ask(caller: Caller, parts: ApiParts, *, low: bool = False) -> TaskId:
    priority = "low" if low else "normal"
    return await submit(submission(root={"priority": priority}), caller=caller, parts=parts)


async def turns(db: Database, count: int) -> list[TaskId]:
    """Claim so many tasks, one after the other; none of them ends."""
    order: list[TaskId] = []
    async with db.connection() as connection:
        for _ in range(count):
            claimed = await tasks.claim_next(connection, "camera", token=clock.new_uuid(), lease=LEASE)
            assert claimed is not None
            order.append(claimed[1].id)
    return order


async def test_a_single_task_goes_before_the_many_of_another_account(
    parts: ApiParts, open_account: Open, db: Database
) -> None:
    many, single = await open_account("many"), await open_account("single")
    async with limited(parts, NO_RATE) as free:
        flood = [await ask(many, free) for _ in range(30)]
        (first,) = await turns(db, 1)
        late = await ask(single, free)

    assert first == flood[0]
    assert await turns(db, 2) == [late, flood[1]]


async def test_the_account_with_fewer_unfinished_tasks_goes_first(
    parts: ApiParts, open_account: Open, worker: WorkerParts, db: Database
) -> None:
    three, two = await open_account("three"), await open_account("two")
    of_three = [await ask(three, parts) for _ in range(3)]
    of_two = [await ask(two, parts) for _ in range(2)]

    assert await turns(db, 1) == [of_two[0]]
    for ended in of_three[:2]:
        await succeed(ended, parts=worker)
    assert await turns(db, 2) == [of_three[2], of_two[1]]


async def test_among_equals_the_one_that_began_earlier_goes_first(
    parts: ApiParts, open_account: Open, db: Database
) -> None:
    callers = [await open_account(name) for name in ("b", "c", "a")]
    asked = [await ask(caller, parts) for caller in callers]

    assert await turns(db, 3) == asked


async def test_a_low_task_waits_for_every_normal_one(parts: ApiParts, open_account: Open, db: Database) -> None:
    patient, busy = await open_account("patient"), await open_account("busy")
    low = await ask(patient, parts, low=True)
    normal = [await ask(busy, parts) for _ in range(3)]

    assert await turns(db, 4) == [*normal, low]


async def test_what_another_server_is_at_work_for_goes_before_all(
    parts: ApiParts, open_account: Open, worker: WorkerParts, db: Database
) -> None:
    many, single = await open_account("many"), await open_account("single")
    flood = [await ask(many, parts, low=True) for _ in range(3)]
    async with db.connection() as connection:
        claimed = await tasks.claim_next(connection, "camera", token=clock.new_uuid(), lease=LEASE)
        assert claimed is not None
        ordered = Submission(engine="camera", job_id="7", handle={"id": "7"})
        await submissions.record(connection, claimed[0], ordered)
    await hand_back(claimed[0], parts=worker)
    late = await ask(single, parts)

    assert await turns(db, 4) == [flood[0], late, *flood[1:]]


async def test_the_queue_position_is_the_turn(parts: ApiParts, open_account: Open, db: Database) -> None:
    callers = [await open_account(name) for name in ("one", "two", "three")]
    asked = {await ask(callers[place % 3], parts, low=place % 4 == 0): callers[place % 3] for place in range(11)}
    positions = {id: (await query(id, caller=caller, parts=parts)).queue_position for id, caller in asked.items()}

    assert sorted(positions, key=lambda asked: positions[asked] or 0) == await turns(db, 11)
    assert sorted(position or 0 for position in positions.values()) == list(range(1, 12))


async def test_a_task_that_was_put_back_for_later_is_passed_over(parts: ApiParts, caller: Caller, db: Database) -> None:
    later, now = await ask(caller, parts), await ask(caller, parts)
    await rows(db, "update tasks set not_before = now() + interval '1 minute' where id = $1", later)

    assert await turns(db, 1) == [now]
    async with db.connection() as connection:
        assert await tasks.claim_next(connection, "camera", token=clock.new_uuid(), lease=LEASE) is None


async def test_a_worker_takes_no_task_of_an_engine_that_is_not_its_own(
    parts: ApiParts, caller: Caller, db: Database
) -> None:
    await ask(caller, parts)

    async with db.connection() as connection:
        assert await tasks.claim_next(connection, "sandbox", token=clock.new_uuid(), lease=LEASE) is None


async def test_work_beyond_what_may_wait_is_refused_instead_of_taken(
    parts: ApiParts, open_account: Open, db: Database
) -> None:
    one, other = await open_account("one"), await open_account("other")
    async with limited(parts, NO_RATE, waiting_max=3) as full:
        for caller in (one, one, other):
            await ask(caller, full)

        with pytest.raises(RateLimited, match="3 tasks wait on this server") as refused:
            await ask(other, full)

    assert refused.value.limit == 3
    assert refused.value.retry_after.total_seconds() == 30
    assert await rows(db, "select priority, count(*) from tasks group by priority") == [(Priority.NORMAL, 3)]

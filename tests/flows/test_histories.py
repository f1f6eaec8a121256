"""Whatever happens to tasks, and wherever it is cut off, every credit is where the promises say.

One account lives through accepts, attempts, ends, top-ups and corrections in any order. Before any write, or at the
commit, its transaction may fail or lose its connection. A plain model says what must be there; the ledger's own check
says the same after each step.
"""

from collections.abc import Callable, Coroutine, Generator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final, TypeAlias, TypeVar

import asyncpg
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import HealthCheck, assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from photoplay import clock
from photoplay.domain.credits import Reason
from photoplay.domain.errors import EngineRejected, EngineUnavailable, InsufficientCredits, StaleClaim, StoreUnavailable
from photoplay.domain.keys import Kind
from photoplay.domain.outcomes import Produced, Stopped
from photoplay.domain.tasks import Claim, Event, Failure, State, TaskId
from photoplay.flows.accept import open_intake
from photoplay.flows.audit import audit
from photoplay.flows.cancel import Cancellation, cancel
from photoplay.flows.enroll import enroll
from photoplay.flows.grant import Adjustment, grant
from photoplay.flows.parts import ApiParts, WorkerParts
from photoplay.flows.settle import end, hand_back, settle
from photoplay.flows.submit import submit
from photoplay.flows.sweep import recover_lost_tasks
from photoplay.store import tasks
from photoplay.store.accounts import Caller
from photoplay.store.database import Database
from photoplay.store.signals import Signals
from scenes import NO_RATE, announce_clip, begin, claim, find_caller, make_database, read, rows, submission

T = TypeVar("T")
Result: TypeAlias = Produced | EngineRejected | EngineUnavailable | Stopped

TABLES: Final = ("accounts", "keys", "tasks", "postings", "idempotency", "files", "pgqueuer")
# Counts the writes of a transaction, and stops it at the one that is asked for. A sequence does not roll back.
STOPS: Final = """
create table stop_at (write bigint, way text);
create sequence writes;
create function stop() returns trigger language plpgsql as $$
declare asked stop_at;
begin
    select * into asked from stop_at;
    if found and nextval('writes') = asked.write then
        if asked.way = 'fail' then
            raise exception 'stopped on purpose';
        end if;
        perform pg_terminate_backend(pg_backend_pid());
        perform pg_sleep(10);
    end if;
    return null;
end
$$;
create constraint trigger stop_at_commit after insert or update on accounts
deferrable initially deferred for each row execute function stop();
"""
STOP: Final = "create trigger stop before insert or update or delete on {} for each statement execute function stop()"
LOST: Final = timedelta(seconds=-1)


class Cut(Exception):
    """The step was cut off; nothing of it may be left."""


@dataclass(frozen=True)
class CutOff:
    """Where a step is cut off: before its n-th write, the commit being the last, and how."""

    write: int
    way: str


@dataclass
class Job:
    """A task as the model knows it."""

    id: TaskId
    price: int
    balance: int
    state: State = State.WAITING
    attempt: int = 0
    attempts_max: int = 3
    claim: Claim | None = None
    is_unwanted: bool = False
    """Its owner asked for its end while it ran: it gets no other attempt."""


class World:
    """The server's parts on a database of this test's own, to be used from plain code."""

    def __init__(self, portal: BlockingPortal, parts: ApiParts, worker: WorkerParts) -> None:
        self._portal = portal
        self.parts = parts
        self.worker = worker

    def do(self, act: Callable[[], Coroutine[Any, Any, T]]) -> T:
        return self._portal.call(act)

    def do_cut(self, act: Callable[[], Coroutine[Any, Any, T]], cut: CutOff | None) -> T:
        """Do it, and where it is cut off, raise Cut. Most steps end before a late cut comes."""
        if cut is None:
            return self.do(act)
        self.do(lambda: rows(self.parts.db, "insert into stop_at values ($1, $2)", cut.write, cut.way))
        self.do(lambda: rows(self.parts.db, "select setval('writes', 1, false)"))
        try:
            return self.do(act)
        except (asyncpg.RaiseError, StoreUnavailable) as exc:
            raise Cut from exc
        finally:
            self.do(lambda: rows(self.parts.db, "delete from stop_at"))


cuts = st.none() | st.builds(CutOff, write=st.integers(1, 9), way=st.sampled_from(["fail", "disconnect"]))


PRICES: Final = {"5": 16, "10": 36}
durations = st.sampled_from(list(PRICES))


class Histories(RuleBasedStateMachine):
    """One account's life. `jobs` are the tasks that may still change."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.db = world.parts.db
        self.jobs: list[Job] = []
        self.ended: list[Job] = []
        self.names: dict[str, TaskId] = {}
        self.balance = 0
        self.charged = 0

    @initialize(granted=st.integers(100, 400))
    def open(self, granted: int) -> None:
        self.account = f"a{clock.new_uuid().hex}"
        key = self.world.do(lambda: enroll(self.db, account=self.account, granted=granted))
        self.caller = self.world.do(lambda: _caller(self.db, key))
        self.balance = granted

    @rule(cut=cuts, duration=durations, name=st.none() | st.sampled_from(["a", "b", "c"]))
    def accept(self, cut: CutOff | None, duration: str, name: str | None) -> None:
        price = PRICES[duration]
        # A name stands for one request: here, for one of this duration.
        key = None if name is None else f"{name}{duration}"
        asked = submission(duration=duration, idempotency_key=key)
        earlier = self.names.get(key or "")
        try:
            task_id = self.world.do_cut(lambda: submit(asked, caller=self.caller, parts=self.world.parts), cut)
        except Cut:
            return
        except InsufficientCredits:
            assert earlier is None
            assert price > self.balance
            return
        if earlier is not None:
            assert task_id == earlier, "a repetition is the same task"
            return
        assert price <= self.balance
        self.balance -= price
        self.jobs.append(Job(id=task_id, price=price, balance=self.balance))
        if key is not None:
            self.names[key] = task_id

    @rule(given=st.lists(durations, min_size=2, max_size=4))
    def accept_some(self, given: list[str]) -> None:
        for duration in given:
            self.accept(None, duration, None)

    @precondition(lambda self: any(job.state is State.WAITING for job in self.jobs))
    @rule(data=st.data())
    def claim(self, data: st.DataObject) -> None:
        job = data.draw(st.sampled_from([job for job in self.jobs if job.state is State.WAITING]))
        job.claim = self.world.do(lambda: claim(job.id, db=self.db))
        job.attempt += 1
        job.state = State.CLAIMED

    @precondition(lambda self: self.jobs)
    @rule(data=st.data(), cut=cuts)
    def finish(self, data: st.DataObject, cut: CutOff | None) -> None:
        job = self._running(data)
        produced = self.world.do(lambda: announce_clip(job.id, db=self.db))
        if self._settle(job, produced, cut):
            self.charged += job.price
            self._end(job, State.SUCCEEDED)

    @precondition(lambda self: self.jobs)
    @rule(data=st.data(), cut=cuts, error=st.sampled_from([EngineRejected("no"), EngineUnavailable("gone"), Stopped()]))
    def fail(self, data: st.DataObject, cut: CutOff | None, error: Result) -> None:
        job = self._running(data)
        if not self._settle(job, error, cut):
            return
        if isinstance(error, EngineUnavailable) and job.attempt < job.attempts_max:
            self._try_again(job)
        else:
            self._give_back(job, State.CANCELLED if isinstance(error, Stopped) else State.FAILED)

    @precondition(lambda self: self.jobs)
    @rule(data=st.data(), cut=cuts, hands_back=st.booleans())
    def lose_worker(self, data: st.DataObject, cut: CutOff | None, hands_back: bool) -> None:
        job = self._running(data)
        held = job.claim
        assert held is not None
        if hands_back:
            self._hand_back(job, held, cut)
        else:
            self._lose(job, held, cut)

    def _hand_back(self, job: Job, held: Claim, cut: CutOff | None) -> None:
        try:
            self.world.do_cut(lambda: hand_back(held, parts=self.world.worker), cut)
        except Cut:
            return
        job.attempts_max += 1
        self._try_again(job)

    def _lose(self, job: Job, held: Claim, cut: CutOff | None) -> None:
        self.world.do(lambda: rows(self.db, "update tasks set lease_until = now() + $2 where id = $1", job.id, LOST))
        try:
            self.world.do_cut(lambda: recover_lost_tasks(self.world.worker), cut)
        except Cut:
            # The next sweep does what this one could not.
            self.world.do(lambda: recover_lost_tasks(self.world.worker))
        if job.attempt < job.attempts_max or job.is_unwanted:
            self._try_again(job)
        else:
            self._give_back(job, State.FAILED)
        with pytest.raises(StaleClaim):
            self.world.do(lambda: settle(held, EngineRejected("late"), parts=self.world.worker))

    @precondition(lambda self: self.jobs or self.ended)
    @rule(data=st.data(), cut=cuts, act=st.sampled_from(["cancel", "expire"]))
    def give_up(self, data: st.DataObject, cut: CutOff | None, act: str) -> None:
        job = data.draw(st.sampled_from([*self.jobs, *self.ended]))
        if act == "cancel":
            self._cancel(job, cut)
        elif job in self.jobs:
            self._expire(job, cut)

    def _cancel(self, job: Job, cut: CutOff | None) -> None:
        try:
            outcome = self.world.do_cut(lambda: cancel(job.id, caller=self.caller, parts=self.world.parts), cut)
        except Cut:
            return
        if job.state is State.WAITING:
            assert outcome is Cancellation.CANCELLED
            self._give_back(job, State.CANCELLED)
        else:
            assert outcome is (Cancellation.TOO_LATE if job.state.is_terminal else Cancellation.REQUESTED)
            job.is_unwanted = True

    def _expire(self, job: Job, cut: CutOff | None) -> None:
        try:
            self.world.do_cut(lambda: _expire(job.id, self.caller, self.world.parts), cut)
        except Cut:
            return
        self._give_back(job, State.EXPIRED)

    @rule(cut=cuts, credits=st.integers(1, 100), reason=st.sampled_from([Reason.GRANT, Reason.CORRECT]))
    def adjust(self, cut: CutOff | None, credits: int, reason: Reason) -> None:
        if reason is Reason.CORRECT:
            assume(credits <= self.balance)
        asked = Adjustment(
            reason=reason, account=self.account, kind=Kind.LIVE, credits=credits, note="x",
            idempotency_key=clock.new_uuid().hex,
        )  # fmt: skip
        try:
            self.world.do_cut(lambda: grant(self.db, asked, actor="operator"), cut)
        except Cut:
            # Who does not know asks again, with the same key.
            self.world.do(lambda: grant(self.db, asked, actor="operator"))
        self.world.do(lambda: grant(self.db, asked, actor="operator"))
        self.balance += credits if reason is Reason.GRANT else -credits

    @invariant()
    def everything_is_as_the_model_says(self) -> None:
        held = sum(job.price for job in self.jobs)
        found = self.world.do(lambda: _standing(self.db, self.caller))

        assert found == (self.balance, held, len(self.jobs), held + self.charged)
        for job in (*self.jobs, *self.ended):
            task = self.world.do(lambda job=job: read(job.id, db=self.db))
            charged = job.price if job.state is State.SUCCEEDED else 0
            assert (task.state, task.attempt, task.charged_credits) == (job.state, job.attempt, charged)
            assert task.balance_credits == job.balance

    @invariant()
    def the_ledger_agrees(self) -> None:
        result = self.world.do(lambda: audit(self.db))

        assert [str(difference) for difference in result.differences] == []

    def _running(self, data: st.DataObject) -> Job:
        """Draw a task, and see that its engine has begun."""
        job = data.draw(st.sampled_from(self.jobs))
        if job.state is State.WAITING:
            job.claim = self.world.do(lambda: begin(job.id, db=self.db))
            job.attempt += 1
        elif job.state is State.CLAIMED:
            self.world.do(lambda: _start(self.db, job.claim))
        job.state = State.GENERATING
        return job

    def _settle(self, job: Job, result: Result, cut: CutOff | None) -> bool:
        held = job.claim
        assert held is not None
        try:
            self.world.do_cut(lambda: settle(held, result, parts=self.world.worker), cut)
        except Cut:
            return False
        with pytest.raises(StaleClaim):
            self.world.do(lambda: settle(held, result, parts=self.world.worker))
        return True

    def _try_again(self, job: Job) -> None:
        if job.is_unwanted:
            self._give_back(job, State.CANCELLED)
        else:
            job.state, job.claim = State.WAITING, None

    def _give_back(self, job: Job, state: State) -> None:
        self.balance += job.price
        self._end(job, state)

    def _end(self, job: Job, state: State) -> None:
        job.state, job.claim, job.balance = state, None, self.balance
        self.jobs.remove(job)
        self.ended.append(job)


async def _caller(db: Database, key: str) -> Caller:
    async with db.connection() as connection:
        found = await find_caller(connection, key)
    assert found is not None
    return found


async def _start(db: Database, held: Claim | None) -> None:
    assert held is not None
    async with db.connection() as connection:
        await tasks.start(connection, held)


async def _expire(task_id: TaskId, caller: Caller, parts: ApiParts) -> None:
    async with parts.db.transaction() as tx:
        task = await tasks.lock_owned(tx, task_id, account_id=caller.account_id)
        assert task is not None
        late = Failure(code="500", message="It waited for too long")
        await end(tx, task, Event.EXPIRE, ending=late, parts=parts)


async def _standing(db: Database, caller: Caller) -> tuple[int, ...]:
    sql = (
        "select balance_credits, held_credits, unfinished_tasks, total_credits"
        " from accounts join keys on account_id = accounts.id where accounts.id = $1"
    )
    (row,) = await rows(db, sql, caller.account_id)
    return row


@pytest.fixture
def world(postgres_url: str, parts: ApiParts, worker: WorkerParts) -> Generator[World]:
    """Parts on a loop of their own, because the machine's steps are plain code."""
    with ExitStack() as held:
        portal = held.enter_context(start_blocking_portal())
        url = portal.call(make_database, postgres_url)
        db = held.enter_context(portal.wrap_async_context_manager(Database(url)))
        portal.call(install_stops, db)
        intake = held.enter_context(
            portal.wrap_async_context_manager(open_intake(db, limits=NO_RATE, waiting_max=10**6))
        )
        # Closed: nobody waits for the end of what has no worker.
        signals = Signals(url)
        signals.close()
        yield World(
            portal, replace(parts, db=db, intake=intake, signals=signals), replace(worker, db=db, signals=signals)
        )


async def install_stops(db: Database) -> None:
    async with db.connection() as connection:
        await connection.execute(STOPS + ";".join(STOP.format(table) for table in TABLES))


def test_no_history_loses_or_makes_a_credit(world: World) -> None:
    class OneHistory(Histories):
        def __init__(self) -> None:
            super().__init__(world)

    # `--hypothesis-profile hundreds` for more; this many in every run.
    run_state_machine_as_test(
        OneHistory,
        settings=settings(
            max_examples=500 if settings.get_current_profile_name() == "hundreds" else 25,
            stateful_step_count=30,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
        ),
    )

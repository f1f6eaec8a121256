"""Commit accepted tasks: hold, task and job in one transaction, shared by the creates that arrive while it runs."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final, TypeAlias

from photoplay import clock
from photoplay.domain import credits
from photoplay.domain.credits import Payer
from photoplay.domain.errors import (
    AppError,
    IdempotencyConflict,
    InvalidInput,
    RateLimited,
    ServerDraining,
    Unauthorized,
)
from photoplay.domain.limits import AccountStanding, KeyStanding, Limits, admit_to_account, admit_to_key
from photoplay.domain.service import Mode
from photoplay.domain.tasks import AccountId, KeyId, NewTask, TaskId
from photoplay.flows.together import Together
from photoplay.store import accounts, idempotency, jobs, ledger, service, tasks
from photoplay.store.idempotency import Name, Remembered
from photoplay.store.jobs import WakeUp

if TYPE_CHECKING:
    from photoplay.store.database import Connection, Database

__all__ = ["Ask", "Intake", "open_intake"]

# How old the count of waiting tasks may be; they wait for much longer than that.
DEPTH_AGE_S: Final = 1.0
FULL_RETRY: Final = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A create that is well in itself; whether there is room and credit for it is for its account to say."""

    task: NewTask
    """Its balance is not known yet."""
    idempotency_key: str | None
    request_sha256: bytes

    @property
    def name(self) -> Name | None:
        return None if self.idempotency_key is None else Name(self.task.account_id, self.idempotency_key)


Answer: TypeAlias = "TaskId | AppError"


@asynccontextmanager
async def open_intake(db: "Database", *, limits: Limits, waiting_max: int) -> "AsyncGenerator[Intake]":
    """Run an intake while the block runs."""
    intake = Intake(db, limits=limits, waiting_max=waiting_max)
    async with intake.together.running():
        yield intake


class Intake:
    """Where creates meet. One a process; the rows' locks keep several processes apart."""

    def __init__(self, db: "Database", *, limits: Limits, waiting_max: int) -> None:
        self._db = db
        self.limits = limits
        self._waiting_max = waiting_max
        self.together = Together(self._accept_together)
        self._depth = 0
        self._depth_is_of = float("-inf")

    async def accept(self, ask: Ask) -> TaskId:
        """Return the id of the task once it is committed, or of the earlier task of the same Idempotency-Key.

        Raises: ServerDraining, RateLimited, InsufficientCredits, KeyCapReached, IdempotencyConflict, InvalidInput,
            Unauthorized: nothing was created and no credit moved. StoreUnavailable: whether it was created is unknown.
        """
        return await self.together.ask(ask)

    async def find_earlier(self, name: Name, *, request_sha256: bytes) -> TaskId | None:
        """Return the task that an earlier create of this name made.

        Raises: IdempotencyConflict, InvalidInput, StoreUnavailable.
        """
        async with self._db.transaction() as tx:
            if not await idempotency.try_lock_all(tx, [name]):
                raise IdempotencyConflict
            earlier = (await idempotency.find_all(tx, [name])).get(name)
        return None if earlier is None else _require_same(earlier, request_sha256)

    async def _accept_together(self, asks: Sequence[Ask]) -> list[Answer]:
        async with self._db.transaction() as tx:
            depth = await self._read_depth(tx)
            names = list(dict.fromkeys(ask.name for ask in asks if ask.name))
            ours = await idempotency.try_lock_all(tx, names) if names else set[Name]()
            locked = await accounts.lock_keys(tx, {ask.task.key_id for ask in asks})
            earlier = await idempotency.find_all(tx, ours) if ours else {}
            decisions = _Decisions(
                mode=(await service.read(tx)).mode,
                limits=self.limits,
                waiting=depth,
                waiting_max=self._waiting_max,
                accounts={found.account_id: found.account for found in locked.values()},
                keys={key_id: found.key for key_id, found in locked.items() if found.is_live},
                remembered=earlier,
            )
            if self.limits.creates is not None:
                await decisions.read_recent(tx, window=self.limits.creates.window)
            answers = [decisions.decide(ask, is_ours=ask.name is None or ask.name in ours) for ask in asks]
            if decisions.accepted:
                await _write(tx, decisions)
        self._depth += len(decisions.accepted)
        return answers

    async def _read_depth(self, tx: "Connection") -> int:
        now = asyncio.get_running_loop().time()
        if now - self._depth_is_of > DEPTH_AGE_S:
            self._depth = await tasks.count_waiting(tx, count_max=self._waiting_max)
            self._depth_is_of = now
        return self._depth


class _Decisions:
    """What one batch comes to, one create after the other, as if each had come alone."""

    def __init__(
        self,
        *,
        mode: Mode,
        limits: Limits,
        waiting: int,
        waiting_max: int,
        accounts: dict[AccountId, AccountStanding],
        keys: dict[KeyId, KeyStanding],
        remembered: dict[Name, Remembered],
    ) -> None:
        self._mode = mode
        self._limits = limits
        self._waiting = waiting
        self._waiting_max = waiting_max
        self._accounts = accounts
        self._keys = keys
        self._remembered = remembered
        self.accepted: list[NewTask] = []
        self.new_names: dict[Name, Remembered] = {}

    async def read_recent(self, tx: "Connection", *, window: timedelta) -> None:
        recent = await tasks.count_recent(tx, self._accounts.keys(), window=window)
        for account_id, (created, free_in) in recent.items():
            self._accounts[account_id] = replace(self._accounts[account_id], created=created, free_in=free_in)

    def decide(self, ask: Ask, *, is_ours: bool) -> Answer:
        try:
            if not is_ours:
                raise IdempotencyConflict
            earlier = self._find_earlier(ask)
            return self._admit(ask) if earlier is None else earlier
        except AppError as exc:
            return exc

    def _find_earlier(self, ask: Ask) -> TaskId | None:
        earlier = None if ask.name is None else self._remembered.get(ask.name)
        return None if earlier is None else _require_same(earlier, ask.request_sha256)

    def _admit(self, ask: Ask) -> TaskId:
        if self._mode is Mode.DRAINING:
            raise ServerDraining
        task, key = ask.task, self._keys.get(ask.task.key_id)
        if key is None:
            raise Unauthorized("Unauthorized: this key is unknown, revoked or expired")
        if self._waiting + len(self.accepted) >= self._waiting_max:
            raise RateLimited(
                f"{self._waiting_max} tasks wait on this server, and that is its limit",
                limit=self._waiting_max,
                retry_after=FULL_RETRY,
            )
        key = admit_to_key(key, price=task.price_credits)
        account = admit_to_account(self._accounts[task.account_id], self._limits, price=task.price_credits)
        self._keys[task.key_id], self._accounts[task.account_id] = key, account
        self.accepted.append(replace(task, balance_credits=account.balance_credits))
        if ask.name is not None:
            entry = Remembered(task_id=task.id, request_sha256=ask.request_sha256)
            self._remembered[ask.name] = self.new_names[ask.name] = entry
        return task.id


def _require_same(earlier: Remembered, request_sha256: bytes) -> TaskId:
    if earlier.request_sha256 != request_sha256:
        raise InvalidInput(
            "Idempotency-Key: it was used for another request within 24 hours; use a new key for a new request",
            field="Idempotency-Key",
        )
    return earlier.task_id


async def _write(tx: "Connection", decisions: _Decisions) -> None:
    new = decisions.accepted
    await tasks.insert_all(tx, new)
    await ledger.hold_all(tx, {clock.new_uuid(): credits.hold(_payer(task), task.price_credits) for task in new})
    if decisions.new_names:
        await idempotency.remember_all(tx, decisions.new_names)
    await jobs.enqueue_generation(tx, *(WakeUp(task_id=task.id, engine=task.engine, attempt=0) for task in new))


def _payer(task: NewTask) -> Payer:
    return Payer(account_id=task.account_id, key_id=task.key_id, task_id=task.id, model=task.model)

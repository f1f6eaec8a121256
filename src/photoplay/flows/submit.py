"""Accept a task: check it, price it, and commit task, hold and job together."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from photoplay import clock
from photoplay.domain import credits
from photoplay.domain.cards import Card, choose_engine, needed_engines, price, validate
from photoplay.domain.errors import (
    IdempotencyConflict,
    InsufficientCredits,
    InvalidInput,
    ModelSwitchedOff,
    RateLimited,
)
from photoplay.domain.fields import Field, FileUrl, FileUrls
from photoplay.domain.json import JsonObject
from photoplay.domain.tasks import NewTask, TaskId
from photoplay.store import accounts, idempotency, jobs, ledger, tasks
from photoplay.store.accounts import Account, Caller

if TYPE_CHECKING:
    from photoplay.flows.parts import ApiParts
    from photoplay.store.database import Connection

__all__ = ["Submission", "check_input", "find_card", "submit"]

# A crash of a worker and a passing fault of an engine may meet; three in a row are no accident.
ATTEMPTS_MAX: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A create request, parsed but not yet checked against its card."""

    model: str
    input: JsonObject
    callback_url: str | None
    request: str
    """The whole request as JSON: what `param` gives back."""
    idempotency_key: str | None


async def submit(submission: Submission, *, caller: Caller, parts: "ApiParts") -> TaskId:
    """Accept a task and return its id. When this returns, the task is committed.

    Raises: InvalidInput, TargetForbidden, InsufficientCredits, RateLimited, IdempotencyConflict: nothing was
    created and no credit moved. StoreUnavailable: whether it was created is unknown; repeat with an Idempotency-Key.
    """
    card, values = _check(submission, parts)
    async with parts.db.transaction() as tx:
        if submission.idempotency_key is not None and not await idempotency.try_lock(
            tx, caller.account_id, submission.idempotency_key
        ):
            raise IdempotencyConflict
        account = await accounts.lock(tx, caller.account_id)
        if (earlier := await _find_earlier(tx, submission, caller)) is not None:
            return earlier
        await _require_room(tx, account, parts)
        return await _create(tx, submission, card, values, account=account, caller=caller)


def _check(submission: Submission, parts: "ApiParts") -> tuple[Card, JsonObject]:
    card = find_card(submission.model, parts.cards)
    if choose_engine(card, parts.engine_names) is None:
        raise ModelSwitchedOff(
            f"{card.id} is switched off on this server: the engine {needed_engines(card)} is not configured"
        )
    values = check_input(submission.input, card)
    for field in card.fields:
        for path, url in _urls(field, values):
            if parts.own_path(url) is None:
                parts.egress.check(url, field=path)
    if submission.callback_url is not None:
        parts.egress.check(submission.callback_url, field="callBackUrl")
    return card, values


def find_card(model: str, cards: Mapping[str, Card]) -> Card:
    """Raises: InvalidInput if there is no such model."""
    card = cards.get(model)
    if card is None:
        known = ", ".join(sorted(cards))
        raise InvalidInput(
            f"The model name you specified is not supported: {model[:100]} is not one of {known}", field="model"
        )
    return card


def check_input(values: JsonObject, card: Card) -> JsonObject:
    """Return the input as engines read it. Raises: InvalidInput whose text begins with the first problem."""
    checked = validate(values, card)
    if isinstance(checked, tuple):
        raise InvalidInput("; ".join(problem.message for problem in checked), field=checked[0].field)
    return checked


def _urls(field: Field, values: JsonObject) -> Iterator[tuple[str, str]]:
    """Yield the path and the text of every link that a field holds."""
    path, value = f"input.{field.name}", values.get(field.name)
    match field:
        case FileUrl() if value is not None:
            yield path, str(value)
        case FileUrls() if isinstance(value, list):
            yield from ((f"{path}[{index}]", str(url)) for index, url in enumerate(value))
        case _:
            pass


async def _find_earlier(tx: "Connection", submission: Submission, caller: Caller) -> TaskId | None:
    if submission.idempotency_key is None:
        return None
    earlier = await idempotency.find(tx, caller.account_id, submission.idempotency_key)
    if earlier is None:
        return None
    if earlier.request_sha256 != _digest(submission):
        raise InvalidInput(
            "Idempotency-Key: it was used for another request within 24 hours; use a new key for a new request",
            field="Idempotency-Key",
        )
    return earlier.task_id


async def _require_room(tx: "Connection", account: Account, parts: "ApiParts") -> None:
    rate = parts.creates
    if rate is not None:
        created, free_in = await tasks.count_recent(tx, account.id, window=rate.window)
        if created >= rate.creates_max:
            raise RateLimited(
                f"{created} tasks were created within {rate.window.total_seconds():.0f} s,"
                f" the limit is {rate.creates_max}",
                limit=rate.creates_max,
                window=rate.window,
                retry_after=free_in,
            )
    unfinished = await tasks.count_unfinished(tx, account.id)
    if unfinished >= parts.unfinished_max:
        raise RateLimited(
            f"{unfinished} tasks are unfinished, the limit is {parts.unfinished_max}",
            limit=parts.unfinished_max,
        )


async def _create(
    tx: "Connection", submission: Submission, card: Card, values: JsonObject, *, account: Account, caller: Caller
) -> TaskId:
    cost = price(values, card)
    if cost > account.balance_credits:
        raise InsufficientCredits(price_credits=cost, balance_credits=account.balance_credits)
    task = NewTask(
        id=TaskId(clock.new_uuid()),
        account_id=account.id,
        key_id=caller.key_id,
        model=card.id,
        request=submission.request,
        input=values,
        callback_url=submission.callback_url,
        attempts_max=ATTEMPTS_MAX,
        price_credits=cost,
        balance_credits=account.balance_credits - cost,
        seed=clock.new_seed(),
    )
    await tasks.insert(tx, task)
    await ledger.move(tx, credits.hold(account.id, task.id, cost), movement_id=clock.new_uuid())
    if submission.idempotency_key is not None:
        entry = idempotency.Remembered(task_id=task.id, request_sha256=_digest(submission))
        await idempotency.remember(tx, account.id, submission.idempotency_key, entry=entry)
    await jobs.enqueue_generation(tx, task.id, attempt=0)
    return task.id


def _digest(submission: Submission) -> bytes:
    return hashlib.sha256(submission.request.encode()).digest()

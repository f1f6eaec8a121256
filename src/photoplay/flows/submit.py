"""Take a create request: check it, price it, and have it accepted."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from photoplay import clock
from photoplay.domain.cards import (
    PLAY_ENGINE,
    Card,
    EngineMapping,
    choose_engine,
    needed_engines,
    price,
    validate,
    work_size,
)
from photoplay.domain.errors import AppError, InvalidInput, ModelSwitchedOff, Unauthorized
from photoplay.domain.fields import Field, FileUrl, FileUrls
from photoplay.domain.json import JsonObject
from photoplay.domain.keys import Kind
from photoplay.domain.script import PLAY_CARD, SCRIPT_FIELD, attempts, own_script, play_mapping, read_script
from photoplay.domain.tasks import CallbackEvent, NewTask, Priority, TaskId
from photoplay.flows.accept import Ask
from photoplay.store.accounts import Caller
from photoplay.store.idempotency import Name

if TYPE_CHECKING:
    from photoplay.flows.parts import ApiParts

__all__ = ["Submission", "check_input", "find_card", "submit"]

# A crash of a worker and a passing fault of an engine may meet; three in a row are no accident.
ATTEMPTS_MAX: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A create request, parsed but not yet checked against its card."""

    model: str
    input: JsonObject
    callback_url: str | None
    callback_events: frozenset[CallbackEvent]
    request: str
    """The whole request as JSON: what `param` gives back."""
    idempotency_key: str | None
    credits_max: int | None = None
    """The caller's own limit on the price."""
    priority: Priority = Priority.NORMAL
    reference: str | None = None
    """The caller's own name for the task."""
    script: JsonObject | None = None
    """How the task ends: for a test key alone."""


async def submit(submission: Submission, *, caller: Caller, parts: "ApiParts") -> TaskId:
    """Accept a task and return its id. When this returns, the task is committed.

    A create that was accepted before, under the same Idempotency-Key, gives the same task whatever has changed since.

    Raises: InvalidInput, TargetForbidden, ModelSwitchedOff, DiskFull, and what `Intake.accept` raises: nothing was
        created and no credit moved. StoreUnavailable: it may have been created; repeat with an Idempotency-Key.
    """
    digest = hashlib.sha256(submission.request.encode()).digest()
    try:
        task = _new_task(submission, digest, caller=caller, parts=parts)
    except AppError:
        name = None if submission.idempotency_key is None else Name(caller.account_id, submission.idempotency_key)
        earlier = None if name is None else await parts.intake.find_earlier(name, request_sha256=digest)
        if earlier is None:
            raise
        return earlier
    return await parts.intake.accept(Ask(task=task, idempotency_key=submission.idempotency_key, request_sha256=digest))


def _new_task(submission: Submission, digest: bytes, *, caller: Caller, parts: "ApiParts") -> NewTask:
    parts.room.require()
    card = find_card(submission.model, parts.cards)
    if caller.models is not None and card.id not in caller.models:
        raise Unauthorized(f"Unauthorized: this key is for {', '.join(sorted(caller.models))}, not for {card.id}")
    values = _check(submission, card, parts)
    script = _read_script(submission, card, values, caller=caller, parts=parts)
    mapping = _require_engine(card, script, caller=caller, parts=parts)
    cost = price(values, card)
    if submission.credits_max is not None and cost > submission.credits_max:
        raise InvalidInput(
            f"maxCredits: this task costs {cost}, the limit is {submission.credits_max}", field="maxCredits"
        )
    return NewTask(
        id=TaskId(clock.new_uuid()),
        account_id=caller.account_id,
        key_id=caller.key_id,
        model=card.id,
        engine=mapping.name,
        priority=submission.priority,
        reference=submission.reference,
        request=submission.request,
        input=values,
        size=work_size(values, mapping),
        callback_url=submission.callback_url,
        callback_events=submission.callback_events,
        attempts_max=attempts(script, otherwise=ATTEMPTS_MAX),
        price_credits=cost,
        balance_credits=0,
        seed=_repeatable_seed(digest) if script else clock.new_seed(),
        script=script,
    )


def _read_script(
    submission: Submission, card: Card, values: JsonObject, *, caller: Caller, parts: "ApiParts"
) -> JsonObject:
    """Return what a test key's task does, with every default filled in; nothing for a live key's."""
    given = submission.script
    if caller.kind is Kind.LIVE:
        if card.kind is Kind.TEST:
            raise Unauthorized(f"Unauthorized: {card.id} takes a test key, {Kind.TEST.key_prefix}…, this is a live one")
        if given is not None:
            raise InvalidInput(
                f"{SCRIPT_FIELD}: only what a test key, {Kind.TEST.key_prefix}…, creates ends as the request says",
                field=SCRIPT_FIELD,
            )
        return {}
    if card.kind is Kind.LIVE:
        return read_script(given or {}, parts.cards[PLAY_CARD])
    if given is not None:
        raise InvalidInput(f"{SCRIPT_FIELD}: the input of {card.id} says how it ends", field=SCRIPT_FIELD)
    return own_script(values, card)


def _require_engine(card: Card, script: JsonObject, *, caller: Caller, parts: "ApiParts") -> EngineMapping:
    """Return what makes the clip: the sandbox for a test key, whatever the model; the card's engine otherwise."""
    if caller.kind is Kind.TEST:
        mapping, needed = play_mapping(card, script), PLAY_ENGINE
    else:
        mapping, needed = choose_engine(card, parts.engine_names), needed_engines(card)
    if mapping is None or mapping.name not in parts.engine_names:
        raise ModelSwitchedOff(f"{card.id} is switched off on this server: the engine {needed} is not configured")
    return mapping


def _repeatable_seed(digest: bytes) -> int:
    """The same request makes the same clip."""
    return int.from_bytes(digest[:4], "big") >> 1


def _check(submission: Submission, card: Card, parts: "ApiParts") -> JsonObject:
    values = check_input(submission.input, card)
    for field in card.fields:
        for path, url in _urls(field, values):
            if parts.own_path(url) is None:
                parts.egress.check(url, field=path)
    if submission.callback_url is not None:
        parts.egress.check(submission.callback_url, field="callBackUrl")
    return values


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

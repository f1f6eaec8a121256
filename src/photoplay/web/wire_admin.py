"""The wire's spelling of accounts, keys and statements: what operators send and get, and callers of their own."""

from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Final

from photoplay.domain.credits import Reason
from photoplay.domain.errors import InvalidInput
from photoplay.domain.json import JsonObject, JsonValue
from photoplay.domain.keys import NO_TERMS, Kind, Terms, parse_network
from photoplay.domain.limits import Caps, Limits
from photoplay.domain.statements import Entry, Usage
from photoplay.flows.enroll import NewKey
from photoplay.flows.grant import CREDITS_MAX, Adjustment
from photoplay.flows.query import QUERIES_MAX
from photoplay.flows.report import Span, last_days
from photoplay.store.accounts import Standing
from photoplay.store.keys import Key
from photoplay.web.strict import parse_json

__all__ = [
    "account_data",
    "entry_data",
    "key_data",
    "own_account_data",
    "parse_adjustment",
    "parse_kind",
    "parse_new_account",
    "parse_new_key",
    "parse_object",
    "parse_overlap",
    "parse_own_key",
    "parse_span",
    "parse_terms",
    "usage_data",
]

EPOCH_MS_MAX: Final = 253_402_300_799_000
LIST_MAX: Final = 100
CAPS: Final[Mapping[str, str]] = {"hour": "hourCredits", "day": "dayCredits", "total": "totalCredits"}


def parse_object(body: bytes, known: Collection[str]) -> JsonObject:
    """Read a JSON object in which every key is known: a misspelt limit must not be no limit.

    Raises: MalformedBody, InvalidInput.
    """
    value = parse_json(body)
    if not isinstance(value, Mapping):
        raise InvalidInput(f"The body must be a JSON object with some of {', '.join(known)}")
    if unknown := sorted(value.keys() - set(known)):
        raise InvalidInput(f"{unknown[0][:60]} is not one of {', '.join(known)}", field=unknown[0][:60])
    return value


TERMS: Final = (*CAPS.values(), "models", "networks", "expiresAt")


def parse_new_key(body: bytes) -> NewKey:
    value = parse_object(body, ("account", "kind", "name", "credits", "admin", *TERMS))
    is_admin = value.get("admin") or False
    if not isinstance(is_admin, bool):
        raise InvalidInput("admin must be true or false", field="admin")
    return NewKey(
        account=_text(value, "account"),
        kind=parse_kind(value.get("kind")),
        name=_text(value, "name", default=""),
        terms=parse_terms(value, NO_TERMS),
        is_admin=is_admin,
        granted=_whole(value, "credits") or 0,
    )


def parse_own_key(body: bytes) -> NewKey:
    """Read a key that a caller makes for its own account, which is filled in later."""
    value = parse_object(body, ("name", *TERMS))
    return NewKey(account="", name=_text(value, "name", default=""), terms=parse_terms(value, NO_TERMS))


def parse_terms(value: JsonObject, terms: Terms) -> Terms:
    """Return the terms with what is given changed: null takes a limit away, what is left out stays."""
    models = _texts(value, "models") if "models" in value else terms.models
    networks = terms.networks
    if "networks" in value:
        texts = _texts(value, "networks")
        networks = None if texts is None else tuple(parse_network(text) for text in texts)
    return Terms(
        caps=Caps(
            **{
                name: _whole(value, wire_name) if wire_name in value else getattr(terms.caps, name)
                for name, wire_name in CAPS.items()
            }
        ),
        models=None if models is None else frozenset(models),
        networks=networks,
        expires_at=_moment(value, "expiresAt") if "expiresAt" in value else terms.expires_at,
    )


def parse_new_account(body: bytes) -> tuple[str, Kind, int, str]:
    """Return name, kind, the first credits and why they are granted."""
    value = parse_object(body, ("account", "kind", "credits", "note"))
    note = _text(value, "note", default="with the account")
    return _text(value, "account"), parse_kind(value.get("kind")), _whole(value, "credits") or 0, note


def parse_adjustment(
    body: bytes, account: str, *, reason: Reason, kind: Kind, idempotency_key: str | None
) -> Adjustment:
    value = parse_object(body, ("credits", "note"))
    amount = _whole(value, "credits")
    if amount is None:
        raise InvalidInput("credits is required", field="credits")
    return Adjustment(
        reason=reason,
        account=account,
        kind=kind,
        credits=amount,
        note=_text(value, "note"),
        idempotency_key=idempotency_key,
    )


def parse_overlap(body: bytes) -> timedelta:
    """Read how long the old text of a key goes on; an empty body is none."""
    seconds = _whole(parse_object(body, ("overlapSeconds",)), "overlapSeconds") if body else None
    return timedelta(seconds=min(seconds or 0, 10**9))


def parse_kind(value: JsonValue) -> Kind:
    kinds = {kind.value: kind for kind in Kind}
    if value is None:
        return Kind.LIVE
    if not isinstance(value, str) or value not in kinds:
        raise InvalidInput(f"kind is not within the range of allowed options: {', '.join(kinds)}", field="kind")
    return kinds[value]


def parse_span(query: Mapping[str, str], *, today: date) -> Span:
    """Raises: InvalidInput."""
    return last_days(today, since=_day(query, "from"), until=_day(query, "to"))


def account_data(account: Standing) -> JsonObject:
    return {
        "account": account.name,
        "kind": account.kind.value,
        "credits": account.balance_credits,
        "heldCredits": account.held_credits,
        "unfinishedTasks": account.unfinished_tasks,
        "keys": account.keys,
        "createTime": _epoch_ms(account.created_at),
    }


def own_account_data(account: Standing, limits: Limits) -> JsonObject:
    """An account, and what everybody's is allowed; null where that is not limited."""
    rate = limits.creates
    return {
        **account_data(account),
        "unfinishedTasksMax": limits.unfinished_max,
        "createsMax": None if rate is None else rate.creates_max,
        "createsWindowSeconds": None if rate is None else round(rate.window.total_seconds()),
        "queriesPerSecondMax": QUERIES_MAX,
    }


def key_data(key: Key) -> JsonObject:
    caps, spent = key.terms.caps, key.spent
    return {
        "id": key.id.hex,
        "prefix": key.prefix,
        "account": key.account,
        "kind": key.kind.value,
        "name": key.name,
        "admin": key.is_admin,
        "models": None if key.terms.models is None else sorted(key.terms.models),
        "networks": None if key.terms.networks is None else [str(network) for network in key.terms.networks],
        "expiresAt": _epoch_ms(key.terms.expires_at),
        **{wire_name: getattr(caps, name) for name, wire_name in CAPS.items()},
        "hourSpent": spent.hour,
        "daySpent": spent.day,
        "totalSpent": spent.total,
        "createTime": _epoch_ms(key.created_at),
        "lastUseTime": _epoch_ms(key.last_used_at),
        "revokeTime": _epoch_ms(key.revoked_at),
        "previousPrefix": key.previous_prefix,
        "previousUntil": _epoch_ms(key.previous_until),
    }


def entry_data(entry: Entry) -> JsonObject:
    return {
        "movement": entry.movement_id.hex,
        "reason": entry.reason.value,
        "book": entry.book.value,
        "credits": entry.credits,
        "actor": entry.actor,
        "time": _epoch_ms(entry.created_at),
    }


def usage_data(row: Usage) -> JsonObject:
    return {
        "day": row.day.isoformat(),
        "account": row.account,
        "keyId": row.key_id.hex,
        "keyName": row.key_name,
        "keyPrefix": row.key_prefix,
        "model": row.model,
        "tasks": row.tasks,
        "held": row.held,
        "charged": row.charged,
        "givenBack": row.given_back,
    }


def _text(value: JsonObject, name: str, *, default: str | None = None) -> str:
    found = value.get(name)
    if found is None and default is not None:
        return default
    if not isinstance(found, str):
        raise InvalidInput(f"{name} is required" if found is None else f"{name} must be a string", field=name)
    return found


def _texts(value: JsonObject, name: str) -> list[str] | None:
    found = value.get(name)
    if found is None:
        return None
    texts = [item for item in found if isinstance(item, str)] if isinstance(found, list) else []
    if not isinstance(found, list) or not 1 <= len(texts) == len(found) <= LIST_MAX:
        raise InvalidInput(f"{name} must be a list of 1 to {LIST_MAX} strings, or null", field=name)
    return texts


def _whole(value: JsonObject, name: str) -> int | None:
    found = value.get(name)
    if found is not None and (not isinstance(found, int) or isinstance(found, bool) or not 0 <= found <= CREDITS_MAX):
        raise InvalidInput(f"{name} must be a whole number, 0 to {CREDITS_MAX}", field=name)
    return found


def _moment(value: JsonObject, name: str) -> datetime | None:
    found = _whole(value, name)
    if found is not None and found > EPOCH_MS_MAX:
        raise InvalidInput(f"{name} must be milliseconds since the epoch, at most {EPOCH_MS_MAX}", field=name)
    return None if found is None else datetime.fromtimestamp(found / 1000, UTC)


def _day(query: Mapping[str, str], name: str) -> date | None:
    text = query.get(name)
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as exc:
        raise InvalidInput(f"{name}: {text[:30]!r} is not a day such as 2026-01-31", field=name) from exc


def _epoch_ms(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp() * 1000)

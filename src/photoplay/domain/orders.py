"""What can be wrong with how a card's fields become an engine's order. Pure."""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from photoplay.domain.cards import Card, EngineMapping
from photoplay.domain.fields import Choice, Field, FileUrl, FileUrls, Integer, NumberChoice

__all__ = ["order_complaints"]

# A day. Longer ones belong to no engine, and a deadline is a multiple of it.
CLIP_SECONDS_MAX: Final = 86_400
# What an order says to every engine; the keys beside them are controls of one.
_ORDER_FIELDS: Final = frozenset({"still", "prompt", "resolution", "duration_s", "seed"})
_PICTURES: Final = ("still", "end_still")
_USABLE: Final = frozenset({"image/jpeg", "image/png", "image/webp"})


def order_complaints(card: Card, controls: Mapping[str, Collection[str]]) -> Iterator[str]:
    """Yield what an engine cannot be asked for, or not by a field of this kind."""
    fields = {field.name: field for field in card.fields}
    for mapping in card.engines:
        at = f"engines.{mapping.name}: the order's"
        for key in _PICTURES:
            if key in mapping.order and (wrong := _no_picture(fields[mapping.order[key]])):
                yield f"{at} {key} is {wrong}"
        if "duration_s" in mapping.order and (wrong := _no_seconds(fields[mapping.order["duration_s"]])):
            yield f"{at} duration_s is {wrong}"
        yield from (f"{at} {wrong}" for wrong in _unknown_controls(mapping, controls))


def _no_picture(field: Field) -> str:
    """Say what keeps a field from being a picture; nothing where it is one."""
    if not isinstance(field, FileUrl | FileUrls):
        return f"{field.name}, a field of kind {field.kind}: it must be a file_url or file_urls"
    return "" if _USABLE & {*field.accept} else f"{field.name}, which accepts none of {', '.join(sorted(_USABLE))}"


def _no_seconds(field: Field) -> str:
    """Say what keeps a field from being a clip's length; nothing where all its values are whole numbers."""
    match field:
        case Integer():
            values = [str(field.minimum), str(field.maximum)]
        case Choice(options=options) | NumberChoice(options=options):
            values = [str(option.value) for option in options]
        case _:
            return f"{field.name}, a field of kind {field.kind}: it must be an integer, or a choice of whole numbers"
    wrong = [value for value in values if not re.fullmatch("[0-9]{1,9}", value) or int(value) > CLIP_SECONDS_MAX]
    return (
        f"{field.name}, which can be {json.dumps(wrong[0])}: seconds are whole numbers from 0 to {CLIP_SECONDS_MAX}"
        if wrong
        else ""
    )


def _unknown_controls(mapping: EngineMapping, controls: Mapping[str, Collection[str]]) -> Iterator[str]:
    if mapping.name not in controls:
        return
    known = controls[mapping.name]
    for key in mapping.order:
        if key not in known and key not in _ORDER_FIELDS:
            yield f"{key} is no control of this engine, which has {', '.join(known)}"

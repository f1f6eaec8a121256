"""Reads server-sent events, line by line.

Source: WHATWG HTML, server-sent events, https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

__all__ = ["ServerEvent", "read_events"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerEvent:
    id: str
    name: str
    data: str


def read_events(lines: Iterable[str]) -> Iterator[ServerEvent]:
    """Yield each event when the empty line behind it has come. Comments and unknown fields are nothing."""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            fields[name] = f"{fields['data']}\n{value}" if name == "data" and "data" in fields else value
            continue
        if "data" in fields:
            yield ServerEvent(id=fields.get("id", ""), name=fields.get("event", "message"), data=fields["data"])
        fields = {}

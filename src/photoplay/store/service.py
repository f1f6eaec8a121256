"""The mode of the service: one row, for all processes."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, cast

from photoplay.domain.service import Mode
from photoplay.store.database import fetch, fetch_row

if TYPE_CHECKING:
    from photoplay.store.database import Connection

__all__ = ["Service", "change", "read"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    mode: Mode
    changed_by: str | None
    """None before the first change."""
    changed_at: datetime


async def read(connection: "Connection") -> Service:
    row = await fetch_row(connection, "service_read")
    assert row is not None, "the row was made with its table"
    return Service(
        mode=Mode(row["mode"]),
        changed_by=cast("str | None", row["changed_by"]),
        changed_at=cast("datetime", row["changed_at"]),
    )


async def change(connection: "Connection", mode: Mode, *, actor: str) -> None:
    await fetch(connection, "service_change", mode=mode.value, actor=actor)

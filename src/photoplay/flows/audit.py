"""Check the ledger: compute every balance anew and compare it, all as of one moment, while work goes on."""

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from photoplay.store import statements

if TYPE_CHECKING:
    from photoplay.domain.statements import Audit
    from photoplay.flows.parts import Parts
    from photoplay.store.database import Database

__all__ = ["EVERY", "audit", "audit_in_turn"]

log = structlog.get_logger()

# It reads all entries; what it looks for should never be there.
EVERY: Final = timedelta(minutes=10)


async def audit(db: "Database") -> "Audit":
    async with db.snapshot() as snapshot:
        return await statements.audit(snapshot)


async def audit_in_turn(parts: "Parts") -> None:
    """Check the ledger unless some worker did within the last ten minutes, and leave the result for the metrics."""
    async with parts.db.connection() as connection:
        if not await statements.begin_check(connection, every=EVERY):
            return
    result = await audit(parts.db)
    for difference in result.differences:
        log.error("ledger.differs", difference=str(difference))
    async with parts.db.connection() as connection:
        await statements.end_check(connection, differences=len(result.differences))

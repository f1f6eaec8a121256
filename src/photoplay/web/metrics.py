"""What Prometheus reads: the tasks and callbacks by state, counted in the database when asked."""

from collections import Counter
from math import inf
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from photoplay.store import breakers, overview, statements

if TYPE_CHECKING:
    from photoplay.flows.parts import Parts

__all__ = ["CONTENT_TYPE", "render"]

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST


async def render(parts: "Parts") -> bytes:
    """Return the metrics as text. Every API process gives the same: the database is the one source."""
    async with parts.db.connection() as connection:
        counts = await overview.count(connection)
        check = await statements.last_check(connection)
        unwell = Counter(told.engine for told in await breakers.list_all(connection))
    registry = CollectorRegistry()
    unfinished = Gauge(
        "photoplay_tasks_unfinished", "Tasks that have not ended, by state", ["state"], registry=registry
    )
    for state, count in counts.unfinished_tasks.items():
        unfinished.labels(state).set(count)
    pending = Gauge("photoplay_callbacks_pending", "Callbacks that are still to be delivered", registry=registry)
    pending.set(counts.pending_callbacks)
    oldest = Gauge("photoplay_oldest_waiting_seconds", "Age of the oldest waiting task", registry=registry)
    oldest.set(counts.oldest_waiting_s)
    differences = Gauge(
        "photoplay_ledger_differences", "What did not agree when the ledger was last checked", registry=registry
    )
    differences.set(check.differences if check else 0)
    checked = Gauge("photoplay_ledger_check_age_seconds", "Since the ledger was last checked", registry=registry)
    checked.set(check.age_s if check else inf)
    engines = Gauge(
        "photoplay_engine_breakers_open",
        "Workers that leave the engine alone, or are finding out, because it was unavailable",
        ["engine"],
        registry=registry,
    )
    for engine in sorted(parts.engine_names | unwell.keys()):
        engines.labels(engine).set(unwell[engine])
    return generate_latest(registry)

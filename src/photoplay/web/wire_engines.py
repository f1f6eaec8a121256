"""The wire's spelling of how engines are: what operators read."""

from collections.abc import Collection, Sequence

from photoplay.domain.breaker import BreakerState
from photoplay.domain.json import JsonObject
from photoplay.store.breakers import Told
from photoplay.web.wire import epoch_ms

__all__ = ["engine_list"]


def engine_list(told: Sequence[Told], configured: Collection[str]) -> list[JsonObject]:
    """Every engine that is configured or was told of; one that no worker complains of is closed: it is asked."""
    names = sorted({*configured, *(one.engine for one in told)})
    return [_engine(name, [one for one in told if one.engine == name], configured) for name in names]


def _engine(name: str, told: Sequence[Told], configured: Collection[str]) -> JsonObject:
    """The last word of several workers stands for all of them, beside their number."""
    last = told[-1] if told else None
    return {
        "engine": name,
        "configured": name in configured,
        "state": (last.state if last else BreakerState.CLOSED).value,
        "workers": len(told),
        "failedTasks": last.failed_tasks if last else 0,
        "error": last.error if last else None,
        "retryTime": epoch_ms(last.retry_at) if last else None,
    }

"""How the wire spells the state of the whole service, and what happened to a task."""

from collections.abc import Sequence

from photoplay.domain.errors import InvalidInput
from photoplay.domain.json import JsonObject, JsonValue
from photoplay.domain.service import Mode
from photoplay.flows.operate import Situation
from photoplay.flows.timeline import Moment
from photoplay.store.overview import Failures, Work
from photoplay.store.service import Service
from photoplay.web.wire import epoch_ms
from photoplay.web.wire_admin import parse_object

__all__ = ["overview_data", "parse_mode", "service_data", "timeline_data"]


def parse_mode(body: bytes) -> Mode:
    """Raises: MalformedBody, InvalidInput."""
    text = parse_object(body, ("mode",)).get("mode")
    modes = {mode.value: mode for mode in Mode}
    if not isinstance(text, str) or text not in modes:
        raise InvalidInput(f"mode is not within the range of allowed options: {', '.join(modes)}", field="mode")
    return modes[text]


def service_data(service: Service) -> JsonObject:
    return {
        "mode": service.mode.value,
        "changedBy": service.changed_by,
        "changeTime": epoch_ms(service.changed_at),
    }


def overview_data(situation: Situation) -> JsonObject:
    work = situation.work
    return {
        **service_data(situation.service),
        "queues": _queues(work),
        "running": [{"worker": each.worker, "engine": each.engine, "jobs": each.jobs} for each in work.running],
        "failures": [_failures(each) for each in work.failures],
        "deliveries": {
            "pending": work.deliveries.pending,
            "due": work.deliveries.due,
            "failing": work.deliveries.failing,
            "exhausted": work.deliveries.exhausted,
        },
        "disk": {
            "freeBytes": situation.disk_free_bytes,
            "freeBytesMin": situation.disk_free_bytes_min,
            "files": work.files,
            "filesBytes": work.files_bytes,
        },
    }


def timeline_data(moments: Sequence[Moment]) -> list[JsonValue]:
    return [{"time": epoch_ms(each.at), "what": each.what, "detail": each.detail} for each in moments]


def _queues(work: Work) -> list[JsonValue]:
    return [
        {"engine": each.engine, "waiting": each.waiting, "oldestSeconds": round(each.oldest_s)} for each in work.queues
    ]


def _failures(each: Failures) -> JsonObject:
    return {
        "engine": each.engine,
        "code": each.code,
        "message": each.message,
        "tasks": each.tasks,
        "lastTime": epoch_ms(each.last_at),
    }

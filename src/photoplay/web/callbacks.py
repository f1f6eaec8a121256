"""The paths about callbacks. Each parses, calls one flow, and renders."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from functools import partial
from typing import Annotated, Final

from fastapi import APIRouter, Header, Request
from fastapi.responses import JSONResponse, Response

from photoplay import clock
from photoplay.domain.cards import choose_engine
from photoplay.domain.errors import ModelSwitchedOff
from photoplay.domain.tasks import State, Task, TaskId
from photoplay.flows.callbacks import list_callbacks, ping, resend, rotate_secret
from photoplay.flows.follow import Following, follow
from photoplay.flows.parts import ApiParts
from photoplay.web import samples, wire, wire_callbacks
from photoplay.web.auth import Authorized, PartsOf, require_caller
from photoplay.web.event_stream import KEEP_ALIVE_S, Event, event_stream
from photoplay.web.routes import require_media_type, success

__all__ = ["router"]

router: Final = APIRouter(prefix="/api/v1/jobs/callbacks")


@router.get("")
async def list_of_callbacks(request: Request, caller: Authorized, parts: PartsOf) -> JSONResponse:
    task_id = request.query_params.get("taskId")
    found = await list_callbacks(
        task_id=None if task_id is None else wire.parse_known_task_id(task_id),
        states=wire_callbacks.parse_states(request.query_params.get("state")),
        count_max=wire_callbacks.LIST_MAX,
        caller=caller,
        parts=parts,
    )
    return success(wire_callbacks.callback_list(found))


@router.post("/resend")
async def resend_callbacks(request: Request, caller: Authorized, parts: PartsOf) -> JSONResponse:
    require_media_type(request, "application/json")
    chosen = wire_callbacks.parse_chosen(await request.body())
    resent = await resend(task_id=chosen.task_id, failed_since=chosen.failed_since, caller=caller, parts=parts)
    return success({"resent": resent})


@router.post("/ping")
async def ping_receiver(request: Request, caller: Authorized, parts: PartsOf) -> JSONResponse:
    require_media_type(request, "application/json")
    url = wire.parse_text(await request.body(), "url")
    task = _sample(url, parts)
    body = wire_callbacks.ping_body(task, files_url=parts.files_url)
    delivery = await ping(url, task_id=task.id, body=body, caller=caller, parts=parts)
    return success(wire_callbacks.pinged(delivery))


@router.post("/secret/rotate")
async def rotate_callback_secret(request: Request, caller: Authorized, parts: PartsOf) -> JSONResponse:
    overlap = wire_callbacks.parse_overlap(await request.body())
    return success(wire_callbacks.rotated(await rotate_secret(overlap=overlap, caller=caller, parts=parts)))


@router.get("/events")
async def callback_events(
    request: Request, caller: Authorized, parts: PartsOf, last_event_id: Annotated[str | None, Header()] = None
) -> Response:
    after = wire_callbacks.parse_last_event_id(last_event_id)
    following = await follow(after=after, quiet_s=KEEP_ALIVE_S, caller=caller, parts=parts)
    return event_stream(_events(following), require_reader=partial(require_caller, request, parts))


async def _events(following: Following) -> AsyncGenerator[Event | None]:
    # First of all an id, so that a client that is cut off before anything happens can come back.
    yield wire_callbacks.opened(following.since)
    async for told in following.events:
        yield wire_callbacks.told(told)


def _sample(url: str, parts: ApiParts) -> Task:
    """A task as it would have ended well, with an id that no task has. Raises: ModelSwitchedOff without any model."""
    for card in parts.cards.values():
        engine = choose_engine(card, parts.engine_names)
        if engine is not None:
            sample = samples.task(card, engine=engine.name, state=State.SUCCEEDED, callback_url=url)
            return replace(sample, id=TaskId(clock.new_uuid()))
    raise ModelSwitchedOff

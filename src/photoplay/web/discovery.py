"""What a caller can learn before the first task: the models, their schemas and prices. No key is needed."""

from collections.abc import Mapping
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from photoplay.domain.cards import Card, choose_engine, fits, needed_engines, price
from photoplay.domain.errors import InvalidInput, NotFound
from photoplay.domain.json import JsonObject
from photoplay.domain.schema import DIALECT, input_schema
from photoplay.flows.parts import ApiParts
from photoplay.flows.submit import check_input
from photoplay.web import wire
from photoplay.web.auth import PartsOf
from photoplay.web.strict import parse_json, read_large_aside

__all__ = ["find_model", "router"]

router: Final = APIRouter()


@router.get("/api/v1/models")
async def models(request: Request, parts: PartsOf) -> JSONResponse:
    search = request.query_params.get("search", "")
    task_type = request.query_params.get("taskType", "")
    found = [card for _, card in sorted(parts.cards.items()) if fits(card, search=search, task_type=task_type)]
    return _success({"total": len(found), "models": [_summary(card, parts) for card in found]})


@router.get("/api/v1/models/{model:path}/schema")
async def schema(model: str, parts: PartsOf) -> JSONResponse:
    card = find_model(model, parts)
    told: JsonObject = {"$schema": DIALECT, "title": card.title, "examples": [card.example["input"]]}
    return _success({**told, **input_schema(card.fields, card.rules)})


@router.get("/api/v1/models/{model:path}/price")
async def prices(model: str, parts: PartsOf) -> JSONResponse:
    return _success({"model": model, "prices": _price_rows(find_model(model, parts))})


@router.post("/api/v1/models/{model:path}/price")
async def quote(request: Request, model: str, parts: PartsOf) -> JSONResponse:
    """Answer the price of one concrete input; nothing is created."""
    card = find_model(model, parts)
    body = await read_large_aside(parse_json, await request.body())
    values = body.get("input") if isinstance(body, Mapping) else None
    if not isinstance(values, Mapping):
        raise InvalidInput('input is required: send {"input": {…}}', field="input")
    return _success({"model": model, "credits": price(check_input(values, card), card)})


def find_model(model: str, parts: ApiParts) -> Card:
    """Raises: NotFound."""
    card = parts.cards.get(model)
    if card is None:
        raise NotFound(f"There is no model {model[:100]}; GET /api/v1/models lists them")
    return card


def _summary(card: Card, parts: ApiParts) -> JsonObject:
    engine = choose_engine(card, parts.engine_names)
    return {
        "model": card.id,
        "title": card.title,
        "provider": card.provider,
        "taskType": card.task_types,
        "description": card.description,
        "price": _price_rows(card),
        "available": engine is not None,
        "engine": engine.name if engine else None,
        "needs": None if engine else needed_engines(card),
    }


def _price_rows(card: Card) -> list[JsonObject]:
    return [
        {"when": row.when, "credits": row.credits, **({"times": row.times} if row.times else {})} for row in card.prices
    ]


def _success(data: JsonObject) -> JSONResponse:
    return JSONResponse(wire.envelope(200, "success", data))

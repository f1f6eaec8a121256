"""What a caller learns before the first task: models, schemas and prices; and a model that is switched off."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from jsonschema import Draft202012Validator

from photoplay.files.cards import CardShelf
from photoplay.flows.parts import ApiParts
from photoplay.store.database import Database
from scenes import CREATE, MODEL, STILL_URL, balances, footprint, open_api, request

MODELS = "/api/v1/models"
OFF = "nobody/cloud"
CARD = """\
id = "nobody/cloud"
title = "Cloud"
provider = "Nobody"
task_types = ["cloud-to-video"]
description = "A model that only the engine of a cloud can serve."
sources = ["nowhere"]
retention_days = 1
output = { kind = "video/mp4", fps = 24, sizes = "one" }
prices = [{ when = {}, credits = 3, times = "seconds" }]
engines = [{ name = "cog", order = { prompt = "prompt" } }, { name = "comfyui", order = {} }]
"""
FIELDS = """fields = [
    { name = "prompt", kind = "text", label = "", help = "", required = true, chars_max = 10 },
    { name = "seconds", kind = "integer", label = "", help = "", default = 2, minimum = 1, maximum = 4 },
]
"""
EXAMPLE = {"prompt": "slow push in", "image_url": STILL_URL, "resolution": "720p", "duration": "5"}


@pytest.fixture
def database_url(module_database_url: str) -> str:
    return module_database_url


@pytest.fixture
def with_cloud(parts: ApiParts, tmp_path: Path) -> ApiParts:
    """The parts of a server whose operator has a card of their own, but not its engine."""
    folder = tmp_path / "cards" / OFF
    folder.mkdir(parents=True)
    (folder / "card.toml").write_text(CARD.replace("prices =", FIELDS + "prices ="), encoding="utf-8")
    (folder / "example.json").write_text('{"model": "nobody/cloud", "input": {"prompt": "rain"}}')
    return replace(parts, cards=CardShelf(tmp_path / "cards"))


@pytest.fixture
async def anyone(with_cloud: ApiParts) -> AsyncGenerator[httpx2.AsyncClient]:
    """A client without a key."""
    async with open_api(with_cloud, None) as client:
        yield client


def data(answer: httpx2.Response) -> Any:
    body = answer.json()
    assert (answer.status_code, body["code"], body["message"], body["msg"]) == (200, 200, "success", "success")
    return body["data"]


def refusal(answer: httpx2.Response) -> tuple[int, int, str]:
    body = answer.json()
    assert body["data"] is None
    assert body["message"] == body["msg"]
    return answer.status_code, body["code"], body["msg"]


async def found(client: httpx2.AsyncClient, **asked: str) -> list[str]:
    listed = data(await client.get(MODELS, params=asked))
    assert listed["total"] == len(listed["models"])
    return [model["model"] for model in listed["models"]]


async def test_the_list_names_every_model_in_order(anyone: httpx2.AsyncClient, with_cloud: ApiParts) -> None:
    assert await found(anyone) == sorted(with_cloud.cards)


async def test_a_model_says_what_it_is_costs_and_needs(anyone: httpx2.AsyncClient, with_cloud: ApiParts) -> None:
    models = (data(await anyone.get(MODELS)))["models"]
    told = {model["model"]: model for model in models}

    assert told[MODEL] == {
        "model": MODEL,
        "title": "Seedance 1.0 Pro Fast, image to video",
        "provider": "ByteDance",
        "taskType": ["image-to-video"],
        "description": with_cloud.cards[MODEL].description,
        "price": [
            {"when": {"resolution": resolution, "duration": duration}, "credits": credits}
            for resolution, duration, credits in [
                ("720p", "5", 16),
                ("720p", "10", 36),
                ("1080p", "5", 36),
                ("1080p", "10", 72),
            ]
        ],
        "available": True,
        "engine": "camera",
        "needs": None,
    }


async def test_a_model_without_its_engine_is_listed_with_what_it_needs(anyone: httpx2.AsyncClient) -> None:
    (told,) = (data(await anyone.get(MODELS, params={"search": OFF})))["models"]

    assert (told["available"], told["engine"], told["needs"]) == (False, None, "cog or comfyui")
    assert told["price"] == [{"when": {}, "credits": 3, "times": "seconds"}]


@pytest.mark.parametrize("search", ["nobody/cloud", "NOBODY", "cLoUd", "engine of a cloud"])
async def test_a_search_looks_at_id_title_provider_and_description(anyone: httpx2.AsyncClient, search: str) -> None:
    assert await found(anyone, search=search) == [OFF]


@pytest.mark.parametrize(
    ("asked", "is_listed"),
    [
        ({"taskType": "cloud-to-video"}, [OFF]),
        ({"taskType": "cloud"}, []),
        ({"taskType": "cloud-to-video", "search": "seedance"}, []),
        ({"taskType": "cloud-to-video", "search": "cloud"}, [OFF]),
        ({"search": "no such model"}, []),
    ],
    ids=["one type", "part of a type", "both against", "both for", "nothing"],
)
async def test_a_task_type_fits_as_a_whole(
    anyone: httpx2.AsyncClient, asked: dict[str, str], is_listed: list[str]
) -> None:
    assert await found(anyone, **asked) == is_listed


async def test_a_schema_can_be_used_before_sending(anyone: httpx2.AsyncClient) -> None:
    schema = data(await anyone.get(f"{MODELS}/{MODEL}/schema"))
    Draft202012Validator.check_schema(schema)
    judge: Any = Draft202012Validator(schema)

    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["title"] == "Seedance 1.0 Pro Fast, image to video"
    assert judge.is_valid(EXAMPLE)
    assert not judge.is_valid({**EXAMPLE, "duration": "7"})
    assert not judge.is_valid({"prompt": "slow push in"})


@pytest.mark.parametrize("path", [MODEL, MODEL.replace("/", "%2F")], ids=["slash", "escaped"])
async def test_prices_are_told_by_an_id_that_holds_a_slash(anyone: httpx2.AsyncClient, path: str) -> None:
    told = data(await anyone.get(f"{MODELS}/{path}/price"))

    assert told["model"] == MODEL
    assert [row["credits"] for row in told["prices"]] == [16, 36, 36, 72]


@pytest.mark.parametrize(
    ("model", "values", "credits"),
    [
        (MODEL, EXAMPLE, 16),
        (MODEL, {**EXAMPLE, "resolution": "1080p", "duration": 10}, 72),
        (MODEL, {"prompt": "x", "image_url": STILL_URL}, 16),
        (OFF, {"prompt": "x", "seconds": 4}, 12),
        (OFF, {"prompt": "x"}, 6),
    ],
    ids=["cheapest", "dearest", "defaults", "times", "times its default"],
)
async def test_a_quote_is_the_price_of_one_input(
    anyone: httpx2.AsyncClient, db: Database, model: str, values: dict[str, Any], credits: int
) -> None:
    before = await footprint(db)

    told = data(await anyone.post(f"{MODELS}/{model}/price", json={"input": values}))

    assert told == {"model": model, "credits": credits}
    assert await footprint(db) == before


@pytest.mark.parametrize(
    ("body", "status", "beginning"),
    [
        (b"{", 400, ""),
        (b"[]", 422, "input is required"),
        (b"{}", 422, "input is required"),
        (b'{"input": []}', 422, "input is required"),
        (b'{"input": {}}', 422, "input.prompt is required; input.image_url is required"),
        (b'{"input": {"prompt": "x", "image_url": "x"}}', 422, "input.image_url must be an http or https URL"),
    ],
    ids=["no JSON", "a list", "no input", "no object", "fields missing", "a wrong field"],
)
async def test_a_quote_for_a_wrong_input_is_refused(
    anyone: httpx2.AsyncClient, body: bytes, status: int, beginning: str
) -> None:
    answer = await anyone.post(f"{MODELS}/{MODEL}/price", content=body, headers={"Content-Type": "application/json"})

    assert refusal(answer)[:2] == (status, status)
    assert refusal(answer)[2].startswith(beginning)


@pytest.mark.parametrize("model", ["nobody/nothing", "nothing", "a/b/c"])
@pytest.mark.parametrize("part", ["schema", "price"])
async def test_an_unknown_model_is_not_found(anyone: httpx2.AsyncClient, model: str, part: str) -> None:
    answer = await anyone.get(f"{MODELS}/{model}/{part}")

    assert refusal(answer) == (404, 404, f"There is no model {model}; GET /api/v1/models lists them")


async def test_no_quote_is_given_for_an_unknown_model(anyone: httpx2.AsyncClient) -> None:
    answer = await anyone.post(f"{MODELS}/nobody/nothing/price", json={"input": EXAMPLE})

    assert refusal(answer)[:2] == (404, 404)


async def test_a_model_that_is_switched_off_takes_no_task_and_no_credit(
    with_cloud: ApiParts, key: str, db: Database
) -> None:
    before = await footprint(db)

    async with open_api(with_cloud, key) as client:
        answer = await client.post(CREATE, json={"model": OFF, "input": {"prompt": "rain"}})

    status, code, text = refusal(answer)
    assert (status, code) == (500, 505)
    assert OFF in text
    assert "cog or comfyui is not configured" in text
    assert await footprint(db) == before


async def test_a_model_is_served_as_soon_as_its_engine_is_configured(
    with_cloud: ApiParts, key: str, db: Database
) -> None:
    configured = replace(with_cloud, engine_names=frozenset({"camera", "comfyui"}))
    spendable, _ = await balances(db)

    async with open_api(configured, key) as client:
        created = data(await client.post(CREATE, json={"model": OFF, "input": {"prompt": "rain"}}))
        (told,) = (data(await client.get(MODELS, params={"search": OFF})))["models"]

    assert (told["available"], told["engine"], told["needs"]) == (True, "comfyui", None)
    assert created["taskId"]
    assert (await balances(db))[0] == spendable - 6


async def test_an_unusable_model_leaves_the_others_alone(with_cloud: ApiParts, key: str) -> None:
    async with open_api(with_cloud, key) as client:
        created = data(await client.post(CREATE, json=request()))

    assert created["taskId"]

"""The OpenAPI document says what the server does: every path, every model, every refusal, and true answers."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from fastapi.routing import iter_route_contexts
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from crash.servers import PHOTO
from photoplay.domain.cards import Card
from photoplay.domain.json import JsonObject
from photoplay.files.cards import load_cards
from photoplay.flows.parts import ApiParts
from photoplay.web import samples, wire
from photoplay.web.app import build_app
from photoplay.web.errors import CODES
from photoplay.web.openapi import component_name, openapi
from photoplay.web.strict import parse_json
from scenes import BASE_URL, CREATE, MODEL, RECORD, open_api, request

CARDS = load_cards()
DOCUMENT: Any = openapi(list(CARDS.values()), base_url=BASE_URL, version="1")
METHODS = {"get", "head", "post"}

each_card = pytest.mark.parametrize("card", CARDS.values(), ids=lambda card: card.id)


def operations() -> Iterator[tuple[str, str, Any]]:
    for path, methods in DOCUMENT["paths"].items():
        yield from ((path, method, methods[method]) for method in METHODS & methods.keys())


def validator(schema: object) -> Draft202012Validator:
    """Return what checks against one schema of the document, which may refer to others."""
    return Draft202012Validator({"allOf": [schema], "components": DOCUMENT["components"]})


def check(value: Any, schema: object) -> None:
    wrong = list(validator(schema).iter_errors(value))  # pyright: ignore[reportUnknownMemberType] - the stubs leave it open
    assert wrong == []


def answered(path: str, method: str = "get") -> object:
    return DOCUMENT["paths"][path][method]["responses"]["200"]["content"]["application/json"]["schema"]


def sent(path: str) -> object:
    return DOCUMENT["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]


def references(part: Any) -> Iterator[str]:
    """Yield what any part of the document refers to, at any depth."""
    if isinstance(part, str | int | float | None):
        return
    if "$ref" in part:
        yield part["$ref"]
    items: Iterable[Any] = part.values() if hasattr(part, "values") else part
    for item in items:
        yield from references(item)


def test_the_document_has_the_paths_of_the_app_and_no_others(parts: ApiParts) -> None:
    routes = iter_route_contexts(build_app(parts, http_status="mirror").routes)
    served = {
        (str(route.path).replace(":path}", "}"), method.lower()) for route in routes for method in route.methods or ()
    }

    assert {(path, method) for path, method, _ in operations()} == served


def test_every_path_names_its_parameters() -> None:
    for path, methods in DOCUMENT["paths"].items():
        named = {each["name"] for each in methods.get("parameters", []) if each["in"] == "path" and each["required"]}
        assert named == set(re.findall(r"{(\w+)}", path)), path


def test_every_operation_has_what_a_reader_needs() -> None:
    found = [operation for _, _, operation in operations()]

    assert len({operation["operationId"] for operation in found}) == len(found)
    for operation in found:
        assert operation["summary"]
        assert operation["tags"]
        assert "200" in operation["responses"]
        assert all("description" in answer or "$ref" in answer for answer in operation["responses"].values())


def test_an_operation_asks_for_a_key_exactly_where_one_can_be_refused() -> None:
    schemes = DOCUMENT["components"]["securitySchemes"]

    assert schemes == {"key": {"type": "http", "scheme": "bearer"}}
    for path, _, operation in operations():
        # The paths by which a browser comes in and goes have their proof in the body and the cookie.
        is_way_in = operation["operationId"] in {"signIn", "signOut"}
        assert bool(operation["security"]) == ("401" in operation["responses"] and not is_way_in), path


def test_every_reference_leads_somewhere() -> None:
    found = set(references(DOCUMENT))

    assert len(found) == len(CARDS) + 2
    for reference in found:
        target = DOCUMENT
        for name in reference.removeprefix("#/").split("/"):
            target = target[name]


def test_every_refusal_of_the_table_is_on_some_operation() -> None:
    told: set[tuple[int, int]] = set()
    for _, _, operation in operations():
        for status, answer in operation["responses"].items():
            if status != "200" and "application/json" in answer.get("content", {}):
                schema = answer["content"]["application/json"]["schema"]
                told |= {(int(status), code) for code in schema["properties"]["code"]["enum"]}
                check(wire.envelope(schema["properties"]["code"]["enum"][0], "text", None), schema)

    # 405 is what a path answers that has no such operation.
    assert told == set(CODES.values()) - {(405, 405)}


@each_card
def test_the_create_request_of_a_model_is_described(card: Card) -> None:
    component = DOCUMENT["components"]["schemas"][component_name(card)]
    mapping = DOCUMENT["paths"][CREATE]["post"]["requestBody"]["content"]["application/json"]["schema"]

    assert component["properties"]["model"] == {"const": card.id}
    assert set(component["properties"]["input"]["properties"]) == {field.name for field in card.fields}
    assert mapping["discriminator"]["mapping"][card.id] == f"#/components/schemas/{component_name(card)}"
    check(card.example, sent(CREATE))


def test_every_model_has_a_component_of_its_own() -> None:
    assert len({component_name(card) for card in CARDS.values()}) == len(CARDS)
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+", component_name(card)) for card in CARDS.values())


@given(ids=st.lists(st.text("a.b/_-ÜÄ2e ", min_size=1, max_size=6) | st.text(min_size=1), min_size=2, unique=True))
def test_no_two_ids_share_a_component(ids: list[str]) -> None:
    names = [component_name(replace(CARDS[MODEL], id=id)) for id in ids]

    assert len(set(names)) == len(ids)
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+", name) for name in names)


@pytest.mark.parametrize(
    ("id", "name"),
    [
        (MODEL, "bytedance.v1-pro-fast-image-to-video"),
        ("t/Ü", "t._c3_9c"),
        ("t/Ä", "t._c3_84"),
        ("a/b.c", "a.b_2ec"),
        ("a.b/c", "a_2eb.c"),
        ("a/b_c", "a.b_5fc"),
    ],
)
def test_the_name_of_a_component_depends_on_its_id_alone(id: str, name: str) -> None:
    assert component_name(replace(CARDS[MODEL], id=id)) == name


@pytest.mark.parametrize(
    "body", [{}, {"model": "nobody/nothing", "input": {}}, {"model": MODEL}, request(duration="7"), request(prompt="")]
)
def test_a_create_that_is_refused_does_not_fit_the_document(body: JsonObject) -> None:
    assert list(validator(sent(CREATE)).iter_errors(body))  # pyright: ignore[reportUnknownMemberType] - the stubs leave it open


async def test_answers_are_as_the_document_says(parts: ApiParts, key: str) -> None:
    model = f"/api/v1/models/{MODEL}"
    async with open_api(parts, key) as api:
        created = (await api.post(CREATE, json=request())).json()
        record = await api.get(RECORD, params={"taskId": created["data"]["taskId"]})
        cancelled = await api.post("/api/v1/jobs/cancelTask", json={"taskId": created["data"]["taskId"]})
        listed = await api.get("/api/v1/jobs")
        quote = await api.post(f"{model}/price", json={"input": request()["input"]})
        credit, models = await api.get("/api/v1/chat/credit"), await api.get("/api/v1/models")
        schema, prices = await api.get(f"{model}/schema"), await api.get(f"{model}/price")

    check(created, answered(CREATE, "post"))
    check(record.json(), answered(RECORD))
    check(cancelled.json(), answered("/api/v1/jobs/cancelTask", "post"))
    check(listed.json(), answered("/api/v1/jobs"))
    check(quote.json(), answered("/api/v1/models/{model}/price", "post"))
    check(credit.json(), answered("/api/v1/chat/credit"))
    check(models.json(), answered("/api/v1/models"))
    check(schema.json(), answered("/api/v1/models/{model}/schema"))
    check(prices.json(), answered("/api/v1/models/{model}/price"))


@pytest.mark.parametrize("state", [samples.SUCCEEDED, samples.FAILED])
def test_a_callback_is_as_the_document_says(state: Any) -> None:
    task = samples.task(CARDS[MODEL], engine="camera", state=state)

    body = parse_json(wire.callback_body(task, files_url=f"{BASE_URL}/files/"))

    check(body, DOCUMENT["components"]["schemas"]["Callback"])


async def test_an_upload_is_answered_as_the_document_says(parts: ApiParts, key: str) -> None:
    async with open_api(parts, key) as api:
        answer = await api.post("/api/file-stream-upload", files={"file": ("a.jpg", PHOTO.read_bytes())})

    check(answer.json(), answered("/api/file-stream-upload", "post"))


async def test_a_server_hands_out_its_document_with_its_own_address(parts: ApiParts) -> None:
    async with open_api(parts, None) as stranger:
        document = (await stranger.get("/openapi.json")).json()

    assert document["openapi"].startswith("3.1.")
    assert document["servers"] == [{"url": BASE_URL}]
    assert document["paths"].keys() == DOCUMENT["paths"].keys()

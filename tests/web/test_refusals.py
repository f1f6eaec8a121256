"""What is refused, with which status, code and words; and that a refusal leaves nothing behind."""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import httpx2
import pytest

from photoplay.domain.keys import Kind, make_key
from photoplay.flows.enroll import enroll
from photoplay.flows.parts import ApiParts
from photoplay.store.database import Database
from scenes import CREATE, MODEL, RECORD, STILL_URL, footprint, open_api, request

JSON = {"Content-Type": "application/json"}
UNKNOWN_ID = "0123456789abcdef" * 2
LITERALS = [
    *("http://127.0.0.1/x", "http://127.0.0.1:80/x", "https://10.0.0.1/x", "http://[::1]/x", "http://192.168.1.1/x"),
    *("http://169.254.169.254/latest/meta-data", "http://0.0.0.0/x", "http://[::]/x", "http://172.16.0.1/x"),
    *("http://[::ffff:127.0.0.1]/x", "http://[fe80::1]/x", "http://[fd00::1]/x", "http://100.64.0.1/x"),
]
SPELLINGS = [
    *("http://2130706433/x", "http://0x7f000001/x", "http://0177.0.0.1/x", "http://127.1/x", "http://0/x"),
    *("http://0x7f.0.0.1/x", "http://127.0.0.1.:81/x", "http://[::127.0.0.1%25eth0]/x"),
]


def refusal(answer: httpx2.Response) -> tuple[int, int, str]:
    """HTTP status, wire code and text, of an answer in the envelope and with nothing else in it."""
    body = answer.json()
    assert body.keys() == {"code", "message", "msg", "data"}
    assert body["message"] == body["msg"]
    assert body["data"] is None
    return answer.status_code, body["code"], body["msg"]


@pytest.fixture
def database_url(module_database_url: str) -> str:
    return module_database_url


@pytest.fixture
async def unchanged(db: Database, key: str) -> AsyncGenerator[None]:  # noqa: ARG001 - the account comes first
    """That the test leaves no task, no posting and no job behind, and the balance as it was."""
    before = await footprint(db)
    yield
    assert await footprint(db) == before


pytestmark = pytest.mark.usefixtures("unchanged")


@pytest.mark.parametrize(
    ("body", "status", "beginning"),
    [
        (b"", 400, "The body is not JSON: "),
        (b"prompt=x", 400, "The body is not JSON: "),
        (b"\xff\xfe", 400, "The body is not UTF-8: "),
        (b'{"model":"a","model":"b"}', 400, "The body is not JSON that can be read: the key 'model' stands twice"),
        (b'{"model":NaN}', 400, "The body is not JSON that can be read: NaN"),
        (b"[" * 65 + b"]" * 65, 400, "The body is not JSON that can be read: it is nested deeper than 64"),
        (b'{"model":"\\ud800"}', 422, "model holds a NUL character or half of a surrogate pair"),
        (b'{"input":{"prompt":"a\\u0000b"}}', 422, "input.prompt holds a NUL character"),
        (b"[]", 422, "The body must be a JSON object"),
        (b'"x"', 422, "The body must be a JSON object"),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(
    body: bytes, status: int, beginning: str, api: httpx2.AsyncClient
) -> None:
    answer = await api.post(CREATE, content=body, headers=JSON)

    got, code, text = refusal(answer)
    assert (got, code) == (status, status)
    assert text.startswith(beginning)


@pytest.mark.parametrize(
    ("root", "beginning"),
    [
        ({"model": None}, "model is required"),
        ({"model": 5}, "model must be a string"),
        ({"model": ""}, "The model name you specified is not supported: "),
        ({"model": "bytedance/v9"}, "The model name you specified is not supported: bytedance/v9 is not one of "),
        ({"model": MODEL.upper()}, "The model name you specified is not supported: "),
        ({"model": "x" * 5000}, "The model name you specified is not supported: "),
        ({"input": None}, "input is required"),
        ({"input": "slow push in"}, "input must be an object"),
        ({"input": [1]}, "input must be an object"),
        ({"callBackUrl": 5}, "callBackUrl must be an http or https URL"),
        ({"callBackUrl": "hook"}, "callBackUrl is not a URL that can be fetched: "),
        ({"callBackUrl": "ftp://example.com/hook"}, "callBackUrl is not a URL that can be fetched: "),
        ({"callBackUrl": "https://me:pw@example.com/"}, "callBackUrl is not a URL that can be fetched: "),
        ({"callBackUrl": "https://example.com:8080/"}, "callBackUrl is not a URL that can be fetched: port 8080"),
        ({"callBackUrl": "http://127.0.0.1/hook"}, "callBackUrl: the address is not public"),
        ({"callBackUrl": "http://[::1]/hook"}, "callBackUrl: the address is not public"),
    ],
    ids=lambda value: json.dumps(value)[:50] if isinstance(value, dict) else "",
)  # fmt: skip
async def test_a_wrong_root_is_refused(root: dict[str, Any], beginning: str, api: httpx2.AsyncClient) -> None:
    answer = await api.post(CREATE, json={**request(), **root})

    status, code, text = refusal(answer)
    assert (status, code) == (422, 422)
    assert text.startswith(beginning)
    assert len(text) < 500


@pytest.mark.parametrize(
    ("values", "beginning"),
    [
        ({"prompt": None}, "input.prompt is required"),
        ({"prompt": ""}, "input.prompt is required"),
        ({"prompt": 5}, "input.prompt must be a string"),
        ({"prompt": "x" * 10001}, "The text length cannot exceed the maximum limit: input.prompt has 10001"),
        ({"prompt": "😀" * 10001}, "The text length cannot exceed the maximum limit: input.prompt has 10001"),
        ({"image_url": None}, "input.image_url is required"),
        ({"image_url": ""}, "input.image_url must be an http or https URL"),
        ({"image_url": 5}, "input.image_url must be an http or https URL"),
        ({"image_url": "photo.jpg"}, "input.image_url must be an http or https URL"),
        ({"image_url": "file:///etc/passwd"}, "input.image_url must be an http or https URL"),
        ({"image_url": "data:image/png;base64,AA"}, "input.image_url must be an http or https URL"),
        ({"image_url": "https://u:p@example.com/x"}, "input.image_url is not a URL that can be fetched: "),
        ({"image_url": "https://example.com:22/x"}, "input.image_url is not a URL that can be fetched: port 22"),
        ({"image_url": "https://example.com\\@10.0.0.1/x"}, "input.image_url "),
        ({"resolution": "480p"}, "input.resolution is not within the range of allowed options: "),
        ({"resolution": ["720p"]}, "input.resolution is not within the range of allowed options: "),
        ({"duration": "7"}, "input.duration is not within the range of allowed options: "),
        ({"duration": 5.5}, "input.duration is not within the range of allowed options: "),
        ({"nsfw_checker": "no"}, "input.nsfw_checker must be true or false"),
    ],
    ids=lambda value: json.dumps(value)[:50] if isinstance(value, dict) else "",
)  # fmt: skip
async def test_a_wrong_input_is_refused(values: dict[str, Any], beginning: str, api: httpx2.AsyncClient) -> None:
    answer = await api.post(CREATE, json=request(**values))

    status, code, text = refusal(answer)
    assert (status, code) == (422, 422)
    assert text.startswith(beginning)
    assert len(text) < 500


@pytest.mark.parametrize("url", LITERALS)
@pytest.mark.parametrize("place", ["image_url", "callBackUrl"])
async def test_an_address_that_is_not_public_is_refused(place: str, url: str, api: httpx2.AsyncClient) -> None:
    asked = request(callback_url=url) if place == "callBackUrl" else request(image_url=url)

    status, code, text = refusal(await api.post(CREATE, json=asked))

    assert (status, code) == (422, 422)
    assert text in {"input.image_url: the address is not public", "callBackUrl: the address is not public"}


@pytest.mark.parametrize("url", SPELLINGS)
async def test_another_spelling_of_such_an_address_is_refused(url: str, api: httpx2.AsyncClient) -> None:
    status, code, text = refusal(await api.post(CREATE, json=request(image_url=url)))

    assert (status, code) == (422, 422)
    assert text.startswith("input.image_url")


async def test_everything_that_is_wrong_is_said_at_once(api: httpx2.AsyncClient) -> None:
    _, _, text = refusal(await api.post(CREATE, json=request(prompt="", duration="7")))

    assert text == (
        "input.prompt is required: the text is empty; "
        'input.duration is not within the range of allowed options: "7" is not one of 5, 10'
    )


@pytest.mark.parametrize("is_declared", [True, False], ids=["declared", "streamed"])
async def test_a_body_over_a_mebibyte_is_refused(is_declared: bool, api: httpx2.AsyncClient) -> None:
    body = json.dumps(request(padding="x" * 1024 * 1024)).encode()

    async def stream() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 65536):
            yield body[start : start + 65536]

    answer = await api.post(CREATE, content=body if is_declared else stream(), headers=JSON)

    assert refusal(answer) == (413, 413, "The body is larger than 1048576 bytes")


@pytest.mark.parametrize(
    ("media_type", "got"),
    [
        ("text/plain", "text/plain"),
        ("application/x-www-form-urlencoded", None),
        ("application/jsonp", None),
        ("", "none"),
    ],
)
async def test_another_media_type_is_refused(media_type: str, got: str | None, api: httpx2.AsyncClient) -> None:
    answer = await api.post(CREATE, content=b"{}", headers={"Content-Type": media_type})

    assert refusal(answer) == (415, 415, f"Content-Type must be application/json, got {got or media_type}")


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Basic dXNlcjpwdw==",
        "Bearer YOUR_API_KEY",
        "Bearer pp_live_",
        "Bearer " + make_key(bytes(20), Kind.LIVE),
        "Bearer " + make_key(bytes(20), Kind.LIVE) + " x",
        "Bearer é",
        make_key(bytes(20), Kind.LIVE),
    ],
    ids=["none", "empty", "no key", "blank", "basic", "placeholder", "prefix", "unknown", "two", "latin", "bare"],
)  # fmt: skip
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", CREATE),
        ("GET", f"{RECORD}?taskId={UNKNOWN_ID}"),
        ("GET", "/api/v1/chat/credit"),
        ("POST", "/api/file-stream-upload"),
    ],
)
async def test_without_a_live_key_nobody_gets_in(method: str, path: str, header: str | None, parts: ApiParts) -> None:
    headers = [(b"Content-Type", b"application/json")]
    if header is not None:
        headers.append((b"Authorization", header.encode("latin-1")))
    async with open_api(parts, None) as stranger:
        answer = await stranger.request(method, path, content=json.dumps(request()), headers=headers)

    status, code, text = refusal(answer)
    assert (status, code) == (401, 401)
    assert text.startswith("Unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_revoked_key_is_refused(api: httpx2.AsyncClient, db: Database) -> None:
    async with db.connection() as connection:
        await connection.execute("update keys set revoked_at = now()")

    status, code, text = refusal(await api.get("/api/v1/chat/credit"))

    assert (status, code) == (401, 401)
    assert text == "Unauthorized: this key is unknown, revoked or expired"


async def test_the_scheme_is_read_in_any_case(parts: ApiParts, key: str) -> None:
    async with open_api(parts, None) as client:
        answer = await client.get("/api/v1/chat/credit", headers={"Authorization": f"bearer  {key} "})

    assert answer.status_code == 200


@pytest.mark.parametrize(
    "task_id", [UNKNOWN_ID, UNKNOWN_ID.upper(), "task_12345678", "é", "\x00", "1" * 5000, "' or 1=1"]
)
async def test_an_id_that_is_no_task_is_refused(task_id: str, api: httpx2.AsyncClient) -> None:
    answer = await api.get(RECORD, params={"taskId": task_id})

    assert refusal(answer) == (422, 422, "recordInfo is null")


@pytest.mark.parametrize("query", ["", "?taskId=", "?task_id=" + UNKNOWN_ID])
async def test_a_missing_id_is_refused(query: str, api: httpx2.AsyncClient) -> None:
    assert refusal(await api.get(RECORD + query)) == (422, 422, "taskId is required")


async def test_a_body_on_the_query_is_ignored(api: httpx2.AsyncClient) -> None:
    answer = await api.request("GET", RECORD, params={"taskId": UNKNOWN_ID}, json={"taskId": "x"})

    assert refusal(answer) == (422, 422, "recordInfo is null")


@pytest.mark.parametrize("path", ["/api", "/api/v1/tasks", "/api/v1/jobs/createtask", "/api/v2/x"])
async def test_an_unknown_path_is_refused(path: str, api: httpx2.AsyncClient) -> None:
    assert refusal(await api.get(path)) == (404, 404, "There is nothing at this path")


@pytest.mark.parametrize(
    ("method", "path"), [("POST", f"{CREATE}/"), ("GET", "/history/"), ("GET", "/healthz/"), ("GET", "/api/v1/models/")]
)
async def test_a_slash_too_many_is_another_path_and_leads_nowhere(
    method: str, path: str, api: httpx2.AsyncClient
) -> None:
    answer = await api.request(method, path, headers={"Host": "elsewhere.example"})

    assert refusal(answer) == (404, 404, "There is nothing at this path")
    assert "location" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", CREATE), ("PUT", CREATE), ("POST", RECORD), ("DELETE", "/files/a/b"), ("POST", "/healthz")],
)
async def test_another_method_is_refused(method: str, path: str, api: httpx2.AsyncClient) -> None:
    answer = await api.request(method, path)

    status, code, text = refusal(answer)
    assert (status, code) == (405, 405)
    assert text == f"This path does not answer this method; it answers {answer.headers['Allow']}"


@pytest.mark.parametrize("size", [0, 256])
async def test_an_idempotency_key_beyond_its_bounds_is_refused(size: int, api: httpx2.AsyncClient) -> None:
    answer = await api.post(CREATE, json=request(), headers={"Idempotency-Key": "k" * size})

    assert refusal(answer) == (422, 422, f"Idempotency-Key has {size} characters, allowed are 1 to 255")


@pytest.mark.parametrize(
    ("asked", "code"),
    [(request(prompt=""), 422), ({**request(), "model": "x"}, 422), ([], 422)],
    ids=["input", "model", "root"],
)
async def test_logical_errors_answer_http_200_where_asked_to(
    asked: object, code: int, parts: ApiParts, key: str
) -> None:
    async with open_api(parts, key, http_status="ok") as api:
        status, wire, _ = refusal(await api.post(CREATE, json=asked))

    assert (status, wire) == (200, code)


async def test_no_key_answers_http_200_where_asked_to(parts: ApiParts) -> None:
    async with open_api(parts, None, http_status="ok") as api:
        status, wire, text = refusal(await api.post(CREATE, json=request()))

    assert (status, wire) == (200, 401)
    assert text.startswith("Unauthorized")


async def test_rate_limiting_stays_a_real_429(parts: ApiParts, key: str) -> None:
    async with open_api(parts, key, http_status="ok") as api:
        answers = [await api.get(RECORD, params={"taskId": UNKNOWN_ID}) for _ in range(40)]

    statuses = [(answer.status_code, answer.json()["code"]) for answer in answers]
    assert statuses[0] == (200, 422)
    assert set(statuses) == {(200, 422), (429, 429)}


async def test_a_fault_of_ours_says_nothing_of_the_inside(api: httpx2.AsyncClient, db: Database) -> None:
    async with db.connection() as connection:
        await connection.execute("alter table query_windows rename to elsewhere")
    try:
        answer = await api.get(RECORD, params={"taskId": UNKNOWN_ID})
    finally:
        async with db.connection() as connection:
            await connection.execute("alter table elsewhere rename to query_windows")

    assert refusal(answer) == (500, 500, "Internal server error")


class TestAnotherAccount:
    """Stands apart: here a task is made, by its owner."""

    @pytest.fixture
    def unchanged(self) -> None:
        return None

    async def test_another_accounts_task_and_an_unknown_one_answer_alike(
        self, api: httpx2.AsyncClient, parts: ApiParts, db: Database
    ) -> None:
        other_key = await enroll(db, account="other", granted=0)
        task_id = (await api.post(CREATE, json=request(image_url=STILL_URL))).json()["data"]["taskId"]

        async with open_api(parts, other_key) as other:
            theirs = await other.get(RECORD, params={"taskId": task_id})
            unknown = await other.get(RECORD, params={"taskId": UNKNOWN_ID})

        assert refusal(theirs) == (422, 422, "recordInfo is null")
        assert theirs.content == unknown.content


async def test_a_request_of_two_lengths_is_refused(api: httpx2.AsyncClient) -> None:
    answer = await api.post(
        CREATE, content=b"{}", headers={**JSON, "Transfer-Encoding": "chunked", "Content-Length": "2"}
    )

    assert refusal(answer) == (
        400,
        400,
        "The request cannot be read: it has both Content-Length and Transfer-Encoding",
    )
    assert answer.headers["connection"] == "close"

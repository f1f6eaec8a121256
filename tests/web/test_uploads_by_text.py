"""Uploads inside JSON: a file as base64, and a file that the caller names."""

from base64 import b64encode
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from hosts import ok, says, site
from photoplay.egress import Egress
from photoplay.flows.enroll import enroll
from photoplay.flows.parts import ApiParts
from photoplay.store.database import Database
from scenes import BASE_URL, CREATE, footprint, open_api, request, rows
from web.test_uploads import PUBLISHED, picture, refusal

BASE64 = "/api/file-base64-upload"
BY_URL = "/api/file-url-upload"
SHARE = "/api/v1/common/download-url"
PNG = picture("PNG")
TEXT = b64encode(PNG).decode()


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


@pytest.mark.parametrize(
    "sent",
    [
        TEXT,
        f"data:image/png;base64,{TEXT}",
        f"DATA:text/plain;name=a.png;BASE64,{TEXT}",
        f"{TEXT[:60]}\r\n{TEXT[60:]} \n",
    ],
    ids=["raw", "data URL", "data URL with a name", "lines"],
)
async def test_base64_is_kept_as_its_bytes(sent: str, api: httpx2.AsyncClient) -> None:
    answer = await api.post(BASE64, json={"base64Data": sent, "fileName": "me.gif", "uploadPath": "images/me"})

    data = answer.json()["data"]
    assert (answer.status_code, answer.json()["success"]) == (200, True)
    assert data.keys() == PUBLISHED
    assert (data["mimeType"], data["fileSize"], data["originalName"]) == ("image/png", len(PNG), "me.gif")
    assert data["uploadPath"] == "images/me"
    assert (await api.get(data["fileUrl"])).content == PNG


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({}, "base64Data is required: send the file as base64, or as a data URL"),
        ({"base64Data": ""}, "base64Data is required: "),
        ({"base64Data": 5}, "base64Data must be a string, got 5"),
        ({"base64Data": "####"}, "base64Data is not base64, and not a data URL with it"),
        ({"base64Data": "YWJ"}, "base64Data is not base64"),
        ({"base64Data": "YWJj-_=="}, "base64Data is not base64"),
        ({"base64Data": "data:image/png,abc"}, "base64Data is not base64"),
        ({"base64Data": "é"}, "base64Data is not base64"),
        ({"base64Data": b64encode(b"<svg/>").decode()}, "base64Data: file is not one of JPEG, PNG, WebP"),
        ([], "The body must be a JSON object"),
    ],
)  # fmt: skip
async def test_what_is_no_picture_in_base64_is_refused(
    body: object, text: str, api: httpx2.AsyncClient, db: Database, parts: ApiParts
) -> None:
    before = await footprint(db)

    status, code, said = refusal(await api.post(BASE64, json=body))

    assert (status, code) == (422, 422)
    assert said.startswith(text)
    assert await footprint(db) == before
    assert files_in(parts.work_dir) == []


async def test_base64_over_the_limit_is_refused(api: httpx2.AsyncClient) -> None:
    answer = await api.post(BASE64, json={"base64Data": "A" * 16 * 1024 * 1024})

    assert refusal(answer) == (413, 413, "The body is larger than 16777216 bytes")


@asynccontextmanager
async def naming(parts: ApiParts, key: str, *, answer: bytes) -> AsyncGenerator[tuple[httpx2.AsyncClient, str]]:
    """A client, and the URL of a host that answers so."""
    async with (
        site(says(ok(answer))) as here,
        Egress(allow=frozenset({here.place})) as out,
        open_api(replace(parts, egress=out), key) as api,
    ):
        yield api, here.url


async def test_a_file_is_fetched_from_its_url_and_kept(parts: ApiParts, key: str) -> None:
    async with naming(parts, key, answer=PNG) as (api, url):
        answer = await api.post(BY_URL, json={"fileUrl": f"{url}a.html?secret=1"})
        data = answer.json()["data"]
        content = (await api.get(data["fileUrl"])).content

    assert data.keys() == PUBLISHED
    assert (data["mimeType"], data["originalName"], content) == ("image/png", "file", PNG)
    assert files_in(parts.work_dir) == []


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({}, "fileUrl is required: send an http or https URL"),
        ({"fileUrl": 5}, "fileUrl must be a string, got 5"),
        ({"fileUrl": "ftp://example.com/a"}, "fileUrl is not a URL that can be fetched: "),
        ({"fileUrl": "http://169.254.169.254/latest"}, "fileUrl: the address is not public"),
        ({"fileUrl": "http://[::ffff:127.0.0.1]/"}, "fileUrl: the address is not public"),
        ({"fileUrl": "http://127.0.0.1:9/a.png"}, "fileUrl: the connection was refused"),
        ({"fileUrl": f"{BASE_URL}/files/{'a' * 32}/upload.png"}, "fileUrl: there is no such file, or its time is over"),
    ],
)
async def test_a_url_that_leads_to_no_picture_is_refused(
    body: object, text: str, api: httpx2.AsyncClient, db: Database, parts: ApiParts
) -> None:
    before = await footprint(db)

    status, code, said = refusal(await api.post(BY_URL, json=body))

    assert (status, code) == (422, 422)
    assert said.startswith(text)
    assert await footprint(db) == before
    assert files_in(parts.work_dir) == []


async def test_a_page_instead_of_a_picture_is_refused(parts: ApiParts, key: str) -> None:
    async with naming(parts, key, answer=b"<!doctype html>") as (api, url):
        answer = await api.post(BY_URL, json={"fileUrl": url, "fileName": "x.png"})

    assert refusal(answer) == (422, 422, "fileUrl: x.png is not one of JPEG, PNG, WebP")


async def upload(api: httpx2.AsyncClient) -> str:
    return (await api.post(BASE64, json={"base64Data": TEXT})).json()["data"]["fileUrl"]


@pytest.mark.parametrize("ending", ["", "?x=1", "#a"])
async def test_an_upload_of_ours_is_read_from_the_store(ending: str, api: httpx2.AsyncClient) -> None:
    # The base of our links answers to nobody here: only the store can have it.
    answer = await api.post(BY_URL, json={"fileUrl": await upload(api) + ending})

    assert answer.json()["data"]["fileSize"] == len(PNG)


async def test_a_short_link_leads_to_the_file_and_does_not_tell_its_lasting_one(api: httpx2.AsyncClient) -> None:
    lasting = await upload(api)

    short = (await api.post(SHARE, json={"url": lasting})).json()["data"]
    answer = await api.get(short)

    assert (answer.status_code, answer.content) == (200, PNG)
    token = lasting.removeprefix(f"{BASE_URL}/files/").partition("/")[0]
    assert token not in short
    assert token not in str(answer.headers)
    assert int(answer.headers["cache-control"].split("max-age=")[1].partition(",")[0]) <= 1200
    assert (await api.get(short, headers={"Range": "bytes=0-7"})).content == PNG[:8]


async def test_a_short_link_lasts_20_minutes(api: httpx2.AsyncClient, db: Database) -> None:
    short = (await api.post(SHARE, json={"url": await upload(api)})).json()["data"]

    ((minutes,),) = await rows(db, "select extract(epoch from expires_at - now())::float / 60 from links")
    await rows(db, "update links set expires_at = now()")

    assert minutes == pytest.approx(20, abs=0.5)
    assert (await api.get(short)).status_code == 404


async def test_a_file_has_no_more_than_a_hundred_short_links(api: httpx2.AsyncClient, db: Database) -> None:
    lasting = await upload(api)
    await rows(
        db,
        "insert into links select 'a/' || n, path, now() + interval '1 min' from files, generate_series(1, 99) n",
    )

    last, over = [await api.post(SHARE, json={"url": lasting}) for _ in range(2)]

    assert last.status_code == 200
    text = "Your call frequency is too high: 100 short links to this file are live, which is the limit"
    assert refusal(over) == (429, 429, text)
    assert over.headers["retry-after"] == "60"


async def test_a_short_link_ends_with_its_file(api: httpx2.AsyncClient, db: Database) -> None:
    short = (await api.post(SHARE, json={"url": await upload(api)})).json()["data"]

    await rows(db, "update files set expires_at = now()")

    assert (await api.get(short)).status_code == 404


async def test_a_short_link_can_be_the_still_of_a_task(api: httpx2.AsyncClient) -> None:
    short = (await api.post(SHARE, json={"url": await upload(api)})).json()["data"]

    assert (await api.post(CREATE, json=request(image_url=short))).status_code == 200


@pytest.mark.parametrize(
    "url",
    ["https://example.com/a.png", f"{BASE_URL}/files/", f"{BASE_URL}/files/{'a' * 32}/upload.png", "x", f"{BASE_URL}/"],
)
async def test_a_link_that_is_not_ours_is_refused(url: str, api: httpx2.AsyncClient) -> None:
    status, code, text = refusal(await api.post(SHARE, json={"url": url}))

    assert (status, code) == (422, 422)
    assert text.startswith("url is wrong")


async def test_a_missing_link_is_refused(api: httpx2.AsyncClient) -> None:
    assert refusal(await api.post(SHARE, json={})) == (422, 422, "url is required")


async def test_another_accounts_file_is_refused_like_one_that_is_not_there(
    api: httpx2.AsyncClient, parts: ApiParts, db: Database
) -> None:
    theirs = await upload(api)
    other_key = await enroll(db, account="other", granted=0)

    async with open_api(parts, other_key) as other:
        answers = [await other.post(SHARE, json={"url": url}) for url in (theirs, f"{BASE_URL}/files/a/b")]

    assert answers[0].content == answers[1].content
    assert refusal(answers[0])[2].startswith("url is wrong")

"""Files at their links: whole, in ranges, and only while they are there."""

from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from photoplay import clock
from photoplay.domain.keys import digest_key
from photoplay.flows.enroll import enroll
from photoplay.flows.parts import ApiParts
from photoplay.store import accounts, files
from photoplay.store.database import Database
from scenes import BASE_URL, open_api, rows

BYTES = bytes(range(100))
TOKEN = "a" * 32
PATH = f"{TOKEN}/clip.mp4"
URL = f"/files/{PATH}"
ETAG = f'"{TOKEN}"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """A place to put files where downloads look for them."""

    parts: ApiParts
    caller: accounts.Caller
    folder: Path

    async def put(self, path: str = PATH, *, is_ready: bool = True, content: bytes = BYTES) -> None:
        source = self.folder / "source"
        source.write_bytes(content)
        async with self.parts.db.connection() as connection:
            await files.announce(
                connection, path, account_id=self.caller.account_id, task_id=None, mime_type="video/mp4"
            )
            size = await self.parts.files.put(path, source)
            if is_ready:
                await files.keep(connection, path, size_bytes=size, lifetime=self.parts.uploads_lifetime)


@pytest.fixture
def database_url(module_database_url: str) -> str:
    return module_database_url


@pytest.fixture
async def shelf(parts: ApiParts, caller: accounts.Caller, tmp_path: Path) -> Shelf:
    await rows(parts.db, "delete from files")
    return Shelf(parts=parts, caller=caller, folder=tmp_path)


@pytest.fixture
async def file(shelf: Shelf) -> str:
    """A finished file of 100 bytes; its link."""
    await shelf.put()
    return URL


async def test_a_file_is_served_whole_without_a_key(file: str, parts: ApiParts) -> None:
    async with open_api(parts, None) as stranger:
        answer = await stranger.get(file)

    assert (answer.status_code, answer.content) == (200, BYTES)
    assert answer.headers["content-length"] == "100"
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["etag"] == ETAG
    assert "content-range" not in answer.headers


@pytest.mark.parametrize("headers", [{}, {"Range": "bytes=0-1"}, {"Range": "bytes=500-"}, {"If-None-Match": ETAG}])
async def test_a_file_cannot_run_as_a_page_of_ours(headers: dict[str, str], file: str, api: httpx2.AsyncClient) -> None:
    answer = await api.get(file, headers=headers)

    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert answer.headers["content-disposition"] == 'inline; filename="clip.mp4"'
    assert answer.headers["cache-control"].startswith("private")


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-9", 0, 10),
        ("bytes=0-0", 0, 1),
        ("bytes=50-", 50, 100),
        ("bytes=99-", 99, 100),
        ("bytes=-5", 95, 100),
        ("bytes=-100", 0, 100),
        ("bytes=-500", 0, 100),
        ("bytes=90-500", 90, 100),
        ("bytes=0-999999999999999", 0, 100),
    ],
)
async def test_a_range_is_served(asked: str, start: int, end: int, file: str, api: httpx2.AsyncClient) -> None:
    answer = await api.get(file, headers={"Range": asked})

    assert (answer.status_code, answer.content) == (206, BYTES[start:end])
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/100"
    assert answer.headers["content-length"] == str(end - start)


@pytest.mark.parametrize("asked", ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=999999999999999-"])
async def test_a_range_beyond_the_file_is_refused(asked: str, file: str, api: httpx2.AsyncClient) -> None:
    answer = await api.get(file, headers={"Range": asked})

    assert (answer.status_code, answer.content) == (416, b"")
    assert answer.headers["content-range"] == "bytes */100"


@pytest.mark.parametrize(
    "asked", ["", "bytes", "bytes=", "bytes=-", "bytes=9-5", "bytes=a-b", "items=0-1", "bytes=0-1,5-6", "bytes=--5"]
)
async def test_a_range_that_makes_no_sense_is_ignored(asked: str, file: str, api: httpx2.AsyncClient) -> None:
    answer = await api.get(file, headers={"Range": asked})

    assert (answer.status_code, answer.content) == (200, BYTES)


@pytest.mark.parametrize(
    ("version", "status", "size"),
    [(ETAG, 206, 10), ('"other"', 200, 100), (f"W/{ETAG}", 200, 100), ("Wed, 01 Jul 2026 12:00:00 GMT", 200, 100)],
)
async def test_a_range_is_for_the_version_that_was_asked_for(
    version: str, status: int, size: int, file: str, api: httpx2.AsyncClient
) -> None:
    answer = await api.get(file, headers={"Range": "bytes=0-9", "If-Range": version})

    assert (answer.status_code, len(answer.content)) == (status, size)


@pytest.mark.parametrize(
    ("headers", "status", "length"),
    [({}, 200, "100"), ({"Range": "bytes=0-9"}, 206, "10"), ({"Range": "bytes=200-"}, 416, "0")],
)
async def test_head_answers_as_get_would_without_the_body(
    headers: dict[str, str], status: int, length: str, file: str, api: httpx2.AsyncClient
) -> None:
    answer = await api.head(file, headers=headers)

    assert (answer.status_code, answer.content) == (status, b"")
    assert answer.headers["content-length"] == length
    assert answer.headers["etag"] == ETAG


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_who_has_the_file_is_not_sent_it_again(method: str, file: str, api: httpx2.AsyncClient) -> None:
    answer = await api.request(method, file, headers={"If-None-Match": ETAG})

    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["etag"] == ETAG


async def test_who_has_another_file_is_sent_this_one(file: str, api: httpx2.AsyncClient) -> None:
    answer = await api.get(file, headers={"If-None-Match": '"other"'})

    assert answer.status_code == 200


@pytest.mark.parametrize("tags", [f'"other", {ETAG}', f"W/{ETAG}", "*"])
async def test_one_tag_of_a_list_is_enough(tags: str, file: str, api: httpx2.AsyncClient) -> None:
    answer = await api.get(file, headers={"If-None-Match": tags})

    assert answer.status_code == 304


async def test_a_file_that_is_not_ready_is_not_there(shelf: Shelf, api: httpx2.AsyncClient) -> None:
    await shelf.put(is_ready=False)

    answer = await api.get(URL)

    assert (answer.status_code, answer.json()["code"]) == (404, 404)


async def test_a_file_whose_time_is_over_is_not_there(file: str, api: httpx2.AsyncClient, db: Database) -> None:
    await rows(db, "update files set expires_at = now() - interval '1 s'")

    answer = await api.get(file)

    assert (answer.status_code, answer.json()["msg"]) == (404, "There is no such file, or its time is over")


@pytest.mark.parametrize(
    "path",
    [
        f"/files/{'b' * 32}/clip.mp4",
        f"/files/{TOKEN}",
        f"/files/{TOKEN}/",
        f"/files/{TOKEN}/clip.mp4/",
        f"/files/{TOKEN}//clip.mp4",
        f"/files/{TOKEN}/CLIP.MP4",
        f"/files/x/%2e%2e/{PATH}",
        "/files/../key",
        "/files/%2e%2e/key",
        "/files/..%2fkey",
        "/files/%2fetc/passwd",
        "/files//etc/passwd",
        "/files/%252e%252e/key",
        "/files/..%5ckey",
        "/files/%ff%fe",
        "/files/a%0d%0aX-Evil:%201",
        "/files/' or 1=1 --",
        "/files/",
    ],
)
async def test_no_other_path_leads_to_a_file(path: str, file: str, api: httpx2.AsyncClient, tmp_path: Path) -> None:
    assert file == URL
    (tmp_path / "key").write_text("a secret")

    # Sent as it stands: a client would tidy the dots away.
    raw = httpx2.URL(BASE_URL).copy_with(raw_path=path.replace(" ", "%20").encode())
    answer = await api.get(raw)

    assert (answer.status_code, answer.json()["code"]) == (404, 404)
    assert "x-evil" not in answer.headers


async def test_a_path_that_the_database_cannot_hold_is_not_there(api: httpx2.AsyncClient) -> None:
    answer = await api.get("/files/a%00b/clip.mp4")

    assert (answer.status_code, answer.json()["code"]) == (404, 404)


async def test_a_large_file_arrives_as_it_was_put(shelf: Shelf, api: httpx2.AsyncClient) -> None:
    content = clock.new_random(3 * 1024 * 1024 + 7)
    await shelf.put(content=content)

    whole = await api.get(URL)
    part = await api.get(URL, headers={"Range": "bytes=262143-2000000"})

    assert whole.content == content
    assert part.content == content[262143:2000001]


async def test_a_link_works_for_any_account(file: str, parts: ApiParts, db: Database) -> None:
    other = await enroll(db, account="other", granted=0)

    async with open_api(parts, other) as client:
        answer = await client.get(file)

    assert digest_key(other)
    assert answer.status_code == 200

"""Uploads: pictures by their bytes, and nothing else."""

import errno
import io
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from PIL import Image

from photoplay.flows.parts import ApiParts
from photoplay.store.database import Database
from photoplay.web.uploads import spool_to
from scenes import CREATE, footprint, request, rows

UPLOAD = "/api/file-stream-upload"
PUBLISHED = {
    *("success", "fileName", "filePath", "downloadUrl", "fileSize", "mimeType", "uploadedAt"),
    *("fileId", "originalName", "fileUrl", "uploadPath", "expiresAt"),
}
BOUNDARY = b"frontier"
MIB = bytes(1024 * 1024)


def picture(kind: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (16, 16), "teal").save(out, kind)
    return out.getvalue()


HEAD = b"--" + BOUNDARY + b'\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY.decode()}"}


def open_files() -> list[str]:
    """Where the files lie that this process has open, those that have no name any more included."""
    folder = Path("/proc/self/fd")
    return [str(path.readlink()) for path in folder.iterdir() if path.is_symlink()]


def refusal(answer: httpx2.Response) -> tuple[int, int, str]:
    body = answer.json()
    assert body["message"] == body["msg"]
    assert body["data"] is None
    return answer.status_code, body["code"], body["msg"]


@pytest.mark.parametrize(
    ("kind", "mime_type", "extension"),
    [("JPEG", "image/jpeg", "jpg"), ("PNG", "image/png", "png"), ("WEBP", "image/webp", "webp")],
)
async def test_a_picture_is_kept_and_both_published_field_sets_answered(
    kind: str, mime_type: str, extension: str, api: httpx2.AsyncClient
) -> None:
    content = picture(kind)

    # The declared name and type say something else; the bytes decide.
    answer = await api.post(UPLOAD, files={"file": ("notes.txt", content, "text/plain")})

    body, data = answer.json(), answer.json()["data"]
    assert (answer.status_code, body["success"], body["code"], body["msg"]) == (200, True, 200, "success")
    assert data.keys() == PUBLISHED
    assert data["success"] is True
    assert (data["mimeType"], data["fileSize"], data["originalName"]) == (mime_type, len(content), "notes.txt")
    assert data["fileUrl"] == data["downloadUrl"]
    assert data["fileUrl"].endswith(f".{extension}")
    assert (await api.get(data["fileUrl"])).content == content


async def test_an_upload_can_be_the_still_of_a_task(api: httpx2.AsyncClient) -> None:
    url = (await api.post(UPLOAD, files={"file": ("a.png", picture("PNG"))})).json()["data"]["fileUrl"]

    created = await api.post(CREATE, json=request(image_url=url))

    assert created.status_code == 200


async def test_the_callers_own_name_is_kept_as_data_alone(api: httpx2.AsyncClient, db: Database) -> None:
    name = '../../etc/"passwd\r\nX: 1".png'

    answer = await api.post(UPLOAD, files={"file": ("a.png", picture("PNG"))}, data={"fileName": name})
    link = await api.get(answer.json()["data"]["fileUrl"])

    assert answer.json()["data"]["originalName"] == name
    assert await rows(db, "select original_name from files") == [(name,)]
    assert answer.json()["data"]["filePath"].count("/") == 1
    assert ".." not in answer.json()["data"]["filePath"]
    assert link.headers["content-disposition"] == 'inline; filename="upload.png"'


async def test_two_uploads_of_one_file_have_two_links(api: httpx2.AsyncClient) -> None:
    answers = [await api.post(UPLOAD, files={"file": ("a.png", picture("PNG"))}) for _ in range(2)]

    assert len({answer.json()["data"]["fileUrl"] for answer in answers}) == 2


async def test_an_upload_lasts_three_days(api: httpx2.AsyncClient, db: Database) -> None:
    await api.post(UPLOAD, files={"file": ("a.png", picture("PNG"))})

    ((hours, task_id),) = await rows(
        db, "select extract(epoch from expires_at - created_at)::float / 3600, task_id from files"
    )
    assert hours == pytest.approx(72, abs=0.1)
    assert task_id is None


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", b"<svg/>", b"GIF89a" + bytes(20), b"\x89PNG", b"%PDF-1.7", b"RIFF\x00\x00\x00\x00AVI "],
    ids=["empty", "text", "svg", "gif", "half a signature", "pdf", "avi"],
)
async def test_what_is_no_picture_is_refused(
    content: bytes, api: httpx2.AsyncClient, db: Database, parts: ApiParts
) -> None:
    before = await footprint(db)

    answer = await api.post(UPLOAD, files={"file": ("photo.jpg", content, "image/jpeg")})

    assert refusal(answer) == (422, 422, "file: photo.jpg is not one of JPEG, PNG, WebP")
    assert await footprint(db) == before
    assert list(parts.work_dir.iterdir()) == []


@pytest.mark.parametrize(
    "form",
    [
        {"files": {"picture": ("a.png", b"x")}},
        {"files": {"other": ("", b"")}, "data": {"file": "a text field"}},
    ],
    ids=["another name", "no file"],
)
async def test_a_missing_part_is_refused(form: dict[str, Any], api: httpx2.AsyncClient) -> None:
    status, code, text = refusal(await api.post(UPLOAD, **form))

    assert (status, code) == (422, 422)
    assert text.startswith("file is required")


async def test_a_second_file_is_refused(api: httpx2.AsyncClient, db: Database) -> None:
    before = await footprint(db)

    answer = await api.post(UPLOAD, files=[("file", ("a.png", picture("PNG"))), ("more", ("b.png", picture("PNG")))])

    status, code, text = refusal(answer)
    assert (status, code) == (400, 400)
    assert text.startswith("The request cannot be read: ")
    assert await footprint(db) == before


@pytest.mark.parametrize("media_type", ["application/json", "application/octet-stream", "image/png"])
async def test_another_media_type_is_refused(media_type: str, api: httpx2.AsyncClient) -> None:
    answer = await api.post(UPLOAD, content=b"{}", headers={"Content-Type": media_type})

    assert refusal(answer) == (415, 415, f"Content-Type must be multipart/form-data, got {media_type}")


@pytest.mark.parametrize(
    ("header", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=", b"x"),
        ("multipart/form-data; boundary=b", b"x"),
    ],
    ids=["no boundary", "empty boundary", "not multipart"],
)
async def test_broken_multipart_is_refused(header: str, body: bytes, api: httpx2.AsyncClient) -> None:
    answer = await api.post(UPLOAD, content=body, headers={"Content-Type": header})

    assert refusal(answer)[0] in {400, 422}


# The form parser leaves its temporary file to the garbage collector when a part has no end.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_an_upload_that_breaks_off_is_refused(api: httpx2.AsyncClient, db: Database) -> None:
    before = await footprint(db)
    head = b"--" + BOUNDARY + b'\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY.decode()}"}

    answer = await api.post(UPLOAD, content=head + picture("PNG"), headers=headers)

    assert refusal(answer)[0] in {400, 422}
    assert await footprint(db) == before


async def test_an_upload_over_the_limit_is_refused(api: httpx2.AsyncClient, db: Database, parts: ApiParts) -> None:
    before = await footprint(db)

    async def endless() -> AsyncIterator[bytes]:
        yield b"--" + BOUNDARY + b'\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
        while True:
            yield MIB

    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY.decode()}"}
    answer = await api.post(UPLOAD, content=endless(), headers=headers)

    assert refusal(answer) == (413, 413, "The body is larger than 104857600 bytes")
    assert await footprint(db) == before
    assert list(parts.work_dir.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells where the files lie that a process has open")
async def test_a_large_upload_waits_on_the_disk_that_is_watched(
    api: httpx2.AsyncClient, parts: ApiParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", None)
    spool_to(parts.work_dir)
    opened: list[str] = []

    async def large() -> AsyncIterator[bytes]:
        yield HEAD + picture("PNG") + 2 * MIB
        opened.extend(open_files())
        yield b"\r\n--" + BOUNDARY + b"--\r\n"

    answer = await api.post(UPLOAD, content=large(), headers=FORM)

    assert answer.status_code == 200
    assert [path for path in opened if path.startswith(str(parts.work_dir))]
    assert list(parts.work_dir.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "expected"),
    [(errno.ENOSPC, (503, 455)), (errno.EDQUOT, (503, 455)), (errno.EIO, (500, 500))],
    ids=["full", "quota", "broken"],
)
async def test_a_disk_that_fills_up_meanwhile_refuses_the_upload(
    number: int, expected: tuple[int, int], api: httpx2.AsyncClient, db: Database
) -> None:
    before = await footprint(db)

    async def breaks_off() -> AsyncIterator[bytes]:
        yield HEAD + picture("PNG")
        raise OSError(number, os.strerror(number))

    answer = await api.post(UPLOAD, content=breaks_off(), headers=FORM)

    assert refusal(answer)[:2] == expected
    assert await footprint(db) == before


@pytest.mark.parametrize(("name", "kept"), [("a\x00b", "ab"), ("é" * 300, "é" * 255)], ids=["NUL", "long"])
async def test_a_name_is_cut_to_what_a_row_can_hold(name: str, kept: str, api: httpx2.AsyncClient) -> None:
    answer = await api.post(UPLOAD, files={"file": ("a.png", picture("PNG"))}, data={"fileName": name})

    assert (answer.status_code, answer.json()["data"]["originalName"]) == (200, kept)

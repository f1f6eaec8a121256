"""The paths of uploads: by form, by base64, by URL; and short links to files."""

import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from photoplay.domain.errors import InvalidInput
from photoplay.flows.parts import ApiParts
from photoplay.flows.upload import keep_bytes, keep_file, keep_url, share
from photoplay.store.files import StoredFile
from photoplay.web import wire, wire_uploads
from photoplay.web.answers import require_media_type
from photoplay.web.auth import Authorized, PartsOf
from photoplay.web.strict import read_large_aside

__all__ = ["router", "spool_to"]

router: Final = APIRouter()

# The file, and room for the fields that clients send along.
FILES_MAX: Final = 1
FIELDS_MAX: Final = 4
FIELD_BYTES_MAX: Final = 16 * 1024


def spool_to(folder: Path) -> None:
    """Have this process put what is too large for memory into a folder whose disk is watched.

    The form parser takes whatever folder the process has for such files.
    """
    tempfile.tempdir = str(folder)


@router.post("/api/file-stream-upload")
async def file_stream_upload(request: Request, caller: Authorized, parts: PartsOf) -> JSONResponse:
    require_media_type(request, "multipart/form-data")
    parts.room.require()
    async with request.form(max_files=FILES_MAX, max_fields=FIELDS_MAX, max_part_size=FIELD_BYTES_MAX) as form:
        part = form.get("file")
        if not isinstance(part, UploadFile):
            raise InvalidInput("file is required: send it as a part named file of multipart/form-data", field="file")
        name = wire_uploads.shown_name(form.get("fileName") or part.filename)
        folder = wire_uploads.shown_name(form.get("uploadPath"), otherwise="")
        with tempfile.NamedTemporaryFile(dir=parts.work_dir) as copy:
            await run_in_threadpool(shutil.copyfileobj, part.file, copy)
            copy.flush()
            kept = await keep_file(Path(copy.name), name=name, field="file", caller=caller, parts=parts)
    return _kept(kept, folder, parts)


@router.post("/api/file-base64-upload")
async def file_base64_upload(request: Request, caller: Authorized, parts: PartsOf) -> JSONResponse:
    require_media_type(request, "application/json")
    sent = await read_large_aside(wire_uploads.parse_base64_upload, await request.body())
    kept = await keep_bytes(sent.content, name=sent.name, field="base64Data", caller=caller, parts=parts)
    return _kept(kept, sent.upload_path, parts)


@router.post("/api/file-url-upload")
async def file_url_upload(request: Request, caller: Authorized, parts: PartsOf) -> JSONResponse:
    require_media_type(request, "application/json")
    sent = await read_large_aside(wire_uploads.parse_url_upload, await request.body())
    kept = await keep_url(sent.url, name=sent.name, caller=caller, parts=parts)
    return _kept(kept, sent.upload_path, parts)


@router.post("/api/v1/common/download-url")
async def download_url(request: Request, caller: Authorized, parts: PartsOf) -> JSONResponse:
    require_media_type(request, "application/json")
    url = await read_large_aside(partial(wire.parse_text, name="url"), await request.body())
    link = await share(url, caller=caller, parts=parts)
    return JSONResponse(wire.envelope(200, "success", parts.files_url + link))


def _kept(file: StoredFile, upload_path: str, parts: ApiParts) -> JSONResponse:
    data = wire_uploads.uploaded(file, upload_path=upload_path, files_url=parts.files_url)
    return JSONResponse({"success": True, **wire.envelope(200, "success", data)})

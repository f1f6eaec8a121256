"""The files that pages load: which there are, what their links are, and how they are sent.

Links name a digest of all the files, so what a link names never changes and one module imports another by a relative
path. The folders below that digest are those of this package.
"""

import gzip
import hashlib
import posixpath
import re
from functools import cache
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from photoplay.domain.errors import NotFound

__all__ = ["FILES", "TYPES", "asset", "imports_of", "router"]

router: Final = APIRouter()

_WEB: Final = Path(__file__).parent
# What is served, by the ending of its name; nothing else that lies beside it is.
TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
FILES: Final = {
    path.relative_to(folder.parent).as_posix(): path
    for folder in (_WEB / "playground", _WEB / "static", _WEB.parent / "samples")
    for path in sorted(folder.rglob("*"))
    if path.suffix in TYPES
}
_IMPORT: Final = re.compile(r'(?:^import|^export|\bfrom)\b[^"\n]*"(\.{1,2}/[^"]+)"', re.MULTILINE)
_FOR_EVER: Final = "public, max-age=31536000, immutable"
# A page that was open while the server was replaced asks for files by their former digest.
_FORMER: Final = "no-cache"


@router.get("/assets/{digest}/{name:path}")
def send_asset(request: Request, digest: str, name: str) -> Response:
    if name not in FILES:
        raise NotFound("There is nothing at this path")
    headers = {
        "Cache-Control": _FOR_EVER if digest == _digest() else _FORMER,
        "Vary": "Accept-Encoding",
        "Content-Security-Policy": "default-src 'none'",
        "X-Content-Type-Options": "nosniff",
    }
    content, packed = _content(name)
    if packed and "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"], content = "gzip", packed
    return Response(content, media_type=TYPES[FILES[name].suffix], headers=headers)


def asset(name: str) -> str:
    """Return the link to a file, without a slash in front."""
    assert name in FILES, f"{name} is not a file that is served"
    return f"assets/{_digest()}/{name}"


@cache
def imports_of(name: str) -> tuple[str, ...]:
    """Return every module that a module needs, at any depth, so that a page can ask for all of them at once."""
    found: dict[str, None] = {}
    waiting = [name]
    while waiting:
        current = waiting.pop()
        for way in _IMPORT.findall(FILES[current].read_text(encoding="utf-8")):
            needed = posixpath.normpath(posixpath.join(posixpath.dirname(current), way))
            if needed in FILES and needed not in found:
                found[needed] = None
                waiting.append(needed)
    return tuple(found)


@cache
def _content(name: str) -> tuple[bytes, bytes]:
    """Return a file's bytes, and the same packed; nothing for a picture, which is packed already."""
    content = FILES[name].read_bytes()
    return content, b"" if TYPES[FILES[name].suffix] == "image/jpeg" else gzip.compress(content, mtime=0)


@cache
def _digest() -> str:
    whole = hashlib.sha256()
    for name, path in FILES.items():
        whole.update(f"{name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return whole.hexdigest()[:12]

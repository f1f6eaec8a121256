"""Keep a file that a caller sends in, and hand out its link."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from photoplay import clock
from photoplay.domain.errors import InvalidInput
from photoplay.media.still import find_kind
from photoplay.store import files
from photoplay.store.accounts import Caller
from photoplay.store.files import StoredFile

if TYPE_CHECKING:
    from photoplay.flows.parts import ApiParts

__all__ = ["upload"]

# Kind as the decoder names it -> MIME type and extension.
_KINDS: Final = {"JPEG": ("image/jpeg", "jpg"), "PNG": ("image/png", "png"), "WebP": ("image/webp", "webp")}


async def upload(source: Path, *, original_name: str, caller: Caller, parts: "ApiParts") -> StoredFile:
    """Keep a local file. Its type is found from its bytes; its name here is ours, the caller's is only data.

    Raises: InvalidInput if it is not a JPEG, PNG or WebP picture; StoreUnavailable.
    """
    kind = find_kind(source)
    if kind is None:
        raise InvalidInput(f"file: {original_name[:100]} is not one of {', '.join(_KINDS)}", field="file")
    mime_type, extension = _KINDS[kind]
    path = f"{clock.new_token()}/upload.{extension}"
    async with parts.db.connection() as connection:
        await files.announce(
            connection,
            path,
            account_id=caller.account_id,
            task_id=None,
            mime_type=mime_type,
            original_name=original_name,
        )
        size_bytes = await parts.files.put(path, source)
        return await files.keep(connection, path, size_bytes=size_bytes, lifetime=parts.uploads_lifetime)

"""Forms with a file in them, as RFC 7578 has them. Pure."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["FilePart", "Form", "form_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePart:
    field: str
    name: str
    """Of the file, as the other server may keep it: letters, digits, dots and dashes."""
    content: bytes
    """A PNG."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    content_type: str
    body: bytes


def form_of(fields: Mapping[str, str], picture: FilePart | None) -> Form:
    """Write a form. The names are the caller's own; the values may be anybody's."""
    # 128 random bits: no value holds them by accident, and nobody can put them into one.
    boundary = secrets.token_hex(16)
    parts = [f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode() for name, value in fields.items()]
    if picture is not None:
        head = f'Content-Disposition: form-data; name="{picture.field}"; filename="{picture.name}"\r\n'
        parts.append(f"{head}Content-Type: image/png\r\n\r\n".encode() + picture.content)
    body = b"".join(b"--%s\r\n%s\r\n" % (boundary.encode(), part) for part in parts)
    return Form(content_type=f"multipart/form-data; boundary={boundary}", body=body + b"--%s--\r\n" % boundary.encode())

"""How large a WebP says it is: libwebp makes room for all of it as soon as one is opened. Pure."""

__all__ = ["webp_size"]


def webp_size(data: bytes) -> tuple[int, int] | None:
    """Read the size from the first chunk. None where that is none of the three that a picture begins with.

    Shape: (width, height).
    Source: RFC 9649 2.7 (VP8X), 3.4 (VP8L); RFC 6386 9.1 (VP8).
    """
    kind, chunk = data[12:16], data[20:30]
    if kind == b"VP8L" and len(chunk) >= 5 and chunk[0] == 0x2F:
        bits = int.from_bytes(chunk[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if len(chunk) < 10:
        return None
    if kind == b"VP8X":
        return 1 + int.from_bytes(chunk[4:7], "little"), 1 + int.from_bytes(chunk[7:10], "little")
    if kind == b"VP8 " and chunk[3:6] == b"\x9d\x01\x2a":
        return int.from_bytes(chunk[6:8], "little") & 0x3FFF, int.from_bytes(chunk[8:10], "little") & 0x3FFF
    return None

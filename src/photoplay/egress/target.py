"""URLs that strangers name, taken apart and put together again. Pure: the only URL parser on the way out.

What leaves here is made of checked parts; no other parser sees the stranger's text.
"""

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final, Literal
from urllib.parse import quote, urljoin

import idna

from photoplay.domain.errors import ConfigError, InvalidInput, TargetForbidden
from photoplay.egress.addresses import is_public

__all__ = [
    "OPEN_PORTS",
    "URL_CHARS_MAX",
    "HostPort",
    "Target",
    "parse_address",
    "parse_allow",
    "parse_ports",
    "parse_target",
    "place_of",
]

# Long enough for signed links of every object store; the limit that sitemaps and old browsers share.
URL_CHARS_MAX: Final = 2048
# RFC 1035 section 2.3.4: 255 octets on the wire are 253 characters in text.
_HOST_CHARS_MAX: Final = 253
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
OPEN_PORTS: Final = frozenset(_DEFAULT_PORTS.values())
# RFC 3986 delimiters and existing escapes stay as they are: signed links break when their bytes change.
_SAFE: Final = "/?:@!$&'()*+,;=%~[]"

_URL: Final = re.compile(
    r"(?P<scheme>https?)://(?P<authority>[^/?#]*)(?P<path>/[^?#]*)?(?P<query>\?[^#]*)?(?:#.*)?",
    re.IGNORECASE | re.ASCII,
)
_AUTHORITY: Final = re.compile(r"(?P<host>\[[^\[\]]*\]|[^:\[\]]*)(?::(?P<port>[0-9]{1,5}))?")
# White space, controls, lone surrogates, and the backslash that some parsers read as a slash.
_UNWANTED: Final = re.compile(r"[\s\\\x00-\x1f\x7f-\x9f\ud800-\udfff]")
# Names in use hold underscores although RFC 952 forbids them: object store buckets among others.
_NAME: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")
# Resolvers read a name that ends like this as an IPv4 address in octal, hexadecimal or with fewer parts
# (WHATWG URL, "ends in a number").
_ENDS_IN_NUMBER: Final = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")


class _Malformed(ValueError):
    """Says in words what is wrong with a URL; each caller gives it its own class."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPort:
    """One place to connect to. Two are the same only when spelt the same: a name never equals its address."""

    host: str
    """Lower-case ASCII name without a trailing dot, or an address; IPv6 without brackets."""
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A URL that may be asked for, as far as text can tell: a name's addresses are checked when connecting."""

    scheme: Literal["http", "https"]
    place: HostPort
    path: str
    """Path and query in ASCII, escaped; begins with a slash. The fragment is dropped."""

    @property
    def authority(self) -> str:
        """The Host header's value: the port only where it is not the scheme's own (RFC 9110 section 7.2)."""
        text = str(self.place)
        return text.removesuffix(f":{self.place.port}") if self.place.port == _DEFAULT_PORTS[self.scheme] else text

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"

    def join(self, reference: str) -> str:
        """Resolve a redirect's `Location` against this URL; the result is text and has to be parsed anew.

        Raises: ValueError if the reference cannot be read.
        """
        return urljoin(self.url, reference)


def parse_target(url: str, *, allow: frozenset[HostPort], field: str, ports: frozenset[int] = OPEN_PORTS) -> Target:
    """Take a stranger's URL apart and rebuild it from checked parts.

    Raises: InvalidInput when it is malformed or names a port that is not open; TargetForbidden when it names
    an address that is not public. Both texts begin with the field.
    Source: RFC 3986; RFC 6874 (zone identifiers, refused).
    """
    try:
        target = _parse(url)
        if target.place in allow:
            return target
        address = parse_address(target.place.host)
        if address is not None and not is_public(address):
            raise TargetForbidden(f"{field}: the address is not public")
        if target.place.port not in ports:
            raise _Malformed(f"port {target.place.port} is not {' or '.join(map(str, sorted(ports)))}")
    except _Malformed as exc:
        raise InvalidInput(f"{field} is not a URL that can be fetched: {exc}", field=field) from exc
    return target


def place_of(url: str) -> str:
    """Return the host and port that a URL leads to, without judging it; the text itself where it cannot be read."""
    try:
        return str(_parse(url).place)
    except _Malformed:
        return url


def parse_allow(text: str) -> frozenset[HostPort]:
    """Read the development-only allow list: a comma list of `host:port`, IPv6 in brackets. Empty allows nothing.

    Raises: ConfigError naming the entry.
    """
    return frozenset(_parse_allowed(entry.strip()) for entry in text.split(",") if entry.strip())


def parse_ports(text: str) -> frozenset[int]:
    """Read a comma list of further ports that strangers may name. Raises: ConfigError naming the entry."""
    return frozenset(_parse_port(entry.strip()) for entry in text.split(",") if entry.strip())


def parse_address(host: str) -> IPv4Address | IPv6Address | None:
    """Read a normalised host as an address; None when it is a name."""
    try:
        return IPv6Address(host) if ":" in host else IPv4Address(host)
    except AddressValueError:
        return None


def _parse_allowed(entry: str) -> HostPort:
    try:
        host, port = _split_authority(entry)
        if port is None or not 1 <= port <= 65535:
            raise _Malformed("the port is missing or not 1 to 65535")
        return HostPort(host=host, port=port)
    except _Malformed as exc:
        raise ConfigError(f"the egress allow list holds {entry!r}, which is not host:port: {exc}") from exc


def _parse_port(entry: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", entry, re.ASCII) or not 1 <= int(entry) <= 65535:
        raise ConfigError(f"the egress ports hold {entry!r}, which is not a port from 1 to 65535")
    return int(entry)


def _parse(url: str) -> Target:
    if len(url) > URL_CHARS_MAX:
        raise _Malformed(f"it has {len(url)} characters, the limit is {URL_CHARS_MAX}")
    if _UNWANTED.search(url):
        raise _Malformed("it holds white space, a control character or a backslash")
    parts = _URL.fullmatch(url)
    if parts is None:
        raise _Malformed("it does not begin with http:// or https:// and a host")
    scheme: Literal["http", "https"] = "https" if parts["scheme"].lower() == "https" else "http"
    host, port = _split_authority(parts["authority"])
    place = HostPort(host=host, port=_DEFAULT_PORTS[scheme] if port is None else port)
    path = quote((parts["path"] or "/") + (parts["query"] or ""), safe=_SAFE)
    return Target(scheme=scheme, place=place, path=path)


def _split_authority(authority: str) -> tuple[str, int | None]:
    if "@" in authority:
        raise _Malformed("a user name or password in it is not accepted")
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None:
        raise _Malformed("the host or the port cannot be read")
    host = _bracketed(parts["host"]) if parts["host"].startswith("[") else _name(parts["host"])
    return host, None if parts["port"] is None else int(parts["port"])


def _bracketed(text: str) -> str:
    # Python reads zone identifiers, and so would connect by one interface of ours.
    if "%" in text:
        raise _Malformed("a zone identifier in an address is not accepted")
    try:
        return str(IPv6Address(text[1:-1]))
    except AddressValueError as exc:
        raise _Malformed("the host in brackets is not an IPv6 address") from exc


def _name(text: str) -> str:
    host = _to_ascii(text).removesuffix(".")
    if len(host) > _HOST_CHARS_MAX or not _NAME.fullmatch(host):
        raise _Malformed("the host is not a plain name or address")
    if _ENDS_IN_NUMBER.fullmatch(host) and parse_address(host) is None:
        raise _Malformed("the host is not a plain name or address")
    return host


def _to_ascii(text: str) -> str:
    if text.isascii():
        return text.lower()
    # IDNA's checks take longer than linear time: no host worth reading is longer.
    if len(text) > _HOST_CHARS_MAX:
        raise _Malformed("the host is not a plain name or address")
    try:
        return idna.encode(text, uts46=True).decode("ascii")
    except idna.IDNAError as exc:
        raise _Malformed("the host is not an international name") from exc

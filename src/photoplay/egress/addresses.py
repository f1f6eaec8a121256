"""Which IP addresses belong to the public internet. Pure: it judges addresses and never looks anything up."""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Final

__all__ = ["NOT_PUBLIC", "is_public"]

# Source: IANA special-purpose address registries (RFC 6890), read 2026; the list is ours because Python's
# `is_global` changes between releases and knows nothing of the clouds' own addresses.
NOT_PUBLIC: Final[Mapping[str, str]] = {
    "0.0.0.0/8": "this network, reaches the host itself on Linux (RFC 1122)",
    "10.0.0.0/8": "private (RFC 1918)",
    "100.64.0.0/10": "carrier-grade NAT; also one cloud's metadata service (RFC 6598)",
    "127.0.0.0/8": "loopback (RFC 1122)",
    "168.63.129.16/32": "Azure's host agent, routed from every virtual machine",
    "169.254.0.0/16": "link-local; the metadata service of most clouds (RFC 3927)",
    "172.16.0.0/12": "private (RFC 1918)",
    "192.0.0.0/24": "IETF protocol assignments; also one cloud's metadata service (RFC 6890)",
    "192.0.2.0/24": "documentation (RFC 5737)",
    "192.88.99.0/24": "6to4 relays, withdrawn (RFC 7526)",
    "192.168.0.0/16": "private (RFC 1918)",
    "198.18.0.0/15": "benchmarking (RFC 2544)",
    "198.51.100.0/24": "documentation (RFC 5737)",
    "203.0.113.0/24": "documentation (RFC 5737)",
    "224.0.0.0/4": "multicast (RFC 5771)",
    "240.0.0.0/4": "reserved, and the broadcast address (RFC 1112, RFC 919)",
    "::/96": "unspecified, loopback, and IPv4-compatible, withdrawn (RFC 4291)",
    "::ffff:0:0/96": "IPv4-mapped: another spelling of an IPv4 address (RFC 4291)",
    "64:ff9b::/96": "NAT64: hides an IPv4 address (RFC 6052)",
    "64:ff9b:1::/48": "NAT64 for local use (RFC 8215)",
    "100::/64": "discard (RFC 6666)",
    "2001::/23": "IETF protocol assignments: Teredo, benchmarking, ORCHID (RFC 2928)",
    "2001:db8::/32": "documentation (RFC 3849)",
    "2002::/16": "6to4: hides an IPv4 address (RFC 3056)",
    "3fff::/20": "documentation (RFC 9637)",
    "5f00::/16": "segment routing (RFC 9602)",
    "fc00::/7": "unique local; also one cloud's metadata service (RFC 4193)",
    "fe80::/10": "link-local (RFC 4291)",
    "fec0::/10": "site-local, withdrawn (RFC 3879)",
    "ff00::/8": "multicast (RFC 4291)",
}

_DENIED: Final = tuple(ip_network(text) for text in NOT_PUBLIC)

# IANA allocates global unicast from this block alone (RFC 4291 section 2.4); the rest of IPv6 is refused unnamed.
_GLOBAL_UNICAST: Final = ip_network("2000::/3")


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Say whether a stranger may name this address."""
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return False
        if address not in _GLOBAL_UNICAST:
            return False
    return not any(address in network for network in _DENIED)

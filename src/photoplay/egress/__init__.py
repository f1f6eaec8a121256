"""The only door out of the server: guarded HTTP for what strangers name."""

from photoplay.egress.answers import Answer, Reply
from photoplay.egress.client import Egress, Fetched
from photoplay.egress.limits import CAPS, Caps, Deadlines
from photoplay.egress.target import HostPort, Target, parse_allow, parse_ports, parse_target, place_of

__all__ = [
    "CAPS",
    "Answer",
    "Caps",
    "Deadlines",
    "Egress",
    "Fetched",
    "HostPort",
    "Reply",
    "Target",
    "parse_allow",
    "parse_ports",
    "parse_target",
    "place_of",
]

"""The only door out of the server: guarded HTTP for what strangers name."""

from photoplay.egress.client import Answer, Deadlines, Egress, Fetched
from photoplay.egress.target import HostPort, Target, parse_allow, parse_target

__all__ = ["Answer", "Deadlines", "Egress", "Fetched", "HostPort", "Target", "parse_allow", "parse_target"]

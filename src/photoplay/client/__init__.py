"""The Python SDK: a small synchronous client of the createTask contract."""

from photoplay.client.client import Client, ClientError, Record

__all__ = ["Client", "ClientError", "Record"]

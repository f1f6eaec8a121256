"""JSON as a type, so that `Any` stops where text is parsed."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias, Union

__all__ = ["JsonObject", "JsonValue"]

JsonValue: TypeAlias = Union[None, bool, int, float, str, Sequence["JsonValue"], Mapping[str, "JsonValue"]]
JsonObject: TypeAlias = Mapping[str, JsonValue]

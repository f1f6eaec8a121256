"""The kinds of field that a card can ask for. `checks.py` says what a value of each may be.

Source: contract §9, the kinds seen across published models.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = [
    "Alias",
    "Boolean",
    "Choice",
    "Field",
    "FileUrl",
    "FileUrls",
    "Ids",
    "Integer",
    "IntegerLists",
    "Number",
    "NumberChoice",
    "NumberOption",
    "Objects",
    "Option",
    "Seed",
    "TaskRef",
    "Text",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Named:
    name: str
    label: str
    help: str
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Text(_Named):
    kind: Literal["text"] = "text"
    default: str | None = None
    """Used when the field is absent or null. None, here and below: the field stays absent."""
    chars_min: int = 0
    chars_max: int
    """In Unicode code points."""
    lines: Literal["one", "many"] = "one"
    """How large a form shows it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    value: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice(_Named):
    """One of a closed list of strings. A whole number that reads like an option is that option."""

    kind: Literal["choice"] = "choice"
    default: str | None = None
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberOption:
    value: int | float
    """A whole number is an int."""
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberChoice(_Named):
    """One of a closed list of numbers."""

    kind: Literal["number_choice"] = "number_choice"
    default: int | float | None = None
    options: tuple[NumberOption, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Integer(_Named):
    kind: Literal["integer"] = "integer"
    default: int | None = None
    minimum: int
    maximum: int
    step: int = 1
    """Allowed are the minimum and every step above it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Number(_Named):
    kind: Literal["number"] = "number"
    default: float | None = None
    minimum: float
    maximum: float
    step: float
    """What a form's slider moves by; values between two steps are accepted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed(_Named):
    """A whole number that repeats a result; -1 asks for a random one."""

    kind: Literal["seed"] = "seed"
    default: int | None = None
    maximum: int = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Boolean(_Named):
    kind: Literal["boolean"] = "boolean"
    default: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileUrl(_Named):
    """An http(s) link to a file. Its bytes are checked when it is fetched."""

    kind: Literal["file_url"] = "file_url"
    accept: tuple[str, ...]
    """MIME types, found from the bytes, never from a header."""
    bytes_max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FileUrls(_Named):
    kind: Literal["file_urls"] = "file_urls"
    accept: tuple[str, ...]
    bytes_max: int
    """Of each file."""
    items_min: int = 0
    items_max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ids(_Named):
    """A list of names that mean something to the engine alone."""

    kind: Literal["ids"] = "ids"
    items_min: int = 0
    items_max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRef(_Named):
    """The id of an earlier task."""

    kind: Literal["task_ref"] = "task_ref"


@dataclass(frozen=True, slots=True, kw_only=True)
class Objects(_Named):
    """A list of objects, each with fields of its own."""

    kind: Literal["objects"] = "objects"
    fields: "tuple[Field, ...]"
    items_min: int = 0
    items_max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IntegerLists(_Named):
    """A list of lists of whole numbers, such as boxes or points."""

    kind: Literal["integer_lists"] = "integer_lists"
    items_min: int = 0
    items_max: int
    length: int
    """Numbers in each inner list."""
    minimum: int
    maximum: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias(_Named):
    """A deprecated name of another field. Its value counts when that field is absent."""

    kind: Literal["alias"] = "alias"
    of: str


Field: TypeAlias = (
    Text
    | Choice
    | NumberChoice
    | Integer
    | Number
    | Seed
    | Boolean
    | FileUrl
    | FileUrls
    | Ids
    | TaskRef
    | Objects
    | IntegerLists
    | Alias
)

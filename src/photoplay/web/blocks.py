"""A page as a list of blocks, and the two ways to write it down. Pure; every text is data, never markup."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final, TypeAlias, assert_never

__all__ = [
    "Block",
    "Code",
    "Heading",
    "Inline",
    "Items",
    "Link",
    "Mono",
    "Paragraph",
    "Quote",
    "Table",
    "to_html",
    "to_markdown",
]


@dataclass(frozen=True, slots=True)
class Mono:
    """A name or a value, as it is typed."""

    text: str


@dataclass(frozen=True, slots=True)
class Link:
    text: str
    href: str
    """Written by us, never by a card."""


Inline: TypeAlias = tuple[str | Mono | Link, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    parts: Inline


@dataclass(frozen=True, slots=True)
class Quote:
    parts: Inline


@dataclass(frozen=True, slots=True)
class Items:
    items: tuple[Inline, ...]


@dataclass(frozen=True, slots=True)
class Table:
    head: tuple[str, ...]
    rows: tuple[tuple[Inline, ...], ...]


@dataclass(frozen=True, slots=True)
class Code:
    language: str
    text: str


Block: TypeAlias = Heading | Paragraph | Quote | Items | Table | Code

# What CommonMark and its tables would read as markup in the middle of a line, and at its beginning.
_MARKUP: Final = re.compile(r"[\\`*_\[\]<>|&~]")
_FIRST: Final = re.compile(r"^(\d+)([.)])|^([#+=-])")
_BAR: Final = re.compile(r"(?<!\\)\|")


def to_markdown(blocks: Sequence[Block]) -> str:
    return "\n\n".join(_markdown(block) for block in blocks) + "\n"


def to_html(blocks: Sequence[Block]) -> str:
    """Return what stands in the body."""
    return "\n".join(_html(block) for block in blocks) + "\n"


def _markdown(block: Block) -> str:
    match block:
        case Heading():
            return f"{'#' * block.level} {_plain(block.text)}"
        case Paragraph():
            return _line(block.parts)
        case Quote():
            return f"> {_line(block.parts)}"
        case Items():
            return "\n".join(f"- {_line(item)}" for item in block.items)
        case Table():
            lines = [_row(_plain(name) for name in block.head), "|---" * len(block.head) + "|"]
            return "\n".join([*lines, *(_row(_line(cell) for cell in row) for row in block.rows)])
        case Code():
            fence = _longer_than_any("`", block.text, least=3)
            return f"{fence}{block.language}\n{block.text}\n{fence}"
        case _:
            assert_never(block)


def _row(cells: Iterable[str]) -> str:
    # A table reads a bar before it reads code.
    return "| " + " | ".join(_BAR.sub(r"\|", cell) for cell in cells) + " |"


def _line(parts: Inline) -> str:
    text = "".join(_markdown_part(part) for part in parts)
    return _FIRST.sub(lambda found: "".join((found[1] or "", "\\", found[2] or found[3])), text)


def _markdown_part(part: str | Mono | Link) -> str:
    match part:
        case str():
            return _plain(part)
        case Mono():
            text = _one_line(part.text)
            fence = _longer_than_any("`", text, least=1)
            pad = " " if text[:1] in {"`", ""} or text.endswith("`") else ""
            return f"{fence}{pad}{text}{pad}{fence}"
        case Link():
            return f"[{_plain(part.text)}]({part.href})"
        case _:
            assert_never(part)


def _plain(text: str) -> str:
    return _MARKUP.sub(r"\\\g<0>", _one_line(text))


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def _longer_than_any(sign: str, text: str, *, least: int) -> str:
    runs = (len(run) for run in re.findall(f"{sign}+", text))
    return sign * max([least, *(length + 1 for length in runs)])


def _html(block: Block) -> str:
    match block:
        case Heading():
            return _tag(f"h{block.level}", escape(block.text))
        case Paragraph():
            return _tag("p", _text(block.parts))
        case Quote():
            return _tag("blockquote", _text(block.parts))
        case Items():
            return _tag("ul", _each("li", (_text(item) for item in block.items)))
        case Table():
            head = _tag("tr", _each("th", map(escape, block.head)))
            rows = (_each("td", map(_text, row)) for row in block.rows)
            table = _tag("table", _tag("thead", head) + _tag("tbody", _each("tr", rows)))
            return f'<div class="scroll" tabindex="0">{table}</div>'
        case Code():
            # What is wider than the page is scrolled by keyboard too.
            return f'<pre tabindex="0">{_tag("code", escape(block.text))}</pre>'
        case _:
            assert_never(block)


def _text(parts: Inline) -> str:
    return "".join(map(_html_part, parts))


def _html_part(part: str | Mono | Link) -> str:
    match part:
        case str():
            return escape(part)
        case Mono():
            return _tag("code", escape(part.text))
        case Link():
            return f'<a href="{escape(part.href)}">{escape(part.text)}</a>'
        case _:
            assert_never(part)


def _tag(name: str, content: str) -> str:
    return f"<{name}>{content}</{name}>"


def _each(name: str, contents: Iterable[str]) -> str:
    return "".join(_tag(name, content) for content in contents)

"""Tables for people and for pipes."""

from collections.abc import Sequence

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

__all__ = ["print_table"]


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows below their head: fitted to a terminal; into a pipe one row a line, and nothing is cut."""
    console = Console()
    if not console.is_terminal:
        widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
        for row in (head, *rows):
            cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
            typer.echo("  ".join(cells).rstrip())
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for number, title in enumerate(head):
        # The first column is what one copies into the next command.
        table.add_column(title, no_wrap=number == 0, overflow="fold")
    for row in rows:
        # Text, because a card's words are nobody's markup.
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)

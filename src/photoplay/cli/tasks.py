"""`photoplay tasks`: what an account has asked for, and how each of it is."""

from itertools import islice
from typing import Annotated, Final

import typer

from photoplay.cli.remote import KeyOption, ServerOption, connect
from photoplay.cli.table import print_table
from photoplay.client import Record

__all__ = ["tasks"]

HELP: Final = (
    "List the account's tasks, newest first.\n\n"
    "Go on with `photoplay tasks show TASK_ID`, and end one with `photoplay cancel TASK_ID`."
)
PAGE_MAX: Final = 200

tasks = typer.Typer(invoke_without_command=True, help=HELP)


@tasks.callback()
def _list(
    context: typer.Context,
    state: Annotated[
        str, typer.Option(help="Only these: waiting, queuing, generating, success, fail; several with commas.")
    ] = "",
    model: Annotated[str, typer.Option(help="Only of this model.")] = "",
    reference: Annotated[str, typer.Option(help="Only with this clientReference.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 20,
    server: ServerOption = "",
    key: KeyOption = "",
) -> None:
    if context.invoked_subcommand is not None:
        return
    filters = {"state": state or None, "model": model or None, "clientReference": reference or None}
    with connect(server, key) as client:
        found = list(islice(client.tasks(**filters, limit=min(limit, PAGE_MAX)), limit))
    print_table(
        ("task", "created", "model", "state", "progress", "credits", "reference"),
        [
            (
                record.task_id,
                _moment(record),
                record.model,
                record.state,
                f"{record.progress} %",
                str(record.credits),
                record.reference or "",
            )
            for record in found
        ],
    )


@tasks.command()
def show(
    task: Annotated[str, typer.Argument(metavar="TASK_ID", help="An id of the list.")],
    server: ServerOption = "",
    key: KeyOption = "",
) -> None:
    """Show how a task is: where it stands, how long it will be, and what came of it."""
    with connect(server, key) as client:
        record = client.record(task)
    rows = [
        ("task", record.task_id),
        ("model", record.model),
        ("created", _moment(record)),
        ("state", record.state),
        ("stage", record.stage),
        ("progress", f"{record.progress} %"),
        ("place in the queue", "" if record.queue_position is None else str(record.queue_position)),
        ("ends in about", "" if record.eta_s is None else f"{record.eta_s} s"),
        ("took", f"{record.cost_time_s} s" if record.cost_time_s else ""),
        ("credits", str(record.credits)),
        ("reference", record.reference or ""),
        ("why it failed", record.failure or ""),
        *(("result", url) for url in record.result_urls),
    ]
    for name, text in rows:
        if text:
            typer.echo(f"{name:<20}{text}")


def _moment(record: Record) -> str:
    return record.created_at.astimezone().strftime("%Y-%m-%d %H:%M:%S")

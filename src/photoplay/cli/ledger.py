"""`photoplay ledger` and `photoplay usage`: what the entries say, and whether everything agrees with them."""

import re
from datetime import datetime
from typing import Annotated
from uuid import UUID

import typer

from photoplay import clock
from photoplay.cli.operator import on_database
from photoplay.cli.table import print_table
from photoplay.domain.keys import Kind
from photoplay.domain.statements import Entry, Usage, usage_csv
from photoplay.domain.tasks import TaskId
from photoplay.flows import report
from photoplay.flows.audit import audit
from photoplay.flows.grant import find_account
from photoplay.store.database import Database

__all__ = ["ledger", "usage"]

DAY_FORMATS = ["%Y-%m-%d"]

ledger = typer.Typer(
    no_args_is_help=True,
    help="Check the ledger, and read the entries of a task. Both only read, also while the server works.",
)


@ledger.command()
def check() -> None:
    """Compute every balance anew from the entries and compare: accounts, keys, tasks, sums.

    Everything is compared as of one moment. Exit status: 0 if all agrees, 1 if something differs; then it is listed.
    """
    result = on_database(audit)
    print_table(("compared", "number"), [(compared.what, str(compared.count)) for compared in result.compared])
    for difference in result.differences:
        typer.echo(str(difference))
    if result.differences:
        count = len(result.differences)
        typer.echo(f"{count} difference{'s' if count > 1 else ''}.", err=True)
        raise typer.Exit(1)
    typer.echo("Everything agrees.")


@ledger.command()
def entries(task: Annotated[str, typer.Argument(metavar="TASK", help="The id of a task.")]) -> None:
    """List the entries of a task: its hold, and its post or release. They outlive the task's record."""
    task_id = TaskId(UUID(hex=task)) if re.fullmatch(r"[0-9a-f]{32}", task) else None

    async def read(db: Database) -> list[Entry]:
        return await report.entries(db, task_id, account_id=None)

    print_table(
        ("time", "movement", "reason", "book", "credits"),
        [
            (
                f"{entry.created_at:%Y-%m-%d %H:%M:%S}Z",
                entry.movement_id.hex,
                entry.reason,
                entry.book,
                str(entry.credits),
            )
            for entry in on_database(read)
        ],
    )


def usage(
    account: Annotated[str | None, typer.Option(help="Only this account.")] = None,
    kind: Annotated[Kind, typer.Option(help="Of the account: live or test.")] = Kind.LIVE,
    since: Annotated[datetime | None, typer.Option("--from", formats=DAY_FORMATS, help="First UTC day.")] = None,
    until: Annotated[datetime | None, typer.Option("--to", formats=DAY_FORMATS, help="Last UTC day.")] = None,
    csv: Annotated[bool, typer.Option("--csv", help="As CSV, for a spreadsheet.")] = False,
) -> None:
    """Show what tasks moved, by UTC day, key and model: the last 31 days, unless told otherwise.

    Example: photoplay usage --account studio --from 2026-01-01 --to 2026-01-31 --csv
    """
    span = report.last_days(clock.now().date(), since=since and since.date(), until=until and until.date())

    async def read(db: Database) -> list[Usage]:
        account_id = None
        if account is not None:
            async with db.connection() as connection:
                account_id = (await find_account(connection, account, kind=kind)).id
        return await report.usage(db, span, account_id=account_id)

    rows = on_database(read)
    if csv:
        typer.echo(usage_csv(rows), nl=False)
        return
    print_table(
        ("day", "account", "key", "name", "model", "tasks", "held", "charged", "given back"),
        [
            (
                f"{row.day}",
                row.account,
                row.key_prefix,
                row.key_name,
                row.model,
                *(str(number) for number in (row.tasks, row.held, row.charged, row.given_back)),
            )
            for row in rows
        ],
    )

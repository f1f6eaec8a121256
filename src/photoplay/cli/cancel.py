"""`photoplay cancel`: end tasks that nobody wants any more."""

from typing import Annotated, Final

import typer

from photoplay.cli.remote import KeyOption, ServerOption, connect
from photoplay.client import Client, ClientError

__all__ = ["cancel"]

TOO_LATE: Final = 3
_WORDS: Final = {
    "cancelled": "cancelled; it costs nothing",
    "requested": "asked to stop; it ends soon",
    "too_late": "too late: it had ended, nothing changed",
}


def cancel(
    tasks: Annotated[list[str], typer.Argument(metavar="TASK_ID...", help="As create answered, or `photoplay tasks`.")],
    server: ServerOption = "",
    key: KeyOption = "",
) -> None:
    """End tasks. What waits ends at once; what runs is stopped. Credits come back.

    Exit status: 0 when each was ended or is being stopped, 3 when one had ended before, 1 when one is unknown or the
    server does not answer, 2 for a wrong command line.
    """
    with connect(server, key) as client:
        statuses = [_cancel(client, task_id) for task_id in dict.fromkeys(tasks)]
    # The worst first: an unknown task is a mistake, one that has ended is not.
    raise typer.Exit(next((status for status in (1, TOO_LATE) if status in statuses), 0))


def _cancel(client: Client, task_id: str) -> int:
    try:
        outcome = client.cancel(task_id)
    except ClientError as exc:
        if exc.code is None:
            raise
        # The other tasks are not to blame.
        text = "there is no such task of this account" if str(exc) == "recordInfo is null" else str(exc)
        typer.echo(f"{task_id}  {text}", err=True)
        return 1
    typer.echo(f"{task_id}  {_WORDS[outcome]}")
    return TOO_LATE if outcome == "too_late" else 0

"""`photoplay callbacks`: see what became of callbacks, send them again, try a receiver, rotate the secret."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

import typer

from photoplay import clock
from photoplay.cli.remote import KeyOption, ServerOption, connect
from photoplay.cli.table import print_table
from photoplay.domain.errors import ConfigError

__all__ = ["callbacks"]

PATH: Final = "/api/v1/jobs/callbacks"
AGES: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

HELP: Final = (
    "See what became of callbacks, send them again, and try a receiver.\n\n"
    "Each attempt is logged with its status, duration, error and the first 1024 bytes of the answer.\n\n"
    "To receive callbacks on a laptop without a public address: `photoplay listen`."
)

TaskArgument = Annotated[str, typer.Argument(metavar="TASK_ID", help="The id that createTask answered.")]

callbacks = typer.Typer(no_args_is_help=True, help=HELP)
secret = typer.Typer(no_args_is_help=True, help="The secret that signs the account's callbacks.")
callbacks.add_typer(secret, name="secret")


@callbacks.command("list")
def list_(
    state: Annotated[
        str, typer.Option(help="Only pending, delivered, gone or exhausted ones, or failed: gone and exhausted.")
    ] = "",
    server: ServerOption = "",
    key: KeyOption = "",
) -> None:
    """List the latest 100 callbacks of the account."""
    with connect(server, key) as client:
        found = client.call("GET", PATH, params={"state": state} if state else {})["callbacks"]
    print_table(
        ("task", "event", "state", "attempts", "last answer", "next attempt", "url"),
        [
            (
                callback["taskId"],
                callback["event"],
                callback["state"],
                str(len(callback["attempts"])),
                _outcome(callback["attempts"][-1]) if callback["attempts"] else "",
                _moment(callback["nextTime"]),
                callback["url"],
            )
            for callback in found
        ],
    )


@callbacks.command()
def show(task: TaskArgument, server: ServerOption = "", key: KeyOption = "") -> None:
    """Show every attempt of a task's callbacks: when, how long, what came back, and when the next one is."""
    with connect(server, key) as client:
        found = client.call("GET", PATH, params={"taskId": task})["callbacks"]
    if not found:
        typer.echo("This task has no callback: it was created without callBackUrl, or has not ended.")
    for callback in found:
        for line in _story(callback):
            typer.echo(line)


@callbacks.command()
def resend(
    task: Annotated[
        str, typer.Argument(metavar="[TASK_ID]", help="The callbacks of this task, whatever their state.")
    ] = "",
    failed_since: Annotated[
        str,
        typer.Option(
            help="Everything given up since then: an age such as 90m, 2h or 3d, or a time such as 2026-07-01T12:00."
        ),
    ] = "",
    server: ServerOption = "",
    key: KeyOption = "",
) -> None:
    """Send callbacks again, with the same id and body. Further attempts are logged below the earlier ones."""
    if bool(task) == bool(failed_since):
        raise ConfigError("say which: a TASK_ID, or --failed-since, and not both")
    asked = {"taskId": task} if task else {"failedSince": _epoch_ms(failed_since)}
    with connect(server, key) as client:
        resent = client.call("POST", f"{PATH}/resend", json=asked)["resent"]
    typer.echo("1 callback is sent again" if resent == 1 else f"{resent} callbacks are sent again")


@callbacks.command()
def ping(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where a callBackUrl would point to.")],
    server: ServerOption = "",
    key: KeyOption = "",
) -> None:
    """Send a signed sample from the server to URL now, and show what came back.

    Exit status: 0 for any 2xx, otherwise 1.
    """
    with connect(server, key) as client:
        answer = client.call("POST", f"{PATH}/ping", json={"url": url})
    typer.echo(f"{_outcome(answer)} in {answer['durationMs']} ms, {answer['answerBytes']} bytes")
    if answer["answer"]:
        typer.echo(answer["answer"])
    if answer["status"] is None or not 200 <= answer["status"] < 300:
        raise typer.Exit(1)


@secret.command()
def rotate(
    overlap_hours: Annotated[
        float, typer.Option(min=0, max=168, help="How long the secret before it signs too; 0 if it has leaked.")
    ] = 24,
    server: ServerOption = "",
    key: KeyOption = "",
) -> None:
    """Make a new callback secret and print it, alone. It is shown this once.

    The one before it stays valid for a while: callbacks are signed with both.
    """
    with connect(server, key) as client:
        made = client.call("POST", f"{PATH}/secret/rotate", json={"overlapHours": overlap_hours})
    typer.echo(f"The secret before it signs too until {_moment(made['earlierSecretUntil'])}.", err=True)
    typer.echo(made["secret"])


def _story(callback: Mapping[str, Any]) -> Iterator[str]:
    yield f"{callback['event']}, {callback['state']}: {callback['url']}"
    yield f"  id {callback['id']}, made {_moment(callback['createTime'])}"
    for attempt in callback["attempts"]:
        took = (
            "" if attempt["durationMs"] is None else f" in {attempt['durationMs']} ms, {attempt['answerBytes']} bytes"
        )
        yield f"  {attempt['attempt']}. {_moment(attempt['startTime'])}  {_outcome(attempt)}{took}"
        if attempt["answer"]:
            yield f"     answer: {json.dumps(attempt['answer'], ensure_ascii=False)}"
        if attempt["nextTime"] is not None:
            yield f"     next attempt {_moment(attempt['nextTime'])}"


def _outcome(attempt: Mapping[str, Any]) -> str:
    status, error = attempt["status"], attempt["error"]
    if status is None and error is None:
        return "under way"
    return ", ".join(str(part) for part in (status, error) if part is not None)


def _moment(epoch_ms: int | None) -> str:
    """A time as people read it here, in this machine's zone."""
    if epoch_ms is None:
        return ""
    return datetime.fromtimestamp(epoch_ms / 1000, UTC).astimezone().isoformat(sep=" ", timespec="seconds")


def _epoch_ms(text: str) -> int:
    """Read an age or a time. Raises: ConfigError."""
    age = re.fullmatch(r"(\d{1,6})([smhd])", text)
    try:
        moment = (
            clock.now() - timedelta(**{AGES[age[2]]: int(age[1])}) if age else datetime.fromisoformat(text).astimezone()
        )
    except (ValueError, OverflowError) as exc:
        raise ConfigError(
            f"--failed-since: {text} is neither an age such as 2h nor a time such as 2026-07-01T12:00"
        ) from exc
    return max(0, int(moment.timestamp() * 1000))

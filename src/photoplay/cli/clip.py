"""Makes one clip through the HTTP API and shows how it goes."""

from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from photoplay import clock
from photoplay.client import Client, ClientError, Record

__all__ = ["make_clip"]


def make_clip(client: Client, *, model: str, input: dict[str, object], output: Path | None) -> Record:
    """Upload the files of the input, create the task, wait for it, save the clip, and return the last record.

    Ctrl-C cancels the task. Raises: ClientError, with the server's own words if the task fails.
    """
    console = Console(stderr=True)
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    ) as progress:
        bar = progress.add_task("uploading", total=100)
        create = partial(client.create, model, client.with_links(input), idempotency_key=clock.new_uuid().hex)
        task_id = ""
        try:
            task_id = create()
            record = _follow(client, task_id, progress=progress, bar=bar)
        except KeyboardInterrupt:
            # A create that was interrupted may have come through: repeated with its key, it gives the same task.
            client.cancel(task_id or create())
            raise
        except ClientError as exc:
            if not task_id:
                raise
            raise ClientError(exc.code, f"task {task_id} goes on at the server, but: {exc}") from exc
        if record.failure is not None:
            raise ClientError(None, f"task {task_id} failed and cost nothing: {record.failure}")
        if output is not None:
            progress.update(bar, description="downloading")
            _save(client, record, output)
    return record


def _save(client: Client, record: Record, output: Path) -> None:
    url = record.result_urls[0]
    try:
        client.download(url, output)
    except ClientError as exc:
        raise ClientError(exc.code, f"{exc}; the clip is at {url}") from exc


def _follow(client: Client, task_id: str, *, progress: Progress, bar: TaskID) -> Record:
    for record in client.watch(task_id):
        place = f", number {record.queue_position} in the queue" if record.queue_position else ""
        eta = f", about {record.eta_s} s" if record.eta_s else ""
        progress.update(bar, description=(record.stage or record.state) + place + eta, completed=record.progress)
        if record.is_final:
            return record
    raise AssertionError("watch ends with a final record")

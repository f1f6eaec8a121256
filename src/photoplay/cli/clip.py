"""Makes one clip through the HTTP API and shows how it goes."""

from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from photoplay.client import Client, ClientError, Record

__all__ = ["make_clip"]


def make_clip(
    client: Client, photo: Path, *, model: str, input: dict[str, object], image_field: str, output: Path | None
) -> Record:
    """Upload the photo, create the task, wait for it, save the clip, and return the last record.

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
        task_id = client.create(model, {**input, image_field: client.upload(photo)})
        try:
            record = _follow(client, task_id, progress=progress, bar=bar)
        except KeyboardInterrupt:
            client.cancel(task_id)
            raise
        if record.failure is not None:
            raise ClientError(None, f"task {task_id} failed and cost nothing: {record.failure}")
        if output is not None:
            progress.update(bar, description="downloading")
            client.download(record.result_urls[0], output)
    return record


def _follow(client: Client, task_id: str, *, progress: Progress, bar: TaskID) -> Record:
    for record in client.watch(task_id):
        place = f", number {record.queue_position} in the queue" if record.queue_position else ""
        progress.update(bar, description=record.state + place, completed=record.progress)
        if record.is_final:
            return record
    raise AssertionError("watch ends with a final record")

"""`photoplay run`: one clip from one photo, in one line."""

import os
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from photoplay.cli.clip import make_clip
from photoplay.cli.fields import read_input, split_pair
from photoplay.cli.remote import own_key
from photoplay.cli.running import find_running, using
from photoplay.cli.serve import EXAMPLE_MODEL
from photoplay.client import Client
from photoplay.domain.errors import ConfigError
from photoplay.settings import Settings, read_settings

__all__ = ["run"]

START_TIMEOUT_S: Final = 60.0
START_POLL_S: Final = 0.1
STOP_TIMEOUT_S: Final = 60.0


def run(  # noqa: PLR0913 - one argument an option
    photo: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A JPEG, PNG or WebP picture.")],
    prompt: Annotated[str, typer.Argument(help='What should happen, such as "slow push in".')],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the clip is saved.")] = Path("clip.mp4"),
    *,
    model: Annotated[str, typer.Option(help="The model to use.")] = EXAMPLE_MODEL,
    fields: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="FIELD=VALUE",
            help="A field of the model, such as seed=7 or end_image_url=last.jpg; as often as needed."
            " `photoplay models show MODEL` lists them.",
        ),
    ] = None,
    resolution: Annotated[str, typer.Option(help="Short for --set resolution=…, such as 1080p.")] = "",
    duration: Annotated[str, typer.Option(help="Short for --set duration=…, in seconds.")] = "",
    server: Annotated[str, typer.Option(help="A server elsewhere, such as http://box:8787; needs --key.")] = "",
    key: Annotated[str, typer.Option(help="The API key. Default: the one in the data folder.")] = "",
) -> None:
    """Make a clip from a photo and save it.

    Uses the server that runs on the data folder, or starts one for the time being. The photo goes to the model's first
    picture; a field that is not set has the model's default.

    Example: photoplay run photo.jpg "" --model photoplay/camera-image-to-video --set move=orbit_left --set seed=7

    Exit status: 0 when the clip is saved, 1 when it could not be made, 2 for a wrong command line, 130 after Ctrl-C.
    """
    short = {"prompt": prompt, "resolution": resolution, "duration": duration}
    pairs = [*((name, text) for name, text in short.items() if text), *map(split_pair, fields or [])]
    _require_writable(output)
    began = time.monotonic()
    with _server(server, key) as (url, live_key), Client(url, live_key) as client:
        input = read_input(client, model, photo=photo, pairs=pairs)
        record = make_clip(client, model=model, input=input, output=output)
    took_s = time.monotonic() - began
    size_mb = output.stat().st_size / 1e6
    typer.echo(f"{output}: {size_mb:.1f} MB, {record.credits} credits, {took_s:.1f} s in all")


def _require_writable(output: Path) -> None:
    """Before anything is paid for."""
    if not os.access(output.resolve().parent, os.W_OK | os.X_OK):
        raise typer.BadParameter(f"there is no folder {output.parent} that can be written to", param_hint="--output")
    if output.exists() and not output.is_file():
        raise typer.BadParameter(f"{output} is there, and no file that can be replaced", param_hint="--output")


@contextmanager
def _server(url: str, key: str) -> Generator[tuple[str, str]]:
    """Yield the URL and key of a server: the one named, the one that runs, or one started for the block."""
    if url:
        if not key:
            raise ConfigError("--server needs --key, because the key in the data folder is for the server there")
        yield url, key
        return
    settings = read_settings()
    running = find_running(settings.data_dir)
    if running is not None:
        yield running.url, key or own_key(settings)
        return
    with _started(settings) as started_url:
        yield started_url, key or own_key(settings)


@contextmanager
def _started(settings: Settings) -> Generator[str]:
    """Start a server on a free port, and stop it and all it started at the end of the block."""
    log_path = settings.data_dir / "server.log"
    with using(settings.data_dir):
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        log = log_path.open("ab")
    with log:
        process = subprocess.Popen(
            [sys.executable, "-m", "photoplay", "serve", "--port", "0"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # Ctrl-C reaches us alone; we stop it in order.
            start_new_session=True,
        )
    try:
        yield _wait_until_ready(process, settings, log_path)
    finally:
        process.terminate()
        process.wait(STOP_TIMEOUT_S)


def _wait_until_ready(process: "subprocess.Popen[bytes]", settings: Settings, log_path: Path) -> str:
    give_up_at = time.monotonic() + START_TIMEOUT_S
    while process.poll() is None and time.monotonic() < give_up_at:
        running = find_running(settings.data_dir)
        if running is not None and running.pid == process.pid:
            return running.url
        time.sleep(START_POLL_S)
    raise ConfigError(f"the server did not start; {log_path} says why")

"""`photoplay run`: one clip from one photo, in one line."""

import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from photoplay.cli.clip import make_clip
from photoplay.cli.running import find_running
from photoplay.cli.serve import EXAMPLE_MODEL
from photoplay.client import Client
from photoplay.domain.errors import ConfigError
from photoplay.flows.enroll import KEY_FILE
from photoplay.settings import Settings, read_settings

__all__ = ["run"]

START_TIMEOUT_S: Final = 60.0
START_POLL_S: Final = 0.1
STOP_TIMEOUT_S: Final = 60.0


def run(
    photo: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A JPEG, PNG or WebP picture.")],
    prompt: Annotated[str, typer.Argument(help='What should happen, such as "slow push in".')],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the clip is saved.")] = Path("clip.mp4"),
    model: Annotated[str, typer.Option(help="The model to use.")] = EXAMPLE_MODEL,
    resolution: Annotated[str, typer.Option(help="720p or 1080p.")] = "720p",
    duration: Annotated[str, typer.Option(help="5 or 10, in seconds.")] = "5",
    server: Annotated[str, typer.Option(help="A server elsewhere, such as http://box:8787; needs --key.")] = "",
    key: Annotated[str, typer.Option(help="The API key. Default: the one in the data folder.")] = "",
) -> None:
    """Make a clip from a photo and save it.

    Uses the server that runs on the data folder, or starts one for the time being.
    Exit status: 0 when the clip is saved, 1 when it could not be made, 2 for a wrong command line, 130 after Ctrl-C.
    """
    input: dict[str, object] = {"prompt": prompt, "resolution": resolution, "duration": duration}
    began = time.monotonic()
    with _server(server, key) as (url, live_key), Client(url, live_key) as client:
        record = make_clip(client, photo, model=model, input=input, image_field="image_url", output=output)
    took_s = time.monotonic() - began
    size_mb = output.stat().st_size / 1e6
    typer.echo(f"{output}: {size_mb:.1f} MB, {record.credits} credits, {took_s:.1f} s in all")


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
        yield running.url, key or _own_key(settings)
        return
    with _started(settings) as started_url:
        yield started_url, key or _own_key(settings)


def _own_key(settings: Settings) -> str:
    path = settings.data_dir / KEY_FILE
    if not path.exists():
        raise ConfigError(f"there is no key in {settings.data_dir}; give one with --key (photoplay keys create)")
    return path.read_text().strip()


@contextmanager
def _started(settings: Settings) -> Generator[str]:
    """Start a server on a free port, and stop it and all it started at the end of the block."""
    log_path = settings.data_dir / "server.log"
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with log_path.open("ab") as log:
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

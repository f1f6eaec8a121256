"""`photoplay serve`: everything on one machine, in one command."""

import asyncio
import sys
from importlib import resources
from pathlib import Path
from typing import Annotated, Final

import typer

from photoplay import logs
from photoplay.cli.supervisor import Ready, supervise
from photoplay.flows.enroll import KEY_FILE
from photoplay.settings import Settings, read_settings

__all__ = ["EXAMPLE_MODEL", "HostOption", "PortOption", "print_banner", "sample_photo", "serve"]

EXAMPLE_MODEL: Final = "bytedance/v1-pro-fast-image-to-video"

PortOption = Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")]
HostOption = Annotated[str | None, typer.Option(help="Address to listen on.")]


def serve(port: PortOption = None, host: HostOption = None) -> None:
    """Start the server: database, API and worker. Ctrl-C stops it.

    The first start creates the data folder, an account with welcome credits, and a key. Everything is below
    ./photoplay-data, or PHOTOPLAY_DATA_DIR.
    """
    settings = read_settings(port=port, host=host)
    logs.configure(format=settings.log_format, level=settings.log_level)
    asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    await supervise(settings, on_ready=lambda ready: print_banner(ready, settings), stop=asyncio.Event())


def print_banner(ready: Ready, settings: Settings) -> None:
    """Print where the server listens, and a curl that works when pasted."""
    key_path = settings.data_dir / KEY_FILE
    typer.echo(f"\nPhotoplay listens on {ready.url}\n")
    if ready.is_first_start:
        typer.echo(f"Your key, shown this once and kept in {key_path}:\n  {key_path.read_text().strip()}\n")
        typer.echo(f"Your account began with {settings.welcome_credits} credits.\n")
    typer.echo(f'Make a clip from a photo of yours:\n  {sys.argv[0]} run photo.jpg "slow push in" -o clip.mp4\n')
    if key_path.exists():
        typer.echo(f"Or over HTTP, with the bundled photo:\n{_curl(ready.url, key_path.resolve())}\n")
    typer.echo("Ctrl-C stops the server.")


def _curl(url: str, key_path: Path) -> str:
    """Return shell lines that upload a photo, create a task and ask for it; the key is read from its file."""
    return f"""\
  KEY=$(cat {key_path})
  PHOTO=$(curl -s {url}/api/file-stream-upload -H "Authorization: Bearer $KEY" -F file=@{sample_photo()} \\
    | grep -o '"fileUrl":"[^"]*"' | cut -d'"' -f4)
  TASK=$(curl -s {url}/api/v1/jobs/createTask -H "Authorization: Bearer $KEY" -H "Content-Type: application/json" \\
    -d '{{"model":"{EXAMPLE_MODEL}","input":{{"prompt":"slow push in","image_url":"'$PHOTO'"}}}}' \\
    | grep -o '"taskId":"[^"]*"' | cut -d'"' -f4)
  curl -s "{url}/api/v1/jobs/recordInfo?taskId=$TASK" -H "Authorization: Bearer $KEY\""""


def sample_photo() -> Path:
    """Return where the bundled photo lies."""
    with resources.as_file(resources.files("photoplay") / "samples" / "coffee.jpg") as photo:
        return photo

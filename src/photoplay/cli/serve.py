"""`photoplay serve`: everything on one machine, in one command."""

import asyncio
import sys
from importlib import resources
from pathlib import Path
from typing import Annotated, Final

import typer

from photoplay import logs
from photoplay.cli.supervisor import Ready, supervise
from photoplay.flows.enroll import KEY_FILE, TEST_KEY_FILE, TEST_SECRET_FILE
from photoplay.settings import Settings, read_settings

__all__ = ["EXAMPLE_MODEL", "HostOption", "PortOption", "print_banner", "sample_photo", "serve"]

EXAMPLE_MODEL: Final = "bytedance/v1-pro-fast-image-to-video"

PortOption = Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")]
HostOption = Annotated[str | None, typer.Option(help="Address to listen on.")]
SandboxOption = Annotated[
    bool,
    typer.Option(
        "--sandbox",
        help="For the tests of a client: every model, for a test key alone, which is left in the data folder.",
    ),
]


def serve(port: PortOption = None, host: HostOption = None, sandbox: SandboxOption = False) -> None:
    """Start the server: database, API and worker. Ctrl-C stops it.

    The first start creates the data folder, an account with welcome credits, and a key. Everything is below
    ./photoplay-data, or PHOTOPLAY_DATA_DIR.
    """
    settings = read_settings(port=port, host=host, engines="sandbox" if sandbox else None)
    logs.configure(format=settings.log_format, level=settings.log_level)
    asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    await supervise(settings, on_ready=lambda ready: print_banner(ready, settings), stop=asyncio.Event())


def print_banner(ready: Ready, settings: Settings) -> None:
    """Print where the server listens, and a curl that works when pasted."""
    typer.echo(f"\nPhotoplay listens on {ready.url}\n")
    (_print_for_tests if settings.is_sandbox else _print_for_clips)(ready, settings)
    typer.echo("Ctrl-C stops the server.")


def _print_for_tests(ready: Ready, settings: Settings) -> None:
    key_path = settings.data_dir.resolve() / TEST_KEY_FILE
    typer.echo("It is a sandbox: what a task does is what its request says, and every clip is grey.\n")
    typer.echo(f"The test key is in {key_path}\nCallbacks are signed with {key_path.with_name(TEST_SECRET_FILE)}\n")
    typer.echo(f"A task that fails, for any model:\n{_failing_curl(ready.url, key_path)}\n")


def _print_for_clips(ready: Ready, settings: Settings) -> None:
    key_path = settings.data_dir / KEY_FILE
    if ready.is_first_start:
        # A person may read it here; a log file or a journal must never hold it.
        shown = f", shown this once:\n  {key_path.read_text().strip()}" if sys.stdout.isatty() else ""
        typer.echo(f"Your key is in {key_path}{shown}\n")
        typer.echo(f"Your account began with {settings.welcome_credits} credits.\n")
    if ready.sign_in_url and sys.stdout.isatty():
        typer.echo(f"Open the playground, signed in (once, within 15 minutes):\n  {ready.sign_in_url}\n")
    typer.echo(f'Make a clip from a photo of yours:\n  {sys.argv[0]} run photo.jpg "slow push in" -o clip.mp4\n')
    if key_path.exists():
        typer.echo(f"Or over HTTP, with the bundled photo:\n{_curl(ready.url, key_path.resolve())}\n")


def _failing_curl(url: str, key_path: Path) -> str:
    """Return shell lines that create a task with a script; the key is read from its file."""
    return f"""\
  curl -s {url}/api/v1/jobs/createTask -H "Authorization: Bearer $(cat {key_path})" \\
    -H "Content-Type: application/json" -d '{{"model":"{EXAMPLE_MODEL}","sandbox":{{"outcome":"fail","code":422}},
      "input":{{"prompt":"slow push in","image_url":"https://example.com/photo.jpg"}}}}'"""


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

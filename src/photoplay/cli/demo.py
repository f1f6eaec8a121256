"""`photoplay demo`: the server, and a first clip from the bundled photo, through the real HTTP API."""

import asyncio
from pathlib import Path
from typing import Annotated, Final

import typer

from photoplay import logs
from photoplay.cli.clip import make_clip
from photoplay.cli.serve import EXAMPLE_MODEL, HostOption, PortOption, print_banner, sample_photo
from photoplay.cli.supervisor import Ready, supervise
from photoplay.client import Client, ClientError, Record
from photoplay.flows.enroll import KEY_FILE
from photoplay.settings import Settings, read_settings

__all__ = ["demo"]

PROMPT: Final = "slow push in on the coffee cup, warm light, shallow depth of field"


def demo(
    port: PortOption = None,
    host: HostOption = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the clip is saved.")] = Path("demo.mp4"),
    exit: Annotated[bool, typer.Option("--exit", help="Stop the server once the clip is made.")] = False,
) -> None:
    """Start the server and make one clip from a bundled photo. The server goes on until Ctrl-C."""
    settings = read_settings(port=port, host=host, log_level="warning")
    logs.configure(format=settings.log_format, level=settings.log_level)
    asyncio.run(_demo(settings, output=output, is_once=exit))


async def _demo(settings: Settings, *, output: Path, is_once: bool) -> None:
    stop, is_up = asyncio.Event(), asyncio.Event()
    readiness: list[Ready] = []

    def on_ready(ready: Ready) -> None:
        readiness.append(ready)
        is_up.set()

    async with asyncio.TaskGroup() as group:
        server = group.create_task(supervise(settings, on_ready=on_ready, stop=stop))
        server.add_done_callback(lambda _: is_up.set())
        await is_up.wait()
        if not readiness:
            return
        try:
            record = await asyncio.to_thread(_make, readiness[0].url, settings, output)
        except ClientError:
            stop.set()
            raise
        typer.echo(f"\nA clip was made from the bundled photo in {record.cost_time_s} s, for {record.credits} credits.")
        typer.echo(f"  file  {output}")
        if is_once:
            stop.set()
        else:
            typer.echo(f"  link  {record.result_urls[0]}")
            print_banner(readiness[0], settings)


def _make(url: str, settings: Settings, output: Path) -> Record:
    key = (settings.data_dir / KEY_FILE).read_text().strip()
    with Client(url, key) as client:
        input: dict[str, object] = {"prompt": PROMPT, "image_url": sample_photo()}
        return make_clip(client, model=EXAMPLE_MODEL, input=input, output=output)

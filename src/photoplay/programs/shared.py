"""What the two programs have in common: their event loop, and the parts that both are built from."""

import asyncio
import gc
import os
import sys
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import fields
from datetime import timedelta
from functools import partial
from typing import Any, Final

import structlog
import uvloop

from photoplay.cli.running import find_running
from photoplay.domain.errors import ConfigError
from photoplay.egress import CAPS, Caps, Egress, parse_allow, parse_ports
from photoplay.files.cards import CardShelf
from photoplay.files.store import FileStore
from photoplay.flows.parts import Parts
from photoplay.groups import first_in
from photoplay.settings import Settings
from photoplay.store.database import Database
from photoplay.store.migrate import migrate
from photoplay.store.signals import Signals
from photoplay.web.wire import callback_body

__all__ = ["fields_of", "run", "shared_parts"]

log = structlog.get_logger()

# Looking for circular garbage after every 700 objects, as Python does by itself, takes a seventh of a create's time.
YOUNG_OBJECTS_MAX: Final = 20_000


def run(program: Coroutine[object, object, None]) -> None:
    """Run one of the programs. A ConfigError ends the process with EX_CONFIG and a sentence."""
    # What was imported stays for good: nobody need look through it again, and requests leave little that is circular.
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS_MAX, *gc.get_threshold()[1:])
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            runner.run(program)
        except (ConfigError, BaseExceptionGroup) as exc:
            refusal = first_in(exc, ConfigError)
            if refusal is None:
                raise
            sys.stderr.write(f"photoplay: {refusal}\n")
            # To start it again would not help: whoever keeps it running can tell.
            sys.exit(os.EX_CONFIG)


@asynccontextmanager
async def shared_parts(settings: Settings, *, caps: Caps = CAPS) -> AsyncGenerator[Parts]:
    """Open what the API and the worker have in common."""
    work_dir = settings.data_dir / "work"
    files_url = f"{settings.base_url}/files/"
    work_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    url = _database_url(settings)
    await migrate(url)
    signals = Signals(url)
    async with (
        Database(url) as db,
        _egress(settings, caps) as egress,
        asyncio.TaskGroup() as group,
    ):
        listener = group.create_task(signals.listen())
        yield Parts(
            db=db,
            signals=signals,
            files=FileStore(settings.data_dir / "files"),
            egress=egress,
            cards=CardShelf(settings.cards_dir, routes=settings.routing),
            engine_names=frozenset(settings.engines),
            work_dir=work_dir,
            files_url=files_url,
            results_lifetime=timedelta(days=settings.results_days),
            callback_schedule=settings.callback_schedule,
            callback_body=partial(callback_body, files_url=files_url),
        )
        listener.cancel()


def _egress(settings: Settings, caps: Caps) -> Egress:
    allow = parse_allow(settings.egress_allow)
    if allow:
        log.warning("egress.allows_what_is_not_public", places=", ".join(sorted(map(str, allow))))
    return Egress(allow=allow, ports=parse_ports(settings.egress_ports), caps=caps)


def fields_of(parts: Parts) -> dict[str, Any]:
    return {field.name: getattr(parts, field.name) for field in fields(parts)}


def _database_url(settings: Settings) -> str:
    url = settings.database_url.get_secret_value()
    running = find_running(settings.data_dir)
    if not url and running is not None:
        url = running.database_url
    if not url:
        raise ConfigError(
            f"no database: set PHOTOPLAY_DATABASE_URL, or start `photoplay serve` on {settings.data_dir} first"
        )
    return url

"""The API: what answers over HTTP."""

import asyncio
import socket
from datetime import timedelta
from functools import partial
from types import FrameType
from typing import Final

import structlog
import uvicorn
from fastapi import FastAPI

from photoplay.cli.children import API_STOP_S, BACKLOG, DRAIN_SIGNAL
from photoplay.domain.limits import Limits
from photoplay.files.room import DiskRoom
from photoplay.flows.accept import open_intake
from photoplay.flows.enroll import SECRET_FILE
from photoplay.flows.parts import ApiParts
from photoplay.flows.recognize import open_callers
from photoplay.process import allow_descriptors
from photoplay.programs.shared import fields_of, run, shared_parts
from photoplay.settings import Settings
from photoplay.web.app import build_app
from photoplay.web.connections import IDLE_S, limit_connections
from photoplay.web.limits import HEAD_BYTES_MAX
from photoplay.web.uploads import spool_to

__all__ = ["run_api"]

log = structlog.get_logger()

# Thousands of slow connections must leave room for the others; many systems begin with 1024.
DESCRIPTORS_WANTED: Final = 16384


def run_api(settings: Settings, *, fd: int | None) -> None:
    """Run the API until SIGTERM, on an inherited listening socket or on one of its own."""
    run(_serve(settings, fd))


async def _serve(settings: Settings, fd: int | None) -> None:
    limits = Limits(creates=settings.creates, unfinished_max=settings.unfinished_max)
    async with (
        shared_parts(settings) as shared,
        open_intake(shared.db, limits=limits, waiting_max=settings.waiting_max) as intake,
        open_callers(shared.db) as callers,
    ):
        parts = ApiParts(
            **fields_of(shared),
            intake=intake,
            callers=callers,
            room=DiskRoom(settings.data_dir, free_bytes_min=settings.disk_free_mb * 1_000_000),
            uploads_lifetime=timedelta(days=settings.uploads_days),
            secret_file=settings.data_dir / SECRET_FILE,
        )
        spool_to(parts.work_dir)
        app = build_app(parts, http_status=settings.http_status, cors_origins=settings.cors)
        asyncio.get_running_loop().add_signal_handler(DRAIN_SIGNAL, partial(_drain, app))
        config = uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            backlog=BACKLOG,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            # X-Forwarded-For is anybody's word, unless a proxy that the operator names has written it.
            proxy_headers=bool(settings.proxies),
            forwarded_allow_ips=settings.proxies,
            h11_max_incomplete_event_size=HEAD_BYTES_MAX,
            timeout_keep_alive=IDLE_S,
            http=limit_connections(allow_descriptors(DESCRIPTORS_WANTED)),
            ws="none",
            timeout_graceful_shutdown=API_STOP_S,
        )
        await _DrainingServer(config, app).serve(sockets=None if fd is None else [socket.socket(fileno=fd)])


class _DrainingServer(uvicorn.Server):
    """uvicorn, and an app that says so when it is told to stop."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if sockets is None:
            # No supervisor says so.
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            log.info("api.ready", host=host, port=port)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the signature is uvicorn's
        # Not uvicorn's own: that one ends the process by the same signal again, and a clean stop should exit with 0.
        _drain(self._app)
        # Streams of events would not end by themselves.
        self._app.state.parts.signals.close()
        self.should_exit = True


def _drain(app: FastAPI) -> None:
    app.state.is_draining = True

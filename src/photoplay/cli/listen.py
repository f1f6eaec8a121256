"""`photoplay listen`: callbacks on a laptop, over a connection that the laptop makes. No tunnel, no public address."""

import json
import re
import time
from collections import OrderedDict
from datetime import datetime
from typing import Annotated, Any, Final

import httpx2
import typer

from photoplay import clock
from photoplay.cli.remote import KeyOption, ServerOption, connect
from photoplay.client import Client, ClientError
from photoplay.client.events import ServerEvent
from photoplay.domain.errors import ConfigError

__all__ = ["listen"]

PATH: Final = "/api/v1/jobs/callbacks/events"
# As long as the server would wait for a receiver.
FORWARD_TIMEOUT_S: Final = 15.0
RECONNECT_S: Final = 1.0
# What happened shortly before a lost connection is told again; more than this many within that time is not expected.
REMEMBERED_MAX: Final = 10_000


def listen(
    forward: Annotated[
        str, typer.Option(metavar="URL", help="POST each one here, such as http://127.0.0.1:3000/api/callback.")
    ] = "",
    print_: Annotated[bool, typer.Option("--print", help="Print the body of each.")] = False,
    server: ServerOption = "",
    key: KeyOption = "",
) -> None:
    """Receive this account's callbacks here, signed as they would be, until Ctrl-C.

    Every task of the account is told of, with or without callBackUrl. A lost connection is made again, and what
    happened meanwhile is told then. What a forwarding brings is shown and not repeated.
    """
    if not forward and not print_:
        raise ConfigError("say what to do with them: --forward URL, --print, or both")
    if forward and not re.match(r"https?://[^/]", forward):
        raise typer.BadParameter(f"{forward} is not an http or https URL", param_hint="--forward")
    with connect(server, key) as client, httpx2.Client(timeout=FORWARD_TIMEOUT_S, trust_env=False) as laptop:
        _Listener(client, laptop, url=forward, is_printing=print_).run()


class _Listener:
    def __init__(self, client: Client, laptop: httpx2.Client, *, url: str, is_printing: bool) -> None:
        self._client, self._laptop, self._url, self._is_printing = client, laptop, url, is_printing
        self._began: int | None = None
        self._last_id: str | None = None
        self._heard: OrderedDict[str, None] = OrderedDict()
        self._is_away = False

    def run(self) -> None:
        """Raises: ClientError if the server refuses; one that is away is waited for."""
        while True:
            try:
                for event in self._client.events(PATH, last_id=self._last_id):
                    self._take(event)
                    self._last_id = event.id
                self._say_that_it_is_away("the server has ended the connection")
            except ClientError as exc:
                if exc.code is not None:
                    raise
                self._say_that_it_is_away(str(exc))
            time.sleep(RECONNECT_S)

    def _take(self, event: ServerEvent) -> None:
        if event.name == "open":
            typer.echo("Listening for the callbacks of this account. Ctrl-C ends it.", err=True)
            self._is_away = False
            self._began = int(event.id) if self._began is None else self._began
            return
        callback: dict[str, Any] = json.loads(event.data)
        if self._is_known(event, callback["id"]):
            return
        outcome = f" -> {self._forward(callback)}" if self._url else ""
        typer.echo(f"{_time_of_day()}  {event.name:<10} {callback['taskId']}{outcome}")
        if self._is_printing:
            typer.echo(json.dumps(json.loads(callback["body"]), indent=2, ensure_ascii=False))

    def _is_known(self, event: ServerEvent, id: str) -> bool:
        """Say whether this was heard before, or happened before: a connection made anew goes back a bit."""
        is_known = id in self._heard or int(event.id) < (self._began or 0)
        self._heard[id] = None
        if len(self._heard) > REMEMBERED_MAX:
            self._heard.popitem(last=False)
        return is_known

    def _say_that_it_is_away(self, why: str) -> None:
        if not self._is_away:
            typer.echo(f"{why}; trying again until it is back", err=True)
        self._is_away = True

    def _forward(self, callback: dict[str, Any]) -> str:
        """POST the same bytes with the same headers, and say what came back."""
        began = time.monotonic()
        try:
            answer = self._laptop.post(self._url, content=callback["body"].encode(), headers=callback["headers"])
            outcome = str(answer.status_code)
        except (httpx2.HTTPError, httpx2.InvalidURL) as exc:
            outcome = str(exc) or type(exc).__name__
        return f"{outcome} in {(time.monotonic() - began) * 1000:.0f} ms"


def _time_of_day() -> str:
    moment: datetime = clock.now().astimezone()
    return moment.strftime("%H:%M:%S")

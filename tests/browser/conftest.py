"""A real browser on a real server. Whatever a page does wrong on its way fails the test that was on it."""

import asyncio
import re
import shutil
from collections.abc import AsyncGenerator, Generator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, ConsoleMessage, Error, Page, Request, Route, async_playwright, expect

from crash.servers import Server, serving

CHROMIUM = shutil.which("chromium")
# Without the last ones it calls its maker at every start.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# Far more than a busy machine takes.
TIMEOUT_MS = 60_000


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if CHROMIUM is None:
        left_out = pytest.mark.skip(
            reason="the pages were not looked at: there is no chromium; apt-get install chromium"
        )
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(left_out)


@pytest.fixture(scope="session")
async def browser() -> AsyncGenerator[Browser]:
    expect.set_options(timeout=TIMEOUT_MS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        await browser.close()


@pytest.fixture(scope="module")
def server() -> Generator[Server]:
    """One server for the tests of a module; each makes its own tasks. Clips are made one at a time, by two cores."""
    with TemporaryDirectory(prefix="photoplay-") as folder, serving(Path(folder)) as server:
        yield server


@dataclass
class Watched:
    """What went wrong on a page."""

    url: str
    refused: set[str]
    """Paths that may answer with an error or not at all, which a browser notes as an error."""
    wrong: list[str] = field(default_factory=list[str])

    def hear(self, message: ConsoleMessage) -> None:
        """Violations of the page's policy come this way too."""
        is_refusal = message.text.startswith("Failed to load resource: ")
        if is_refusal and urlsplit(message.location["url"]).path in self.refused:
            return
        if message.type in {"error", "warning"}:
            self.wrong.append(f"console: {message.text} at {message.location}")

    def see(self, request: Request) -> None:
        here, there = urlsplit(self.url), urlsplit(request.url)
        if there.scheme not in {"blob", "data"} and there.netloc != here.netloc:
            self.wrong.append(f"another host: {request.url}")

    def raised(self, error: Error) -> None:
        self.wrong.append(f"uncaught: {error}")


@pytest.fixture
async def page(browser: Browser, server: Server, request: pytest.FixtureRequest) -> AsyncGenerator[Page]:
    """A page of a browser that nobody has signed in with.

    `@pytest.mark.look(color_scheme="dark")` says how it is looked at, `@pytest.mark.refused("/api/…")` what it may be
    refused.
    """
    look, refused = (request.node.get_closest_marker(name) for name in ("look", "refused"))
    paths: tuple[str, ...] = refused.args if refused else ()
    looked_at: dict[str, Any] = look.kwargs if look else {}
    async with watched_page(browser, server.url, refused=paths, **looked_at) as page:
        yield page


@asynccontextmanager
async def watched_page(browser: Browser, url: str, *, refused: Iterable[str] = (), **look: Any) -> AsyncGenerator[Page]:
    context = await browser.new_context(base_url=url, **look)
    context.set_default_timeout(TIMEOUT_MS)
    page = await context.new_page()
    watched = Watched(url, set(refused))
    page.on("console", watched.hear)
    page.on("pageerror", watched.raised)
    page.on("request", watched.see)
    try:
        yield page
    finally:
        await context.close()
    assert watched.wrong == []


@pytest.fixture
async def signed_in(page: Page, server: Server) -> Page:
    """The same page, its browser signed in with the first key."""
    return await sign_in(page, server.key)


async def sign_in(page: Page, key: str) -> Page:
    """Sign the page's browser in, as its own form does."""
    await page.goto("/sign-in")
    await page.get_by_label("Key").fill(key)
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url(lambda url: not url.endswith("/sign-in"))
    return page


class Held:
    """Requests that are answered by the server when they are let go."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self._free = asyncio.Event()

    async def hold(self, route: Route) -> None:
        self.asked.set()
        await self._free.wait()
        await route.continue_()

    def let_go(self) -> None:
        self._free.set()


async def stumble(route: Route) -> None:
    await route.fulfill(status=500, json={"code": 500, "message": "The lamp flickers", "data": None})


async def stumble_once(page: Page, path: re.Pattern[str]) -> Held:
    """Let the next request fail; those after it are held, so that what the page says of the failure stays."""
    held = Held()
    await page.route(path, held.hold)
    await page.route(path, stumble, times=1)
    return held

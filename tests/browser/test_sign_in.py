"""The way in and out, in a browser."""

import os
import re
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from browser.conftest import watched_page
from crash.servers import Server, environment, wait_for

LINK = re.compile(r"http://[^\s#]+/sign-in#([\w-]+)")


@pytest.mark.refused("/api/v1/session")
async def test_a_key_signs_in_and_out(page: Page, server: Server) -> None:
    await page.goto("/")
    await page.get_by_role("link", name="Sign in").click()
    await page.get_by_label("Key").fill("pp_live_mistyped")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("alert")).to_contain_text("not a Photoplay key")
    await page.get_by_label("Key").fill(server.key)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.locator("#who")).to_contain_text("default1,000 credits")
    await page.wait_for_url(f"{server.url}/?model=*")
    await page.reload()
    await page.get_by_role("button", name="Sign out").click()

    await expect(page.get_by_role("link", name="Sign in")).to_be_visible()
    assert await page.context.cookies() == []


@contextmanager
def served_in_a_terminal(folder: Path) -> Generator[tuple[str, Path]]:
    """Run a server whose output is a terminal; what it showed there, and its log."""
    terminal, inside = os.openpty()
    log_path = folder / "server.log"
    with log_path.open("wb") as log:
        words = [sys.executable, "-m", "photoplay", "serve", "--port", "0"]
        process = subprocess.Popen(words, env=environment(folder / "data"), stdout=inside, stderr=log)
    shown = ""

    def read() -> bool:
        nonlocal shown
        shown += os.read(terminal, 4096).decode()
        return "Ctrl-C stops the server." in shown

    try:
        wait_for(read, within_s=60, what="the banner")
        yield shown, log_path
    finally:
        process.terminate()
        process.wait(40)
        os.close(terminal)
        os.close(inside)


async def test_the_link_in_the_terminal_signs_the_operator_in_once_and_is_in_no_log(
    browser: Browser, tmp_path: Path
) -> None:
    with served_in_a_terminal(tmp_path) as (shown, log_path):
        link = LINK.search(shown)
        assert link is not None, shown
        async with watched_page(browser, link[0].partition("/sign-in")[0]) as page:
            await page.goto(link[0])
            await expect(page.locator("#who")).to_contain_text("default1,000 credits")
            assert link[1] not in page.url
        async with watched_page(browser, link[0], refused=["/api/v1/session"]) as page:
            await page.goto(link[0])
            await expect(page.get_by_role("alert")).to_contain_text("this link was used already")
            await expect(page.get_by_label("Key")).to_be_visible()

        assert link[1] not in log_path.read_text()

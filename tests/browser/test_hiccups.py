"""What the pages do when the server stumbles, an answer is lost, or a session is over."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from playwright.async_api import Page, Route, expect

from browser.conftest import sign_in, stumble, stumble_once
from crash.servers import PHOTO, Server
from photoplay.domain.keys import Kind

CREATE = "/api/v1/jobs/createTask"
EVENTS = "/api/v1/jobs/events"
JOBS = "/api/v1/jobs"
OVERVIEW = "/api/v1/admin/overview"
RECORD = "/api/v1/jobs/recordInfo"
SESSION = "/api/v1/session"
UPLOAD = "/api/file-stream-upload"


async def lose_answer(route: Route) -> None:
    """The server does what it was asked, and nobody hears of it."""
    await route.fetch()
    await route.abort()


def pattern(path: str) -> re.Pattern[str]:
    return re.compile(rf"{path}(\?.*)?$")


async def once(page: Page, path: str, answer: Callable[[Route], Awaitable[None]]) -> None:
    await page.route(pattern(path), answer, times=1)


async def open_sandbox(page: Page, server: Server, *, is_long: bool = False) -> str:
    """Sign in with a new key of play credits, fill the form in, and return the key. `is_long`: until cancelled."""
    key = await asyncio.to_thread(server.make_key, kind=Kind.TEST, granted=10)
    await sign_in(page, key)
    await page.goto("/?model=sandbox/image-to-video")
    await page.get_by_label("Prompt").fill("pan left")
    if is_long:
        await page.locator("[data-field=seconds] input[type=number]").fill("600")
    return key


async def run(page: Page) -> None:
    await page.get_by_role("button", name="Run", exact=True).click()


async def cancel(page: Page) -> None:
    """Cancel the task that the page follows, and see it told."""
    result = page.get_by_role("region", name="Result")
    await result.get_by_role("button", name="Cancel").click()
    await expect(result.get_by_role("alert")).to_contain_text("ancel")


async def run_and_lose_answer(page: Page) -> None:
    """Run, and hear nothing of it; the page says so."""
    await once(page, CREATE, lose_answer)
    await run(page)
    await expect(page.get_by_role("alert").filter(has_text="cannot be reached")).to_be_visible()


async def sign_in_again(page: Page, key: str) -> None:
    dialog = page.get_by_role("dialog", name="Sign in")
    await dialog.get_by_label("Key").fill(key)
    await dialog.get_by_role("button", name="Sign in").click()


def tasks_of(server: Server, key: str) -> list[dict[str, Any]]:
    key_id = server.get(SESSION, key=key)["data"]["keyId"]
    return server.get(JOBS, key=key, params={"key": key_id})["data"]["tasks"]


@pytest.mark.refused(RECORD)
async def test_a_created_task_is_found_again_when_its_first_record_cannot_be_read(page: Page, server: Server) -> None:
    key = await open_sandbox(page, server, is_long=True)
    held = await stumble_once(page, pattern(RECORD))
    await run(page)
    await expect(page.get_by_role("alert").filter(has_text="The lamp flickers")).to_be_visible()
    held.let_go()
    await expect(page).to_have_url(re.compile(r"task=[0-9a-f]{32}"))
    await expect(page.get_by_role("button", name="Running…")).to_be_disabled()
    await expect(page.get_by_text("The lamp flickers")).to_have_count(0)
    await cancel(page)
    assert len(tasks_of(server, key)) == 1


@pytest.mark.refused(CREATE)
async def test_a_create_whose_answer_was_lost_is_repeated_as_the_same_task(page: Page, server: Server) -> None:
    key = await open_sandbox(page, server)
    await run_and_lose_answer(page)
    await run(page)
    await expect(page.get_by_label("The clip")).to_be_visible()
    assert len(tasks_of(server, key)) == 1

    await page.locator("[data-field=text] input").fill("another one")
    await run_and_lose_answer(page)
    await page.locator("[data-field=text] input").fill("and another")
    await run(page)
    await expect(page.get_by_label("The clip")).to_be_visible()
    assert len(tasks_of(server, key)) == 3
    # What was answered is done with: the same form again is a new clip.
    async with page.expect_response(re.compile(CREATE)):
        await run(page)
    assert len(tasks_of(server, key)) == 4


@pytest.mark.refused(CREATE, UPLOAD)
async def test_who_is_signed_out_meanwhile_signs_in_again_and_loses_nothing(page: Page, server: Server) -> None:
    key = await open_sandbox(page, server)
    await page.context.clear_cookies()
    await run(page)
    await expect(page.locator("#who").get_by_text("Sign in")).to_be_attached()
    await sign_in_again(page, key)
    await expect(page.get_by_label("The clip")).to_be_visible()
    await expect(page.get_by_label("Prompt")).to_have_value("pan left")
    await expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    await page.goto("/")
    await expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    await page.context.clear_cookies()
    await page.locator("[data-field=image_url] input[type=file]").set_input_files(PHOTO)
    await sign_in_again(page, key)

    await expect(page.get_by_alt_text("What was chosen")).to_be_visible()


@pytest.mark.refused(EVENTS, RECORD)
async def test_who_does_not_sign_in_again_is_not_kept_waiting_and_may_follow_the_task_later(
    page: Page, server: Server
) -> None:
    key = await open_sandbox(page, server, is_long=True)

    async def forget(route: Route) -> None:
        await page.context.clear_cookies()
        await stumble(route)

    await once(page, EVENTS, forget)
    await run(page)
    await page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    await expect(page.get_by_role("button", name="Run", exact=True)).to_be_enabled()
    await page.get_by_role("button", name="Follow the task again").click()
    await sign_in_again(page, key)

    await cancel(page)


@pytest.mark.refused(JOBS)
async def test_a_page_that_stays_open_notices_that_its_session_is_over(page: Page, server: Server) -> None:
    await sign_in(page, server.key)
    await page.goto("/history")
    await expect(page.get_by_text("No tasks yet")).to_be_visible()
    await page.context.clear_cookies()

    await expect(page.get_by_text("Sign in to see it.")).to_be_visible()
    await expect(page.locator("#who").get_by_role("link", name="Sign in")).to_be_visible()


@pytest.mark.refused(EVENTS, RECORD)
async def test_a_task_is_followed_on_after_its_events_and_its_record_could_not_be_read(
    page: Page, server: Server
) -> None:
    await open_sandbox(page, server, is_long=True)

    async def stumble_twice(route: Route) -> None:
        await once(page, RECORD, stumble)
        await stumble(route)

    await once(page, EVENTS, stumble_twice)
    async with page.expect_response(lambda answer: RECORD in answer.url and answer.status == 500):
        await run(page)

    await cancel(page)


@pytest.mark.refused(SESSION, OVERVIEW)
async def test_a_page_goes_on_by_itself_after_the_server_stumbled(page: Page, server: Server) -> None:
    await sign_in(page, (server.data_dir / "admin-key").read_text().strip())
    await once(page, SESSION, stumble)
    held = await stumble_once(page, pattern(OVERVIEW))
    await page.goto("/admin")
    await expect(page.get_by_role("alert")).to_have_text("The lamp flickers")
    held.let_go()
    await expect(page.locator(".tile", has_text="Running")).to_contain_text("0 jobs")

    await expect(page.get_by_role("alert")).to_have_count(0)

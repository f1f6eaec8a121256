"""The history, a task's page, the account and the operator's view, in a browser."""

import asyncio
import re
from collections.abc import Generator
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
import pytest
from playwright.async_api import Page, expect

from browser.axe import serious_issues
from browser.conftest import Held, sign_in, stumble_once
from crash.servers import PHOTO, Server, free_port, serving

TASKS = 10_000
# A page of the history holds 25.
ROWS = 25
FILL = """
insert into photoplay.tasks (
    id, account_id, key_id, model, engine, priority, reference, request, input, size, attempts_max,
    price_credits, balance_credits, seed, state, fail_code, fail_message, created_at, finished_at
)
select gen_random_uuid(), accounts.id, keys.id, 'bytedance/v1-pro-fast-image-to-video', 'camera', 0, 'order ' || n,
    '{"model":"bytedance/v1-pro-fast-image-to-video","input":{"prompt":"task number ' || n || '"}}', '{}', '720p 5 s',
    3, 16, 1000, 1, 'failed', '422', 'no picture', now() - n * interval '1 minute', now() - n * interval '1 minute'
from photoplay.accounts join photoplay.keys on keys.account_id = accounts.id and keys.name = 'first',
    generate_series(1, $1::int) as n
"""
WITH_CURSOR = re.compile(r"/api/v1/jobs\?.*cursor=\w")
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "color_scheme": "dark"}
UNHEARD = f"http://127.0.0.1:{free_port()}/hook"


@pytest.fixture
def server() -> Generator[Server]:
    """A server for this test alone, whose callbacks go to a port where nobody listens, once."""
    settings = {"PHOTOPLAY_EGRESS_ALLOW": UNHEARD.split("/")[2], "PHOTOPLAY_CALLBACK_SCHEDULE_S": "0"}
    with TemporaryDirectory(prefix="photoplay-") as folder, serving(Path(folder), **settings) as server:
        yield server


async def fill(server: Server) -> None:
    connection = await asyncpg.connect(server.database_url)
    try:
        await connection.execute(FILL, TASKS)
        await connection.execute("analyze photoplay.tasks")
    finally:
        await connection.close()


def make_clip(server: Server) -> str:
    task_id = server.create(server.upload(PHOTO), callback_url=UNHEARD)
    server.wait_for_state(task_id, "success", within_s=200)
    return task_id


def admin_key(server: Server) -> str:
    return (server.data_dir / "admin-key").read_text().strip()


# One who clicks as fast as this asks more often than a key may; the page asks again.
@pytest.mark.refused(*(f"/api/v1/jobs{path}" for path in ("", "/recordInfo", "/timeline", "/entries", "/callbacks")))
async def test_the_history_of_ten_thousand_tasks_leads_to_one_whose_callback_is_sent_again(
    page: Page, server: Server
) -> None:
    await fill(server)
    await asyncio.to_thread(make_clip, server)
    await sign_in(page, server.key)
    await page.get_by_role("link", name="History").click()
    rows = page.locator("tbody tr")
    await expect(rows).to_have_count(ROWS)
    await expect(rows.first.locator("img")).to_have_js_property("complete", value=True)
    assert await serious_issues(page) == []
    for number in range(3):
        await page.get_by_role("button", name="Older").click()
        await expect(rows.first).to_contain_text(f"task number {(number + 1) * ROWS}")
    await expect(rows).to_have_count(ROWS)
    await page.get_by_role("button", name="Newer").click()
    await expect(rows.first).to_contain_text(f"task number {2 * ROWS}")
    await page.get_by_label("Reference").fill("order 9999")
    await page.get_by_label("Reference").press("Enter")
    await expect(rows).to_have_count(1)
    assert "clientReference=order+9999" in page.url
    await page.get_by_label("Reference").fill("")
    await page.get_by_label("Reference").press("Enter")
    await expect(rows).to_have_count(ROWS)
    await page.get_by_label("State").select_option("Done")
    await expect(rows).to_have_count(1)

    await page.get_by_role("link", name="slow push in").click()
    await expect(page.locator("video")).to_be_visible()
    await expect(page.locator(".timeline")).to_contain_text("Accepted")
    await expect(page.locator(".timeline .succeeded")).to_have_count(1)
    attempts = page.get_by_label("Attempts").locator("li")
    await expect(attempts).to_have_count(1)
    assert await serious_issues(page) == []
    await page.get_by_role("button", name="Resend").click()
    await expect(attempts).to_have_count(2)


@pytest.mark.refused("/api/v1/jobs")
async def test_a_page_of_the_history_shows_its_own_rows_or_none(page: Page, server: Server) -> None:
    """Older is clicked twice while it loads; the page after that cannot be loaded at first."""
    await fill(server)
    await sign_in(page, server.key)
    await page.goto("/history")
    rows, older = page.locator("tbody tr"), page.get_by_role("button", name="Older")
    await expect(rows).to_have_count(ROWS)
    held = Held()
    await page.route(WITH_CURSOR, held.hold)
    await older.dblclick()
    await held.asked.wait()
    await expect(rows).to_have_count(0)
    held.let_go()
    await expect(rows.first).to_contain_text(f"task number {ROWS + 1}")
    await expect(page.get_by_text("Page 2")).to_be_visible()
    await page.unroute(WITH_CURSOR)
    held = await stumble_once(page, WITH_CURSOR)
    await older.click()
    await expect(page.get_by_role("alert")).to_have_text("The lamp flickers")
    await expect(rows).to_have_count(0)
    held.let_go()

    await expect(rows.first).to_contain_text(f"task number {2 * ROWS + 1}")
    await expect(page.get_by_role("alert")).to_have_count(0)


async def test_a_key_is_made_shown_once_limited_and_revoked(page: Page, server: Server) -> None:
    page.on("dialog", lambda dialog: dialog.accept())
    await sign_in(page, server.key)
    await page.goto("/account")
    await page.get_by_role("button", name="New key").click()
    await page.get_by_label("Name").fill("my-shop")
    await page.get_by_label("Credits a day").fill("100")
    await page.get_by_role("button", name="Create key").click()
    key = await page.locator(".once code").inner_text()
    made = await asyncio.to_thread(server.get, "/api/v1/account", key=key)
    assert made["code"] == 200
    row = page.locator("tr", has_text="my-shop")
    await expect(row).to_contain_text("of 100 credits")
    await row.get_by_role("button", name="Limit").click()
    await row.get_by_label("Credits a day").fill("7")
    await row.get_by_role("button", name="Save").click()
    await expect(row).to_contain_text("of 7 credits")
    assert await serious_issues(page) == []
    await row.get_by_role("button", name="Revoke").click()
    await expect(row).to_contain_text("revoked")
    refused = await asyncio.to_thread(server.get, "/api/v1/account", key=key)
    await page.reload()

    assert refused["code"] == 401
    await expect(page.locator(".plot")).to_be_visible()
    assert key not in await page.content()


@pytest.mark.look(**PHONE)
async def test_the_operator_pauses_and_resumes_on_a_phone_in_the_dark(page: Page, server: Server) -> None:
    await sign_in(page, server.key)
    await page.goto("/admin")
    await expect(page.get_by_text("This page is for an operator.")).to_be_visible()
    await page.get_by_role("button", name="Sign out").click()
    await sign_in(page, admin_key(server))
    await page.goto("/admin")
    await page.get_by_role("button", name="Pause").click()
    await expect(page.get_by_text("none is started")).to_be_visible()
    task_id = await asyncio.to_thread(lambda: server.create(server.upload(PHOTO)))
    await expect(page.locator(".tile", has_text="Waiting")).to_contain_text("1 task")
    assert await serious_issues(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await page.get_by_role("button", name="Resume").click()
    await expect(page.get_by_text("accepted and started")).to_be_visible()

    await asyncio.to_thread(server.wait_for_state, task_id, "generating", "success")
    for path in ("/history", f"/tasks/{task_id}", "/account"):
        await page.goto(path)
        await expect(page.get_by_text("Loading…")).to_have_count(0)
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path

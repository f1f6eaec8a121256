"""Forms whose model, values and files change while something is under way."""

import json
import re
from collections.abc import Generator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from playwright.async_api import Page, Request, expect

from browser.conftest import Held, stumble_once
from crash.servers import PHOTO, Server, serving

EVERY_KIND = Path(__file__).parent / "every_kind.toml"
EXAMPLE = {
    "model": "studio/everything",
    "input": {"image_url": "https://example.com/a.jpg", "prompt": "pan left", "styles": ["calm", "warm"]},
}
SLOW = "bytedance/v1-lite-image-to-video"
CAMERA = "photoplay/camera-image-to-video"
UPLOAD = re.compile("/api/file-stream-upload")
# Two frames: what an answer or an event changes is shown by then.
SETTLE = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


@pytest.fixture(scope="module")
def server() -> Generator[Server]:
    with TemporaryDirectory(prefix="photoplay-") as folder:
        card = Path(folder) / "cards" / "studio" / "everything"
        card.mkdir(parents=True)
        (card / "card.toml").write_text(EVERY_KIND.read_text())
        (card / "example.json").write_text(json.dumps(EXAMPLE))
        with serving(Path(folder), PHOTOPLAY_CARDS_DIR=str(Path(folder) / "cards")) as server:
            yield server


async def choose(page: Page, model: str) -> None:
    await page.get_by_role("button", name="Choose another model").click()
    await page.get_by_role("dialog").get_by_text(model).click()


async def write_json(page: Page, model: str, **values: object) -> None:
    await page.get_by_role("tab", name="JSON").click()
    text = json.dumps({"model": model, "input": values})
    await page.get_by_label("What is posted to createTask").fill(text)
    await page.get_by_role("tab", name="Form").click()


async def test_the_form_is_of_the_model_that_was_chosen_last(page: Page) -> None:
    held = Held()
    await page.route(re.compile(f"{SLOW}/schema"), held.hold)
    await page.goto("/")
    await expect(page.get_by_label("Prompt")).to_be_visible()
    await choose(page, SLOW)
    await held.asked.wait()
    await choose(page, CAMERA)
    await page.get_by_label("Move").select_option("orbit_left")
    held.let_go()
    await page.wait_for_load_state("networkidle")
    await page.evaluate(SETTLE)

    await expect(page.get_by_label("Move")).to_have_value("orbit_left")


async def test_another_model_is_given_what_it_can_use(page: Page) -> None:
    await page.goto("/")
    await page.get_by_label("Prompt").fill("pan left")
    await page.get_by_label("10s").check(force=True)
    await choose(page, CAMERA)

    await expect(page.get_by_label("Move")).to_be_visible()
    await expect(page.get_by_label("Prompt")).to_have_value("pan left")


@pytest.mark.refused(f"/api/v1/models/{CAMERA}/schema")
async def test_a_form_that_could_not_be_loaded_comes_by_itself(page: Page) -> None:
    await page.goto("/")
    await expect(page.get_by_label("Prompt")).to_be_visible()
    held = await stumble_once(page, re.compile(f"{CAMERA}/schema"))
    await choose(page, CAMERA)
    await expect(page.get_by_text("The lamp flickers")).to_be_visible()
    held.let_go()
    await expect(page.get_by_label("Move")).to_be_visible()

    await expect(page.get_by_text("The lamp flickers")).to_have_count(0)


async def test_what_is_no_list_and_no_link_is_said_to_be_wrong_in_the_form(page: Page) -> None:
    await page.goto("/?model=studio/everything")
    await write_json(page, "studio/everything", styles="abc", boxes=5, shots=[None], image_url=7, more_urls=[8])
    styles = page.get_by_label("Styles")
    await expect(styles).to_have_value("abc")
    await styles.fill("abc\nd")

    await page.get_by_role("tab", name="JSON").click()
    written = json.loads(await page.get_by_label("What is posted to createTask").input_value())
    assert written["input"]["styles"] == ["abc", "d"]


async def test_lists_show_the_lines_that_are_sent(page: Page) -> None:
    await page.goto("/?model=studio/everything")
    styles = page.get_by_label("Styles")
    await styles.press_sequentially("mine \n")
    await expect(styles).to_have_value("mine \n")
    await page.get_by_role("button", name="Fill in the example").first.click()
    await page.get_by_role("dialog").get_by_role("button", name="Cancel").click()

    await expect(styles).to_have_value("calm\nwarm")


async def test_a_seed_of_zero_can_be_made_random_again(page: Page) -> None:
    await page.goto("/?model=studio/everything")
    seed = page.locator("[data-field=seed]")
    await seed.locator("input").fill("0")
    await seed.get_by_role("button", name="Random").click()

    await expect(seed.locator("input")).to_have_value("")
    await expect(seed.get_by_role("button", name="Random")).to_be_disabled()


async def test_no_file_is_lost_while_another_is_sent(signed_in: Page) -> None:
    page, held = signed_in, Held()
    sent: list[Request] = []
    page.on("request", lambda request: sent.append(request) if UPLOAD.search(request.url) else None)
    await page.goto("/?model=studio/everything")
    await expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    place = page.locator("[data-field=more_urls]")
    files = place.locator("input[type=file]")
    await files.set_input_files(PHOTO)
    await expect(place.get_by_alt_text("What was chosen")).to_have_count(1)
    await page.route(UPLOAD, held.hold)
    # The first is replaced, a second one comes beside it, and a third is refused in words.
    await files.first.set_input_files(PHOTO)
    await files.last.set_input_files(PHOTO)
    await expect(place.get_by_text("Sending coffee.jpg")).to_have_count(2)
    await files.last.set_input_files(PHOTO)
    await expect(place.get_by_text("coffee.jpg was not taken: another file is on its way")).to_be_visible()
    held.let_go()
    await expect(place.get_by_alt_text("What was chosen")).to_have_count(2)
    await page.get_by_role("tab", name="JSON").click()
    links = json.loads(await page.get_by_label("What is posted to createTask").input_value())["input"]["more_urls"]

    assert len(set(links)) == 2
    assert len(sent) == 3

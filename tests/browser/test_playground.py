"""The page where a clip is made, used as a person does."""

import asyncio
import json
import re
from collections.abc import Generator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from playwright.async_api import Page, Request, expect

from browser.axe import serious_issues
from browser.conftest import sign_in
from crash.servers import MODEL, PHOTO, Server, serving, wait_for
from photoplay.domain.keys import Kind
from photoplay.files.cards import load_cards
from photoplay.web import samples

EVERY_KIND = Path(__file__).parent / "every_kind.toml"
# From before the page's first paint, where it is an init script.
COUNT_SHIFTS = """
    window.shifted = 0;
    new PerformanceObserver((list) => list.getEntries().forEach((entry) => { window.shifted += entry.value; }))
        .observe({ type: "layout-shift", buffered: false });
"""
HOSTILE = "</script><img src=x onerror=alert(1)>"
FIRST_PAINT_BYTES_MAX = 100_000
# A phone in the dark.
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "color_scheme": "dark"}


@pytest.fixture(scope="module")
def server() -> Generator[Server]:
    with TemporaryDirectory(prefix="photoplay-") as folder:
        cards = Path(folder) / "cards"
        cards.mkdir()
        settings = {"PHOTOPLAY_JOBS_MAX": "1", "PHOTOPLAY_CREATE_RATE": "off", "PHOTOPLAY_CARDS_DIR": str(cards)}
        with serving(Path(folder), **settings) as server:
            yield server


async def use_sample_photo(page: Page) -> None:
    await page.get_by_role("button", name="Use the sample photo").first.click()
    await expect(page.get_by_alt_text("What was chosen").first).to_be_visible()


async def run(page: Page) -> None:
    await page.get_by_role("button", name="Run", exact=True).click()


async def has_decoded(page: Page) -> bool:
    """Whether the clip moved on: a real browser read a real file."""
    script = """async () => {
        const video = document.querySelector("video");
        await video.play();
        while (!(video.currentTime > 0.2 && video.videoWidth > 0)) await new Promise(requestAnimationFrame);
        return video.duration;
    }"""
    return abs(float(await page.evaluate(script)) - 5) < 0.1


async def test_from_opening_the_page_to_a_playing_clip(page: Page, server: Server) -> None:
    key = await asyncio.to_thread(server.make_key, kind=Kind.LIVE, granted=1000)
    await page.goto("/")
    await page.get_by_label("Prompt").fill(f"slow push in, steam {HOSTILE}")
    await run(page)
    await expect(page.locator("[data-field=image_url] .problem").last).to_have_text("This is needed")
    assert await serious_issues(page) == []
    # The photo is the first thing that needs a key.
    await page.get_by_role("button", name="Use the sample photo").click()
    await page.get_by_role("dialog").get_by_label("Key").fill(key)
    await page.get_by_role("dialog").get_by_role("button", name="Sign in").click()
    await expect(page.get_by_alt_text("What was chosen")).to_be_visible()
    await expect(page.locator(".price strong")).to_have_text("16 credits")
    await page.get_by_label("10s").check(force=True)
    await expect(page.locator(".price strong")).to_have_text("36 credits")
    await page.get_by_label("5s", exact=True).check(force=True)
    await expect(page.locator(".price strong")).to_have_text("16 credits")
    await page.evaluate(COUNT_SHIFTS)
    await run(page)
    await expect(page.get_by_label("The clip")).to_be_visible()

    result = page.get_by_role("region", name="Result")
    assert await has_decoded(page)
    await expect(result).to_contain_text(re.compile(r"Slow push in: as the prompt says\s*Steam"))
    await expect(result).to_contain_text("Enginecamera")
    await expect(result).to_contain_text("Cost16 credits")
    await expect(page.locator("#who")).to_contain_text("984 credits")
    await expect(page.get_by_alt_text("Middle frame")).to_be_visible()
    await expect(page.get_by_alt_text("Last frame")).to_be_visible()
    assert await page.evaluate("window.shifted") < 0.01, "what comes pushes nothing aside"
    assert await serious_issues(page) == []
    await page.get_by_role("tab", name="API").click()
    assert HOSTILE in await page.locator(".snippet").inner_text()
    async with page.expect_download() as download:
        await result.get_by_role("link", name="Download").click()
    assert (await (await download.value).path()).read_bytes()[4:8] == b"ftyp"
    # The address shows the same again.
    await page.reload()
    await expect(page.get_by_label("The clip")).to_be_visible()
    await expect(page.get_by_label("Prompt")).to_have_value(f"slow push in, steam {HOSTILE}")
    await page.get_by_role("button", name="Go on from here").click()
    await expect(page.locator("[data-field=image_url] img")).to_have_attribute("src", re.compile(r"last_frame\.png$"))


async def test_a_wrong_file_is_refused_before_it_is_sent(signed_in: Page, tmp_path: Path) -> None:
    page = signed_in
    sent: list[Request] = []
    page.on("request", lambda request: sent.append(request) if "file-stream-upload" in request.url else None)
    wrong = {
        "notes.jpg": (b"only a text", "notes.jpg is not JPEG, PNG or WEBP"),
        "large.jpg": (PHOTO.read_bytes() + bytes(11 * 1024 * 1024), "large.jpg has 11 MB, the limit is 10 MB"),
        "half.jpg": (PHOTO.read_bytes()[:300], "half.jpg cannot be read: it is damaged, or not whole"),
    }
    for name, (content, problem) in wrong.items():
        (tmp_path / name).write_bytes(content)
        await page.locator("[data-field=image_url] input[type=file]").set_input_files(tmp_path / name)
        await expect(page.get_by_text(problem)).to_be_visible()
    assert sent == []
    # And what is right may be dropped and pasted too.
    script = """async ([kind, path]) => {
        const data = new DataTransfer();
        data.items.add(new File([await (await fetch(path)).blob()], "coffee.jpg", { type: "image/jpeg" }));
        const event = kind === "drop" ? new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true })
            : new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true });
        (kind === "drop" ? document.querySelector(".drop") : document.body).dispatchEvent(event);
    }"""
    for kind in ("drop", "paste"):
        await page.evaluate(script, [kind, "/assets/x/samples/coffee.jpg"])
        await expect(page.get_by_alt_text("What was chosen")).to_be_visible()
        await page.get_by_role("button", name="Remove").click()

    assert len(sent) == 2


async def test_a_card_that_is_dropped_in_a_folder_is_a_form_with_all_kinds_and_rules(
    signed_in: Page, server: Server
) -> None:
    page = signed_in
    folder = Path(server.settings["PHOTOPLAY_CARDS_DIR"]) / "studio" / "everything"
    folder.mkdir(parents=True)
    example = {"model": "studio/everything", "input": {"image_url": "https://example.com/a.jpg", "prompt": "pan left"}}
    (folder / "card.toml").write_text(EVERY_KIND.read_text())
    (folder / "example.json").write_text(json.dumps(example))
    wait_for(lambda: server.get("/api/v1/models/studio/everything/schema")["data"], within_s=60, what="the new card")
    await page.goto("/?model=studio/everything")
    price = page.locator(".price strong")
    await expect(price).to_have_text("6 credits")
    for name, value in {"prompt": "pan", "styles": "a\nb", "boxes": "1, 2, 30, 40\n5 6 7 8", "seed": "7"}.items():
        await page.locator(f"[data-field={name}]").locator("input, textarea").fill(value)
    await page.get_by_role("button", name="Add one").click()
    await page.get_by_label("Words").fill("it rains")
    for name, said in {
        "title": "a prompt or a title, not both",
        "more_urls": "pictures or boxes, not both",
    }.items():
        await expect(page.locator(f"[data-field={name}]")).to_contain_text(said)
        await expect(page.locator(f"[data-field={name}] input").first).to_be_disabled()
    await page.get_by_role("switch", name="Sharp").check()
    await expect(page.locator("[data-field=before] .problem")).to_have_text("what is sharp goes on from a task")
    await page.get_by_label("Before").fill("0" * 32)
    await page.locator("[data-field=size]").get_by_label("1080").check(force=True)
    await expect(page.locator("[data-field=count]")).to_contain_text("at most 4 in 1080")
    await page.locator("[data-field=count] input[type=number]").fill("6")
    await expect(page.locator("[data-field=count] .problem")).to_have_text("at most 4 in 1080")
    await page.locator("[data-field=count] input[type=number]").fill("4")
    await expect(price).to_have_text("12 credits")
    await page.locator("[data-field=duration]").get_by_label("10s").check(force=True)
    await expect(page.locator("[data-field=size] .problem")).to_have_text("10 seconds are for 480 and 720")
    await page.locator("[data-field=size]").get_by_label("480").check(force=True)
    await expect(price).to_have_text("28 credits")
    assert await serious_issues(page) == []
    await use_sample_photo(page)
    await page.get_by_role("tab", name="JSON").click()
    written = json.loads(await page.get_by_label("What is posted to createTask").input_value())["input"]
    assert str(written.pop("image_url")).startswith(f"{server.url}/files/")
    assert written == {
        "prompt": "pan",
        "styles": ["a", "b"],
        "boxes": [[1, 2, 30, 40], [5, 6, 7, 8]],
        "seed": 7,
        "shots": [{"words": "it rains"}],
        "sharp": True,
        "before": "0" * 32,
        "size": 480,
        "count": 4,
        "duration": "10",
    }
    await run(page)
    await expect(page.get_by_label("The clip")).to_be_visible()
    await page.get_by_role("link", name="Documentation").click()
    await expect(page.get_by_role("heading", name="Everything at once")).to_be_visible()
    await expect(page.locator("main")).to_contain_text("10 seconds are for 480 and 720")
    assert await serious_issues(page) == []


async def test_form_json_and_api_are_one_request(signed_in: Page) -> None:
    page = signed_in
    await page.get_by_label("Prompt").fill("pan left")
    await page.get_by_role("tab", name="JSON").click()
    editor = page.get_by_label("What is posted to createTask")
    assert json.loads(await editor.input_value()) == {"model": MODEL, "input": {"prompt": "pan left"}}
    await editor.fill('{"model": "photoplay/camera-image-to-video", "input": {"move": "orbit_left", "loop": true,')
    await expect(page.get_by_text("This is not JSON yet")).to_be_visible()
    await editor.fill('{"model": "nobody/nothing", "input": {}}')
    await expect(page.get_by_text("This server has no such model")).to_be_visible()
    await editor.fill(
        '{"model": "photoplay/camera-image-to-video", "maxCredits": 5,'
        ' "input": {"move": "orbit_left", "loop": true, "duration": "15"}}'
    )
    await page.get_by_role("tab", name="Form").click()
    await expect(page.get_by_label("Move")).to_have_value("orbit_left")
    # A rule bites before anybody breaks it.
    last = page.locator("[data-field=end_image_url]")
    await expect(last).to_contain_text("not together with loop, which ends where it begins")
    await expect(last.get_by_role("button", name="Choose a file")).to_be_disabled()
    await page.get_by_role("switch", name="Loop").uncheck()
    await expect(last.get_by_role("button", name="Choose a file")).to_be_enabled()
    await expect(page.locator(".price strong")).to_have_text("6 credits")
    await page.get_by_role("tab", name="API").press("Enter")
    await page.get_by_role("button", name="Python").click()
    code = await page.locator(".snippet").inner_text()

    assert '"maxCredits": 5' in code
    assert '"loop": False' in code
    compile(code, "snippet", "exec")


@pytest.mark.parametrize("language", ["curl", "javascript", "python"])
async def test_requests_are_written_as_the_pages_of_the_models_write_them(
    page: Page, server: Server, language: str
) -> None:
    await page.goto("/")
    names = {"curl": "cURL", "javascript": "JavaScript", "python": "Python"}
    requests = [card.example for card in load_cards().values()]
    requests.append({"model": "a/b", "input": {"prompt": 'it\'s "so"\n\\ ü€', "list": [[1, 2.5], True, None]}})
    script = """async ([language, requests]) => {
        const { LANGUAGES } = await import("/assets/x/playground/requests.js");
        return requests.map(LANGUAGES[language]);
    }"""

    written = await page.evaluate(script, [names[language], requests])

    assert written == [getattr(samples, language)(request, base_url=server.url) for request in requests]


async def test_a_task_that_fails_says_why_and_costs_nothing(page: Page, server: Server) -> None:
    await sign_in(page, await asyncio.to_thread(server.make_key, kind=Kind.TEST, granted=10))
    await page.goto("/?model=sandbox/image-to-video")
    await page.get_by_label("Outcome").select_option("fail")
    await page.locator("[data-field=text] input").fill(f"The lamp is out {HOSTILE}")
    before = await page.locator(".account-credits").inner_text()
    await run(page)

    await expect(page.get_by_role("alert").filter(has_text="This failed (")).to_contain_text(
        f"The lamp is out {HOSTILE}"
    )
    await expect(page.get_by_role("region", name="Result")).to_contain_text("It cost nothing")
    await expect(page.locator(".account-credits")).to_have_text(before)
    assert await serious_issues(page) == []


async def test_a_task_that_waits_and_one_that_runs_can_be_cancelled(page: Page, server: Server) -> None:
    key = await asyncio.to_thread(server.make_key, kind=Kind.TEST, granted=10)
    hang = {"model": "sandbox/image-to-video", "input": {"outcome": "hang"}}
    first = server.post("/api/v1/jobs/createTask", key=key, json=hang)["data"]["taskId"]
    await sign_in(page, key)
    await page.goto("/?model=sandbox/image-to-video")
    await run(page)
    result = page.get_by_role("region", name="Result")
    await expect(result).to_contain_text("Waiting")
    await expect(result).to_contain_text("number 1 in the queue")
    await result.get_by_role("button", name="Cancel").click()
    await expect(result).to_contain_text("Failed")
    await expect(result.get_by_role("alert")).to_contain_text("ancel")
    await page.goto(f"/?task={first}")
    await expect(result).to_contain_text("Generating")
    await result.get_by_role("button", name="Cancel").click()
    await expect(result.get_by_role("alert")).to_contain_text("ancel")

    assert server.record(first, key=key)["state"] == "fail"
    assert await serious_issues(page) == []


@pytest.mark.look(**PHONE, reduced_motion="reduce")
async def test_on_a_phone_in_the_dark_everything_is_in_reach(signed_in: Page) -> None:
    page = signed_in
    await page.add_init_script(COUNT_SHIFTS)
    await page.reload()
    await page.get_by_role("button", name="Fill in the example").first.click()
    assert await page.evaluate("window.shifted") < 0.1, "the form pushes nothing aside"
    await expect(page.get_by_alt_text("What was chosen")).to_be_visible()
    assert await serious_issues(page) == []
    await page.get_by_role("button", name="Choose another model").click()
    dialog = page.get_by_role("dialog")
    assert await serious_issues(page) == []
    await dialog.get_by_role("searchbox").fill("camera photoplay")
    await expect(dialog.get_by_role("listitem")).to_have_count(1)
    await dialog.get_by_role("listitem").get_by_role("button").click()
    await expect(page).to_have_url(re.compile(r"camera-image-to-video"))
    await run(page)
    await expect(page.get_by_label("The clip")).to_be_in_viewport()

    assert await page.evaluate("document.querySelector('video').paused"), "nothing moves that was not asked to"
    assert await page.evaluate("document.documentElement.scrollWidth") == 390
    assert await page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    assert await serious_issues(page) == []


async def test_everything_can_be_done_by_keyboard(signed_in: Page) -> None:
    page = signed_in
    await page.goto("/")
    await expect(page.get_by_label("Prompt")).to_be_visible()
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    await page.get_by_role("tab", name="Form").focus()
    await page.keyboard.press("ArrowRight")
    await expect(page.get_by_role("tab", name="JSON")).to_be_focused()
    await page.keyboard.press("ArrowLeft")
    await page.get_by_label("720p").focus()
    await page.keyboard.press("ArrowRight")
    await expect(page.locator(".price strong")).to_have_text("36 credits")
    await run(page)

    await expect(page.get_by_label("Prompt")).to_be_focused()
    await expect(page.get_by_label("Prompt")).to_have_attribute("aria-invalid", "true")


async def test_the_first_paint_is_small(page: Page) -> None:
    answered: list[Request] = []

    def count(request: Request) -> None:
        answered.append(request)

    page.on("requestfinished", count)
    await page.goto("/")
    await expect(page.locator(".price strong")).to_be_visible()
    sizes = [await request.sizes() for request in answered]

    assert len(sizes) > 10
    assert sum(size["responseBodySize"] + size["responseHeadersSize"] for size in sizes) <= FIRST_PAINT_BYTES_MAX

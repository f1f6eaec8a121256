"""The pages of the models: everything that a card says, nothing that it could do."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest

from photoplay.domain.cards import Card, PriceRow
from photoplay.domain.fields import Boolean, Choice, IntegerLists, NumberChoice, Objects, Option, Text
from photoplay.domain.rules import Exclusive
from photoplay.domain.words import spelled
from photoplay.files.cards import load_cards
from photoplay.flows.parts import ApiParts
from photoplay.web.assets import FILES, TYPES, asset
from photoplay.web.blocks import to_html, to_markdown
from photoplay.web.model_page import Site, model_page
from scenes import BASE_URL, MODEL, open_api

CARDS = load_cards()
SITE = Site(base_url=BASE_URL, root=f"{BASE_URL}/", engine_names={"camera"})
HOSTILE = "</script><img src=x onerror=alert(1)>`|\n# [a](javascript:b)"
PAGES = ["/", "/sign-in", "/models", "/docs", f"/models/{MODEL}"]

each_card = pytest.mark.parametrize("card", CARDS.values(), ids=lambda card: card.id)


class Tags(HTMLParser):
    """The tags of a page, its texts, and the links that a browser would follow or load."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name in {"href", "src"}]

    def handle_data(self, data: str) -> None:
        self.text += data


def markdown_of(card: Card) -> str:
    return to_markdown(model_page(card, SITE))


def prose_of(card: Card) -> str:
    """The Markdown page as a reader sees it: without what keeps texts from being markup."""
    return re.sub(r"\\(?=[^A-Za-z0-9\s])", "", markdown_of(card))


def hostile(card: Card) -> Card:
    """The card, with a text in every place that would love to be markup."""
    field = Text(name="note", label=HOSTILE, help=HOSTILE, chars_max=99)
    choice = Choice(name="x`y", label=HOSTILE, help=HOSTILE, options=(Option(value=HOSTILE, label=HOSTILE),))
    example = {**card.example, "input": {"note": HOSTILE}}
    return replace(
        card,
        title=HOSTILE,
        provider=HOSTILE,
        description=HOSTILE,
        task_types=(HOSTILE,),
        sources=(HOSTILE,),
        fields=(field, choice),
        rules=(Exclusive(fields=("note", "x`y"), message=HOSTILE),),
        prices=(PriceRow(when={}, credits=1),),
        example=example,
    )


def told(card: Card) -> list[str]:
    """What a page of this card must say."""
    choices = [field for field in card.fields if isinstance(field, Choice | NumberChoice)]
    return [
        *(card.id, card.title, card.description, card.provider, *card.task_types, *card.sources),
        *(text for field in card.fields for text in (field.name, field.label, field.help)),
        *(str(text) for field in choices for option in field.options for text in (option.value, option.label)),
        *(str(row.credits) for row in card.prices),
        *(rule.message for rule in card.rules),
        *(engine.name for engine in card.engines),
    ]


@each_card
def test_both_pages_say_everything_that_the_card_says(card: Card) -> None:
    shown = Tags(to_html(model_page(card, SITE))).text

    assert [text for text in told(card) if text not in prose_of(card)] == []
    assert [text for text in told(card) if text not in shown] == []


def row_of(card: Card, field: str) -> list[str]:
    """The cells of a field's row on the Markdown page."""
    (line,) = [line for line in markdown_of(card).splitlines() if line.startswith(f"| `{field}` |")]
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


@each_card
def test_a_field_has_the_example_of_the_card_beside_its_default(card: Card) -> None:
    values = card.example["input"]
    assert isinstance(values, Mapping)

    for field in card.fields:
        shown, told = row_of(card, field.name)[6], spelled(values.get(field.name))
        whole = told if len(told) <= 40 else f"{told[:40]}…"
        assert shown == (f"`{whole}`" if told else ""), field.name


def test_what_a_list_holds_has_an_example_too() -> None:
    shots = Objects(
        name="shots",
        label="",
        help="",
        items_max=2,
        fields=(Text(name="words", label="", help="", chars_max=9), Boolean(name="last", label="", help="")),
    )
    boxes = IntegerLists(name="boxes", label="", help="", items_max=1, length=2, minimum=0, maximum=9)
    values = {"shots": [{"words": "a|b"}, {"last": False, "words": "c"}], "boxes": [[1, 2]]}
    prices = (PriceRow(when={}, credits=1),)
    card = replace(
        CARDS[MODEL], fields=(shots, boxes), rules=(), prices=prices, example={"model": MODEL, "input": values}
    )

    assert row_of(card, "shots[].words")[6] == "`a\\|b`"
    assert row_of(card, "shots[].last")[6] == "`false`"
    assert row_of(card, "boxes")[6] == "`[[1, 2]]`"


@each_card
def test_a_page_says_whether_this_server_has_an_engine_for_the_model(card: Card) -> None:
    none = replace(SITE, engine_names=())
    all_engines = replace(SITE, engine_names=[engine.name for engine in card.engines])

    assert f"not on this server: it needs `{card.engines[0].name}`" in to_markdown(model_page(card, none))
    assert f"yes, served by `{card.engines[0].name}`" in to_markdown(model_page(card, all_engines))


@pytest.mark.parametrize("card", [*CARDS.values(), hostile(CARDS[MODEL])], ids=lambda card: card.id)
def test_every_row_of_a_markdown_table_has_as_many_cells_as_its_head(card: Card) -> None:
    prose = re.sub(r"^(`{3,})\w*\n.*?^\1$", "", markdown_of(card), flags=re.MULTILINE | re.DOTALL)
    tables = re.findall(r"(?:^\|.*\n)+", prose, re.MULTILINE)

    assert len(tables) == 3
    for table in tables:
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(widths) == 1, table


def test_a_hostile_text_of_a_card_is_only_text() -> None:
    card = hostile(CARDS[MODEL])
    page, tame = Tags(to_html(model_page(card, SITE))), Tags(to_html(model_page(CARDS[MODEL], SITE)))
    prose = re.sub(r"^(`{3,})\w*\n.*?^\1$", "", markdown_of(card), flags=re.MULTILINE | re.DOTALL)
    outside_code = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", re.sub(r"\\[^A-Za-z0-9\s]", "", prose))

    assert page.tags <= {*tame.tags, "h3", "ul", "li"}
    assert page.attributes == tame.attributes
    assert page.text.count(HOSTILE) >= 10
    assert "<" not in outside_code
    assert "](javascript" not in outside_code
    assert prose.count("\n# ") == 0, "a title begins no second page"


async def test_a_hostile_title_does_not_leave_the_head(parts: ApiParts) -> None:
    cards = {MODEL: hostile(CARDS[MODEL])}
    async with open_api(replace(parts, cards=cards), None) as stranger:
        page = (await stranger.get(f"/models/{MODEL}")).text

    assert "<img" not in page
    assert page.count("<script") == 1, "that of the header"
    assert HOSTILE in unescape(page[: page.index("</title>")])


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_allows_only_what_this_server_sends(path: str, parts: ApiParts) -> None:
    async with open_api(parts, None) as stranger:
        answer = await stranger.get(path)
        page = Tags(answer.text)
        loaded = [await stranger.get(f"{path.rpartition('/')[0]}/{link}") for link in page.links if "assets/" in link]

    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'self'")
    assert "unsafe" not in policy
    assert "//" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "style" not in page.tags | page.attributes
    assert loaded
    assert {file.status_code for file in loaded} == {200}
    assert {urlsplit(link).netloc for link in page.links} <= {"", urlsplit(BASE_URL).netloc}


@each_card
async def test_a_page_names_no_host_but_this_one_and_what_the_card_names(card: Card, parts: ApiParts) -> None:
    async with open_api(parts, None) as stranger:
        pages = [(await stranger.get(f"/models/{card.id}{ending}")).text for ending in ("", ".md")]

    def hosts(text: str) -> set[str]:
        return set(re.findall(r"https?://([^/\s\"'\\&)?]+)", text))

    own = hosts(f"{card.example} {card.sources} {card.description}") | {urlsplit(BASE_URL).netloc, "example.com"}
    assert hosts("".join(pages)) <= own


async def test_the_lists_lead_to_every_model(parts: ApiParts) -> None:
    async with open_api(parts, None) as stranger:
        index, llms = await stranger.get("/models"), await stranger.get("/llms.txt")
        found = [await stranger.get(link) for link in re.findall(r"\]\((\S+?)\)", llms.text)]
        shown = [await stranger.get(f"/{link}") for link in Tags(index.text).links if "./models/" in link]

    assert llms.text.startswith("# Photoplay\n\n> ")
    assert llms.headers["content-type"].startswith("text/plain")
    assert {answer.status_code for answer in [*found, *shown]} == {200}
    assert sum("text/markdown" in answer.headers["content-type"] for answer in found) == len(CARDS)
    assert len(shown) == len(CARDS)


@pytest.mark.parametrize("path", ["/models", f"/models/{MODEL}"])
async def test_a_page_leads_on_by_whatever_name_it_was_reached(path: str, parts: ApiParts) -> None:
    async with open_api(parts, None) as stranger:
        links = Tags((await stranger.get(path)).text).links
        found = [await stranger.get(urljoin(path, link)) for link in links]

    assert [link for link in links if BASE_URL in link] == []
    assert {answer.status_code for answer in found} == {200}


@pytest.mark.parametrize("ending", ["", ".md"])
async def test_an_unknown_model_has_no_page(ending: str, parts: ApiParts) -> None:
    async with open_api(parts, None) as stranger:
        answer = await stranger.get(f"/models/nobody/nothing{ending}")

    assert (answer.status_code, answer.json()["code"]) == (404, 404)


@pytest.mark.parametrize(
    "path", ["/models/nobody/nothing", "/nowhere", f"/models/{MODEL}/deeper", "/models/<img src=x>/y"]
)
async def test_a_person_who_is_lost_gets_a_page_with_a_way_on(path: str, parts: ApiParts) -> None:
    async with open_api(parts, None) as stranger:
        answer = await stranger.get(path, headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
        page = Tags(answer.text)
        ways = [
            await stranger.get(f"{answer.url.path.rpartition('/')[0]}/{link}") for link in page.links if link != "#main"
        ]

    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert "img" not in page.tags
    assert "Not found" in page.text
    assert {way.status_code for way in ways} == {200}


@pytest.mark.parametrize("name", FILES)
async def test_a_file_of_the_pages_is_served_as_what_it_is(name: str, parts: ApiParts) -> None:
    async with open_api(parts, None) as stranger:
        answer = await stranger.get(asset(name))
        unpacked = await stranger.get(asset(name), headers={"Accept-Encoding": "identity"})

    assert answer.content == unpacked.content == FILES[name].read_bytes()
    assert "content-encoding" not in unpacked.headers
    assert answer.headers["content-type"] == TYPES[FILES[name].suffix]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "immutable" in answer.headers["cache-control"]


async def test_a_page_from_before_an_update_gets_the_files_of_today_and_keeps_none(parts: ApiParts) -> None:
    async with open_api(parts, None) as stranger:
        answer = await stranger.get("/assets/000000000000/playground/api.js")

    assert answer.content == FILES["playground/api.js"].read_bytes()
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "name",
    [
        "../../app.py",
        "..%2fapp.py",
        "%2e%2e/app.py",
        "static/vendor/refresh",
        "static/vendor",
        "",
        "/etc/passwd",
        "x.css%00",
    ],
)
async def test_no_other_file_is_served(name: str, parts: ApiParts) -> None:
    async with open_api(parts, None) as stranger:
        answer = await stranger.get(f"/assets/000000000000/{name}")

    assert answer.status_code == 404


def test_the_files_of_others_are_those_that_were_taken() -> None:
    vendor = FILES["static/vendor/preact.mjs"].parent
    lines = [line.split() for line in (vendor / "CHECKSUMS").read_text().splitlines()]

    assert {name for _, name in lines} == {path.name for path in vendor.iterdir()} - {"CHECKSUMS", "refresh"}
    assert {name: _sha256(vendor / name) for _, name in lines} == {name: digest for digest, name in lines}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()

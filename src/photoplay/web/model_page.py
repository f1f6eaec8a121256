"""What the page of a model says, made from its card; and the lists that lead there. Pure."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final, cast
from urllib.parse import quote

from photoplay.domain.cards import Card, PriceRow, choose_engine
from photoplay.domain.json import JsonObject
from photoplay.web import samples
from photoplay.web.blocks import Block, Code, Heading, Inline, Items, Link, Mono, Paragraph, Quote, Table
from photoplay.web.words import FIELD_COLUMNS, field_rows, list_of, rule_words

__all__ = ["Site", "index_page", "llms_page", "model_page"]

CALLBACK_URL: Final = "https://example.com/done"
SUMMARY: Final = (
    "A self-hosted server for media-generation tasks: create a task of a model, ask for its record or be told by a"
    " callback, and fetch what was made."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What of a server its pages tell."""

    base_url: str
    """What programs are told to ask. Without a slash at its end."""
    root: str
    """What a link to another page begins with: the way back to the root from where it stands, or the whole of it."""
    engine_names: Collection[str]
    """Those that are configured."""

    @property
    def files_url(self) -> str:
        return f"{self.base_url}/files/"

    def engine_of(self, card: Card) -> str:
        """Return the engine that serves the card here, or else the one it would like best."""
        return (choose_engine(card, self.engine_names) or card.engines[0]).name

    def page_url(self, card: Card) -> str:
        return f"{self.root}models/{quote(card.id)}"

    def schema_url(self, card: Card) -> str:
        return f"{self.root}api/v1/models/{quote(card.id)}/schema"


def model_page(card: Card, site: Site) -> list[Block]:
    return [
        Heading(1, card.title),
        Paragraph((card.description,)),
        _facts(card, site),
        *_input(card),
        *_prices(card),
        *_requests(card, site),
        *_answers(card, site),
        *_callbacks(card, site),
        Heading(2, "Sources"),
        Items(tuple((source,) for source in card.sources)),
    ]


def index_page(cards: Iterable[Card], site: Site) -> list[Block]:
    rows = [
        (
            (Link(card.title, site.page_url(card)),),
            (Mono(card.id),),
            (card.provider,),
            list_of(card.task_types),
            ("yes" if choose_engine(card, site.engine_names) else "no",),
        )
        for card in cards
    ]
    return [
        Heading(1, "Models"),
        Paragraph(
            (
                "The models of this server. Their description for programs is ",
                Link("openapi.json", f"{site.root}openapi.json"),
                ", with a ",
                Link("viewer", f"{site.root}docs"),
                ".",
            )
        ),
        Table(("title", "model", "provider", "task types", "available"), tuple(rows)),
    ]


def llms_page(cards: Iterable[Card], site: Site) -> list[Block]:
    """Source: the llms.txt proposal: a title, a summary in a quotation, and lists of links."""
    models: list[Inline] = [(Link(card.title, f"{site.page_url(card)}.md"), f": {card.description}") for card in cards]
    return [
        Heading(1, "Photoplay"),
        Quote((SUMMARY,)),
        Paragraph(
            (
                "The API is at ",
                Mono(site.base_url),
                ". Every page below has the fields, rules and prices of one model, and requests that run as they are.",
            )
        ),
        Heading(2, "Models"),
        Items(tuple(models)),
        Heading(2, "API"),
        Items(
            (
                (Link("OpenAPI document", f"{site.root}openapi.json"), ": every path, request and answer"),
                (Link("List of models", f"{site.root}api/v1/models"), ": JSON, to be searched and filtered"),
            )
        ),
    ]


def _facts(card: Card, site: Site) -> Block:
    engines = [
        part
        for mapping in card.engines
        for part in (", ", Mono(mapping.name), "" if mapping.name in site.engine_names else " (not on this server)")
    ]
    result = (Mono(card.output.kind), f", {card.output.fps} frames a second; {card.output.sizes}")
    rows: list[tuple[str, Inline]] = [
        ("model", (Mono(card.id),)),
        ("provider", (card.provider,)),
        ("task types", list_of(card.task_types)),
        ("available", _availability(card, site)),
        ("engines", tuple(engines[1:])),
        ("result", result),
        ("kept", (f"{card.retention_days} days, or less where the operator says so",)),
        ("to try it", (Link("in the playground", f"{site.root}?model={quote(card.id)}"),)),
        ("for programs", _documents(card, site)),
    ]
    return Table(("", "about this model"), tuple(((name,), value) for name, value in rows))


def _availability(card: Card, site: Site) -> Inline:
    engine = choose_engine(card, site.engine_names)
    if engine is None:
        return ("not on this server: it needs ", *list_of([mapping.name for mapping in card.engines], last=" or "))
    return ("yes, served by ", Mono(engine.name))


def _documents(card: Card, site: Site) -> Inline:
    page, schema = Link("this page as Markdown", f"{site.page_url(card)}.md"), site.schema_url(card)
    return (page, ", ", Link("JSON Schema of the input", schema))


def _input(card: Card) -> list[Block]:
    rules: list[Block] = [Heading(3, "Rules"), Items(tuple(map(rule_words, card.rules)))] if card.rules else []
    return [
        Heading(2, "Input"),
        Table(FIELD_COLUMNS, tuple(field_rows(card.fields, cast("JsonObject", card.example["input"])))),
        Paragraph((Mono("null"), " counts as absent. Unknown keys are kept with the task and ignored.")),
        *rules,
    ]


def _prices(card: Card) -> list[Block]:
    names = list(dict.fromkeys(name for row in card.prices for name in row.when))
    return [
        Heading(2, "Price"),
        Paragraph(("The first row that fits the input counts. A task that fails costs nothing.",)),
        Table((*names, "credits"), tuple(_price_row(row, names) for row in card.prices)),
    ]


def _price_row(row: PriceRow, names: list[str]) -> tuple[Inline, ...]:
    amount: Inline = (f"{row.credits} times ", Mono(row.times)) if row.times else (str(row.credits),)
    return (*(list_of([_spelled(row.when[name])]) if name in row.when else ("any",) for name in names), amount)


def _spelled(value: str | float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _requests(card: Card, site: Site) -> list[Block]:
    return [
        Heading(2, "Create a task"),
        Paragraph(
            (
                "Each runs as it is pasted, once ",
                Mono(f"export {samples.KEY_VARIABLE}=YOUR_KEY"),
                " has put a key of this server in the environment.",
            )
        ),
        Heading(3, "cURL"),
        Code("sh", samples.curl(card.example, base_url=site.base_url)),
        Heading(3, "JavaScript"),
        Paragraph(("For Node.js, as a module: a key is not for a browser to know.",)),
        Code("js", samples.javascript(card.example, base_url=site.base_url)),
        Heading(3, "Python"),
        Code("python", samples.python(card.example, base_url=site.base_url)),
    ]


def _answers(card: Card, site: Site) -> list[Block]:
    ended = samples.task(card, engine=site.engine_of(card), state=samples.SUCCEEDED)
    return [
        Heading(3, "Answer"),
        Code("json", samples.create_answer()),
        Heading(2, "Ask for its record"),
        Code("sh", samples.curl_record(base_url=site.base_url)),
        Code("json", samples.record_answer(ended, files_url=site.files_url)),
    ]


def _callbacks(card: Card, site: Site) -> list[Block]:
    engine = site.engine_of(card)
    succeeded = samples.task(card, engine=engine, state=samples.SUCCEEDED, callback_url=CALLBACK_URL)
    failed = samples.task(card, engine=engine, state=samples.FAILED, callback_url=CALLBACK_URL)
    return [
        Heading(2, "Callback"),
        Paragraph(
            ("Posted once the task has ended, where the request had a ", Mono("callBackUrl"), " beside its model.")
        ),
        Code("json", samples.callback(succeeded, files_url=site.files_url)),
        Heading(3, "After a failure"),
        Code("json", samples.callback(failed, files_url=site.files_url)),
    ]

"""`photoplay models`: what this server can make, read from the cards; no server has to run."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Final, cast

import typer

from photoplay.cli.table import print_table
from photoplay.cli.wording import availability, price_range, price_rows
from photoplay.domain import cards
from photoplay.domain.cards import Card
from photoplay.domain.checks import Wrong, check_all
from photoplay.domain.errors import InvalidInput
from photoplay.domain.fields import Choice, Field, FileUrl, TaskRef, Text
from photoplay.domain.json import JsonObject, JsonValue
from photoplay.domain.words import FIELD_HEAD, describe
from photoplay.files.cards import load_cards
from photoplay.flows.submit import find_card
from photoplay.settings import read_settings

__all__ = ["models"]

ModelArgument = Annotated[str, typer.Argument(metavar="MODEL", help="An id of the list, VENDOR/MODEL.")]

HELP: Final = (
    "List the models: what they cost, and what serves them.\n\n"
    "Reads the cards, those of PHOTOPLAY_CARDS_DIR included; no server has to run. "
    "A model whose engine is not configured here says which it needs.\n\n"
    "Go on with `photoplay models show MODEL`, and use one with `photoplay run PHOTO PROMPT --model MODEL`."
)

models = typer.Typer(invoke_without_command=True, help=HELP)


@models.callback()
def _list(
    context: typer.Context,
    search: Annotated[str, typer.Option(help="Only models with this text in id, title, provider or description.")] = "",
    type: Annotated[str, typer.Option(help="Only models of this task type, such as image-to-video.")] = "",
) -> None:
    if context.invoked_subcommand is not None:
        return
    settings = read_settings()
    found = [
        card
        for _, card in sorted(load_cards(settings.cards_dir, routes=settings.routing).items())
        if cards.fits(card, search=search, task_type=type)
    ]
    print_table(
        ("model", "title", "type", "credits", "status"),
        [
            (card.id, card.title, ", ".join(card.task_types), price_range(card), availability(card, settings.engines))
            for card in found
        ],
    )


@models.command()
def show(model: ModelArgument) -> None:
    """Show a model's fields, prices and engines.

    Example: photoplay models show photoplay/camera-image-to-video
    """
    settings = read_settings()
    card = find_card(model, load_cards(settings.cards_dir, routes=settings.routing))
    typer.echo(f"{card.id}: {card.title}, by {card.provider}\n{card.description}\n")
    print_table(FIELD_HEAD, list(describe(card.fields)))
    typer.echo("")
    print_table(("input", "credits"), list(price_rows(card)))
    typer.echo("")
    for rule in card.rules:
        typer.echo(f"Rule: {rule.message}")
    typer.echo(f"Makes: {card.output.kind}, {card.output.fps} frames a second, {card.output.sizes}")
    typer.echo(f"Engines, first to last: {', '.join(mapping.name for mapping in card.engines)}")
    typer.echo(f"Status: {availability(card, settings.engines)}")


@models.command()
def price(
    model: ModelArgument,
    values: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Fields that differ from their defaults.")
    ] = None,
) -> None:
    """Print what an input costs in credits, alone. Only fields that decide the price have to be given.

    Example: photoplay models price bytedance/v1-pro-fast-image-to-video resolution=1080p duration=10
    """
    card = find_card(model, _cards())
    typer.echo(cards.price(_priced(card, values or []), card))


def _cards() -> Mapping[str, Card]:
    settings = read_settings()
    return load_cards(settings.cards_dir, routes=settings.routing)


def _priced(card: Card, pairs: Sequence[str]) -> JsonObject:
    """Return the checked input. Raises: InvalidInput for an unknown field, or a wrong or missing value."""
    deciding = {name for row in card.prices for name in (*row.when, row.times)}
    given = dict(_value(pair, card) for pair in pairs)
    # A price needs no picture and no prompt.
    fields = [replace(field, required=field.required and field.name in deciding) for field in card.fields]
    checked = check_all(fields, given, path="input")
    if isinstance(checked, Wrong):
        raise InvalidInput("; ".join(problem.message for problem in checked.problems), field=checked.problems[0].field)
    return checked


def _value(pair: str, card: Card) -> tuple[str, JsonValue]:
    name, separator, text = pair.partition("=")
    field = next((field for field in card.fields if field.name == name), None)
    if field is None or not separator:
        known = ", ".join(field.name for field in card.fields)
        wrong = f"{name[:100]} is not a field" if separator else f"{pair[:100]} is not FIELD=VALUE"
        raise InvalidInput(f"{wrong}; the fields of {card.id} are {known}", field=name)
    return name, _parse(text, field)


def _parse(text: str, field: Field) -> JsonValue:
    if isinstance(field, Text | Choice | FileUrl | TaskRef):
        return text
    try:
        return cast("JsonValue", json.loads(text))
    except ValueError:
        # Still text: the check says what it should have been.
        return text

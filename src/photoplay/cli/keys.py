"""`photoplay keys`: make API keys, see their use, limit, rotate and revoke them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import typer

from photoplay.cli import terms
from photoplay.cli.operator import actor, on_database
from photoplay.cli.table import print_table
from photoplay.cli.terms import change_terms, parse_span
from photoplay.domain.keys import NO_TERMS, Kind
from photoplay.flows import rotate as rotating
from photoplay.flows.enroll import NewKey, make_key_of
from photoplay.store import keys as stored
from photoplay.store.database import Database
from photoplay.store.keys import Key

__all__ = ["keys"]

KeyArgument = Annotated[
    str, typer.Argument(metavar="KEY", help="A key by its beginning, as the list shows it, by its id, or whole.")
]

keys = typer.Typer(
    no_args_is_help=True,
    help=(
        "Make API keys, see their use, limit, rotate and revoke them.\n\n"
        "Works on the database of the running server, of PHOTOPLAY_DATABASE_URL, or of the data folder. "
        "A change counts from the next request on."
    ),
)


@keys.command()
def create(  # noqa: PLR0913 - one for each option
    *,
    account: Annotated[str, typer.Option(help="Name of the account; it is made if there is none.")],
    credits: Annotated[int, typer.Option(min=0, max=10**15, help="Credits to grant to the account now.")] = 0,
    kind: Annotated[Kind, typer.Option(help="test: play credits, a key pp_test_…")] = Kind.LIVE,
    name: Annotated[str, typer.Option(help="What the key is for, to tell it from others.")] = "",
    hour_credits: terms.HourCredits = None,
    day_credits: terms.DayCredits = None,
    total_credits: terms.TotalCredits = None,
    model: terms.Models = None,
    network: terms.Networks = None,
    expires_in: terms.ExpiresIn = None,
    admin: Annotated[
        bool, typer.Option("--admin", help="May also use /api/v1/admin: accounts, keys, credits.")
    ] = False,
) -> None:
    """Make a key for an account and print it, alone. It is not kept and cannot be shown again.

    Example: photoplay keys create --account studio --credits 500 --day-credits 100
    """
    change = change_terms(
        hour_credits=hour_credits,
        day_credits=day_credits,
        total_credits=total_credits,
        models=model,
        networks=network,
        expires_in=expires_in,
    )
    new = NewKey(account=account, kind=kind, name=name, terms=change(NO_TERMS), is_admin=admin, granted=credits)
    text, _ = on_database(lambda db: make_key_of(db, new, actor=actor()), is_first=True)
    typer.echo(text)


@keys.command("list")
def list_(
    account: Annotated[str | None, typer.Option(help="Only the keys of this account.")] = None,
) -> None:
    """List keys by their beginnings: what each has spent, its caps, its last use."""

    async def read(db: Database) -> list[Key]:
        async with db.connection() as connection:
            return await stored.list_all(connection, account=account)

    print_table(
        ("key", "account", "name", "hour", "day", "total", "last use", "state"),
        [
            (
                key.prefix,
                key.account,
                key.name,
                _spent(key.spent.hour, key.terms.caps.hour),
                _spent(key.spent.day, key.terms.caps.day),
                _spent(key.spent.total, key.terms.caps.total),
                _minute(key.last_used_at),
                _state(key),
            )
            for key in on_database(read)
        ],
    )


@keys.command()
def show(key: KeyArgument) -> None:
    """Show one key: its limits, what it has spent, when it was used."""

    async def read(db: Database) -> Key:
        async with db.connection() as connection:
            return await rotating.find_key(connection, key)

    _print(on_database(read))


@keys.command()
def rotate(
    key: KeyArgument,
    overlap: Annotated[str, typer.Option(metavar="SPAN", help="How long the old text stays good: 1h, 7d.")] = "0s",
) -> None:
    """Give a key a new text and print it, alone. Its name, its limits and what it has spent stay.

    The old text ends at once, or after --overlap.
    """
    span = parse_span(overlap)
    text, _ = on_database(lambda db: rotating.rotate(db, key, overlap=span))
    typer.echo(text)


@keys.command()
def revoke(key: KeyArgument) -> None:
    """End a key, for good and at once. Tasks that it has created go on."""
    _print(on_database(lambda db: rotating.revoke(db, key)))


@keys.command()
def limit(
    key: KeyArgument,
    hour_credits: terms.HourCredits = None,
    day_credits: terms.DayCredits = None,
    total_credits: terms.TotalCredits = None,
    model: terms.Models = None,
    network: terms.Networks = None,
    expires_in: terms.ExpiresIn = None,
) -> None:
    """Change what a key may be used for; what is not given stays.

    Example: photoplay keys limit pp_live_1a2b3c --day-credits 200 --network none
    """
    change = change_terms(
        hour_credits=hour_credits,
        day_credits=day_credits,
        total_credits=total_credits,
        models=model,
        networks=network,
        expires_in=expires_in,
    )
    _print(on_database(lambda db: rotating.limit(db, key, change)))


def _print(key: Key) -> None:
    caps = key.terms.caps
    rows = [
        ("key", key.prefix),
        ("id", key.id.hex),
        ("account", f"{key.account} ({key.kind})"),
        ("name", key.name or "none"),
        ("state", _state(key)),
        ("admin", "yes" if key.is_admin else "no"),
        ("this UTC hour", _spent(key.spent.hour, caps.hour)),
        ("this UTC day", _spent(key.spent.day, caps.day)),
        ("in total", _spent(key.spent.total, caps.total)),
        ("models", _joined(sorted(key.terms.models or ()), otherwise="every model")),
        ("networks", _joined([str(network) for network in key.terms.networks or ()], otherwise="everywhere")),
        ("expires", _minute(key.terms.expires_at)),
        ("created", _minute(key.created_at)),
        ("last use", _minute(key.last_used_at)),
    ]
    if key.previous_prefix is not None:
        rows.append(("old text", f"{key.previous_prefix} until {_minute(key.previous_until)}"))
    print_table(("", ""), rows)


def _state(key: Key) -> str:
    if key.revoked_at is not None:
        return f"revoked {_minute(key.revoked_at)}"
    if key.terms.expires_at is not None:
        return f"until {_minute(key.terms.expires_at)}"
    return "live"


def _spent(spent: int, cap: int | None) -> str:
    return str(spent) if cap is None else f"{spent} of {cap}"


def _joined(texts: Sequence[str], *, otherwise: str) -> str:
    return ", ".join(texts) or otherwise


def _minute(moment: datetime | None) -> str:
    return "never" if moment is None else f"{moment:%Y-%m-%d %H:%M}Z"

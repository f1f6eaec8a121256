"""`photoplay accounts`: who pays, what they have, and what is given to them or taken back."""

from typing import Annotated

import typer

from photoplay.cli.operator import actor, on_database
from photoplay.cli.table import print_table
from photoplay.domain.credits import Reason
from photoplay.domain.keys import Kind
from photoplay.flows.enroll import open_account
from photoplay.flows.grant import CREDITS_MAX, Adjustment, find_account
from photoplay.flows.grant import grant as adjust
from photoplay.store import accounts as stored
from photoplay.store.accounts import Standing
from photoplay.store.database import Database

__all__ = ["accounts"]

NameArgument = Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account's name.")]
CreditsArgument = Annotated[int, typer.Argument(min=1, max=CREDITS_MAX, help="How many credits.")]
KindOption = Annotated[Kind, typer.Option(help="live, or test: its play credits pay for nothing real.")]
NoteOption = Annotated[str, typer.Option(help="Why; it stands in the ledger for ever.")]
OnceOption = Annotated[
    str | None,
    typer.Option("--once", metavar="WORD", help="Such as an invoice number: repeated with it, nothing moves twice."),
]

accounts = typer.Typer(
    no_args_is_help=True,
    help=(
        "Make accounts, see their balances, grant credits and take them back.\n\n"
        "Each grant and correction is an entry of the ledger, with who did it and why. Entries are never changed: "
        "a mistake is corrected by another entry."
    ),
)


@accounts.command()
def create(
    name: NameArgument,
    kind: KindOption = Kind.LIVE,
    credits: Annotated[int, typer.Option(min=0, max=CREDITS_MAX, help="Credits to begin with.")] = 0,
    note: NoteOption = "with the account",
) -> None:
    """Make an account without a key. `photoplay keys create --account` makes both."""
    opened = on_database(
        lambda db: open_account(db, name=name, kind=kind, granted=credits, note=note, actor=actor()), is_first=True
    )
    _print([opened])


@accounts.command("list")
def list_() -> None:
    """List every account: its balance, what is held, its unfinished tasks and its keys."""

    async def read(db: Database) -> list[Standing]:
        async with db.connection() as connection:
            return await stored.list_all(connection)

    _print(on_database(read))


@accounts.command()
def show(name: NameArgument, kind: KindOption = Kind.LIVE) -> None:
    """Show one account."""

    async def read(db: Database) -> Standing:
        async with db.connection() as connection:
            return await find_account(connection, name, kind=kind)

    _print([on_database(read)])


@accounts.command()
def grant(
    name: NameArgument,
    credits: CreditsArgument,
    note: NoteOption,
    kind: KindOption = Kind.LIVE,
    once: OnceOption = None,
) -> None:
    """Give an account credits: a top-up, or an apology.

    Example: photoplay accounts grant studio 500 --note "invoice 1042" --once invoice-1042
    """
    _adjust(Adjustment(reason=Reason.GRANT, account=name, kind=kind, credits=credits, note=note, idempotency_key=once))


@accounts.command()
def correct(
    name: NameArgument,
    credits: CreditsArgument,
    note: NoteOption,
    kind: KindOption = Kind.LIVE,
    once: OnceOption = None,
) -> None:
    """Take back credits that were granted by mistake; never more than the balance.

    Example: photoplay accounts correct studio 500 --note "invoice 1042 was granted to the wrong account"
    """
    _adjust(
        Adjustment(reason=Reason.CORRECT, account=name, kind=kind, credits=credits, note=note, idempotency_key=once)
    )


def _adjust(adjustment: Adjustment) -> None:
    _print([on_database(lambda db: adjust(db, adjustment, actor=actor()))])


def _print(found: list[Standing]) -> None:
    print_table(
        ("account", "kind", "balance", "held", "unfinished", "keys", "since"),
        [
            (
                account.name,
                account.kind.value,
                str(account.balance_credits),
                str(account.held_credits),
                str(account.unfinished_tasks),
                str(account.keys),
                f"{account.created_at:%Y-%m-%d}",
            )
            for account in found
        ],
    )

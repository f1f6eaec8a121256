"""`photoplay cards`: write and check model cards of one's own."""

import re
import tempfile
from collections.abc import Collection, Mapping
from importlib import import_module, resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Final, cast

import typer

from photoplay.domain.errors import ConfigError
from photoplay.files.cards import ModelFolder, check_folder, find_folders
from photoplay.settings import read_settings

__all__ = ["cards"]

ID: Final = re.compile(r"[a-z0-9][a-z0-9._-]*/[a-z0-9][a-z0-9._-]*")
ID_OF_TEMPLATE: Final = "VENDOR/MODEL"
# Engines that refuse a control which they do not know, and where they list theirs. An import path, so that only a check
# loads what such an engine needs.
CONTROLS: Final[Mapping[str, str]] = {"camera": "photoplay.engines.camera.controls"}

HELP: Final = (
    "Write and check model cards of your own.\n\n"
    "A card is a folder VENDOR/MODEL with card.toml, which says what a model takes, what it costs and who makes it, "
    "and example.json, a request that works. A server with PHOTOPLAY_CARDS_DIR reads new and changed cards while it "
    "runs.\n\n"
    "Begin with `photoplay cards new me/my-model --dir my-cards`. "
    "docs/how-to/add-your-own-model.md goes all the way to a clip."
)

cards = typer.Typer(no_args_is_help=True, help=HELP)


@cards.command()
def check(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="[DIR]",
            exists=True,
            file_okay=False,
            help="A folder of VENDOR/MODEL, or one MODEL. Default: PHOTOPLAY_CARDS_DIR, or else the shipped cards.",
        ),
    ] = None,
) -> None:
    """Say everything that is wrong with cards, one complaint a line.

    Exit status: 0 when all are well, 1 when there is a complaint or no card.
    """
    root: Traversable = folder or read_settings().cards_dir or resources.files("photoplay") / "cards"
    models = _models(root)
    controls = {name: cast("Collection[str]", import_module(path).CONTROLS) for name, path in CONTROLS.items()}
    complaints = [
        f"{model.id}: {line}"
        for model in models
        for problem in check_folder(model, controls=controls)
        # Complaints of one file arrive together.
        for line in problem.split("; ")
    ]
    if not models:
        complaints = [f"{root} holds no VENDOR/MODEL/card.toml"]
    for complaint in complaints:
        typer.echo(complaint)
    if complaints:
        raise typer.Exit(1)
    typer.echo("1 card is well" if len(models) == 1 else f"{len(models)} cards are well")


@cards.command()
def new(
    model: Annotated[str, typer.Argument(metavar="VENDOR/MODEL", help="The id, in small letters: me/my-model.")],
    folder: Annotated[
        Path | None, typer.Option("--dir", metavar="DIR", help="Where to. Default: PHOTOPLAY_CARDS_DIR.")
    ] = None,
) -> None:
    """Write a card that works as it is, with comments that say what can be changed.

    It is served by the camera engine, which needs no key and no GPU.
    """
    if ID.fullmatch(model) is None:
        raise ConfigError(f"{model} is not VENDOR/MODEL in small letters, digits and . _ -, such as me/my-model")
    root = folder or read_settings().cards_dir
    if root is None:
        raise ConfigError("say where with --dir, or set PHOTOPLAY_CARDS_DIR, which the server reads too")
    _write(model, root / model)
    typer.echo(f"{root / model / 'card.toml'}\n{root / model / 'example.json'}")


def _models(root: Traversable) -> list[ModelFolder]:
    if isinstance(root, Path) and (root / "card.toml").exists():
        model = root.resolve()
        return [ModelFolder(id=f"{model.parent.name}/{model.name}", folder=model)]
    return list(find_folders(root)) if root.is_dir() else []


def _write(model: str, target: Path) -> None:
    """Raises: ConfigError if the model is there already or cannot be written."""
    template = resources.files("photoplay") / "cards"
    root = target.parents[1]
    try:
        root.mkdir(parents=True, exist_ok=True)
        if target.exists():
            raise ConfigError(f"{target} exists already")
        # Both files at once, by a rename: a server that is looking never sees half a card.
        with tempfile.TemporaryDirectory(prefix=".new-", dir=root) as name:
            part = Path(name) / target.name
            part.mkdir()
            for file in ("card.toml", "example.json"):
                text = (template / f"template.{file}").read_text(encoding="utf-8")
                (part / file).write_text(text.replace(ID_OF_TEMPLATE, model), encoding="utf-8")
            target.parent.mkdir(exist_ok=True)
            part.rename(target)
    except OSError as exc:
        raise ConfigError(f"{target} cannot be written: {exc.strerror}") from exc

"""The documentation keeps up with the code, and its links and examples hold."""

import ast
import dataclasses
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from fastapi.routing import APIRoute

import photoplay
from photoplay.domain.cards import Card
from photoplay.domain.fields import Choice
from photoplay.engines.diffusers.models import PRESETS, Model
from photoplay.engines.setup import SETUPS
from photoplay.files.cards import load_cards
from photoplay.settings import PREFIX, Settings
from photoplay.web import account, admin, assets, callbacks, discovery, jobs, pages, routes, sessions, uploads
from photoplay.web.errors import CODES

SOURCE = Path(photoplay.__file__).parent
ROOT = SOURCE.parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]
REFERENCE = DOCS / "reference"
ROUTERS = (
    routes.router,
    jobs.router,
    account.router,
    admin.router,
    discovery.router,
    pages.router,
    assets.router,
    sessions.router,
    uploads.router,
    callbacks.router,
)

# Names that say nothing about what is behind them, synonyms of a word in the glossary, and praise.
BANNED = re.compile(
    r"\b(utils?|misc|common|managers?|processors?|base"
    r"|webhooks?|workspace|tenant|artefact"
    r"|simply|easily|just|seamless\w*|robust\w*|powerful|blazing\w*|effortless\w*|leverag\w*|state-of-the-art)\b",
    re.IGNORECASE,
)
# Where such a word is part of somebody else's name, or the plain word for a thing.
FAIR = re.compile(
    r"```.*?```|`[^`\n]*`|\]\([^)]*\)"
    r"|Standard Webhooks|base URL|base of the links|processor time|service manager|just finished",
    re.IGNORECASE | re.DOTALL,
)
# The only other hosts that a page may lead to.
HOSTS = {
    "127.0.0.1",
    "localhost",
    "box",
    "clips.example.com",
    "db.internal",
    "example.com",
    "host",
    "keepachangelog.com",
    "nowhere.invalid",
    "www.standardwebhooks.com",
    "your-domain.com",
}

# Errors that reach a caller: an answer, or the `failMsg` of a task.
SAYERS = {
    *(kind.__name__ for kind in CODES if kind.__name__ != "ConfigError"),
    *("Problem", "_Malformed", "_Rejected", "Failure"),
}
# What makes such an error of a text, and which argument the text is.
TELLERS = {"_wrong": 1}
# Modules whose ValueErrors become the reason in an answer.
TELLING = {"web/strict.py"}
# What they say where no caller hears it: between an engine's processes, and at the start.
UNHEARD = {"engines", "cli", "client", "worker"}
UNHEARD_TEXTS = {
    "the port is missing or not 1 to 65535",
    "The file store refused a removal",
    "no engine of this worker can serve",
    # Why progress is not heard: for the log alone.
    "a message is larger than",
    "the host did not answer the upgrade that it was asked for",
    "nothing was heard for",
}

page = pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def longest_part(text: ast.expr) -> str:
    """The longest piece of a message that is the same every time."""
    pieces = text.values if isinstance(text, ast.JoinedStr) else [text]
    constants = [piece.value for piece in pieces if isinstance(piece, ast.Constant) and isinstance(piece.value, str)]
    return max(constants, key=len, default="").strip(' :;,(."')


def texts_of(path: Path) -> list[str]:
    """What the errors that one module raises say."""
    calls = [node for node in ast.walk(ast.parse(read(path))) if isinstance(node, ast.Call)]
    named = [(call.func.id, call) for call in calls if isinstance(call.func, ast.Name)]
    is_telling = path.relative_to(SOURCE).as_posix() in TELLING
    ours = [call for name, call in named if name in SAYERS or (is_telling and name == "ValueError")]
    said = [part for call in ours for part in [*call.args[:1], *(k.value for k in call.keywords if k.arg == "message")]]
    said += [call.args[TELLERS[name]] for name, call in named if name in TELLERS]
    return [text for part in said if (text := longest_part(part))]


def heard_texts() -> list[str]:
    modules = [path for path in SOURCE.rglob("*.py") if path.relative_to(SOURCE).parts[0] not in UNHEARD]
    return sorted({text for path in modules for text in texts_of(path)} - UNHEARD_TEXTS)


def json_blocks(path: Path) -> list[str]:
    return re.findall(r"^```json\n(.*?)^```", read(path), re.MULTILINE | re.DOTALL)


def metric_names() -> list[str]:
    constants = [
        node.value for node in ast.walk(ast.parse(read(SOURCE / "web/metrics.py"))) if isinstance(node, ast.Constant)
    ]
    return [name for name in constants if isinstance(name, str) and re.fullmatch(r"photoplay_\w+", name)]


def test_generated_pages_are_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, str(DOCS / "generate.py"), "--check"], capture_output=True, text=True, timeout=120, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), "run `./run python docs/generate.py`"


def test_the_sample_file_holds_every_setting_at_its_default() -> None:
    sample = read(REFERENCE / "settings.sample.toml")
    values = tomllib.loads(re.sub(r"^# (?=\w+ = )", "", sample, flags=re.MULTILINE))

    assert set(values) == set(Settings.model_fields)
    given, default = Settings.model_validate(values), Settings.model_construct()
    differing = [name for name in Settings.model_fields if getattr(given, name) != getattr(default, name)]
    assert set(differing) <= {"camera_depth_model", "cards_dir", "jobs_max"}


@page
def test_only_settings_that_exist_are_mentioned(path: Path) -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields}

    assert set(re.findall(PREFIX + r"[A-Z_]+[A-Z]", read(path))) <= known


@pytest.mark.parametrize("code", sorted({code for _, code in CODES.values()}))
def test_every_wire_code_is_explained(code: int) -> None:
    statuses = {status for status, wire_code in CODES.values() if wire_code == code}
    text = read(REFERENCE / "errors.md")

    assert all(f"| {code} | {status} |" in text for status in statuses)


@pytest.mark.parametrize("name", sorted(kind.__name__ for kind in CODES))
def test_every_error_class_has_its_place(name: str) -> None:
    assert f"`{name}`" in read(REFERENCE / "errors.md")


@pytest.mark.parametrize("text", heard_texts())
def test_every_text_that_a_caller_can_read_is_listed(text: str) -> None:
    assert text in read(REFERENCE / "errors.md")


@pytest.mark.parametrize("name", metric_names())
def test_every_metric_is_explained(name: str) -> None:
    assert f"| `{name}` |" in read(REFERENCE / "metrics.md")


@pytest.mark.parametrize(
    "route",
    [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)],
    ids=lambda r: r.path,
)
def test_every_path_is_documented(route: APIRoute) -> None:
    path = route.path.replace(":path}", "}")

    assert re.search(rf"(?<=[ `]){re.escape(path)}(?=[`?])", read(REFERENCE / "api.md"))


@pytest.mark.parametrize("card", load_cards().values(), ids=lambda card: card.id)
def test_every_field_option_and_price_of_a_card_is_documented(card: Card) -> None:
    _, _, text = read(REFERENCE / "models.md").partition(f"`{card.id}`, by ")
    text = text.partition("\n## ")[0]
    options = [option.value for field in card.fields if isinstance(field, Choice) for option in field.options]

    assert text
    assert [field.name for field in card.fields if f"| `{field.name}` |" not in text] == []
    assert [value for value in options if f"`{value}`" not in text] == []
    assert [row.credits for row in card.prices if f"| {row.credits} |" not in text] == []


@pytest.mark.parametrize("engine", SETUPS)
def test_every_engine_is_in_the_table_with_its_limits(engine: str) -> None:
    assert read(REFERENCE / "engines.md").count(f"\n| `{engine}` |") == 2


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_in_the_table(preset: str) -> None:
    rate, frames = int(str(PRESETS[preset]["fps"])), int(str(PRESETS[preset]["frames_max"]))
    row = next(line for line in read(REFERENCE / "engines.md").splitlines() if line.startswith(f"| `{preset}` |"))

    assert f"| {rate} | {3 * frames // (2 * rate)} s |" in row


@pytest.mark.parametrize("field", dataclasses.fields(Model), ids=lambda field: field.name)
def test_every_key_of_a_models_file_is_explained(field: "dataclasses.Field[object]") -> None:
    is_the_presets = any(field.name in preset for preset in PRESETS.values())

    assert is_the_presets or f"`{field.name}`" in read(DOCS / "how-to/use-diffusers.md")


@page
def test_relative_links_lead_somewhere(path: Path) -> None:
    targets: list[str] = re.findall(r"\]\(([^)\s]+)\)", read(path))
    broken = [target for target in targets if not urlsplit(target).scheme and not leads_somewhere(target, path)]

    assert broken == []


def leads_somewhere(target: str, path: Path) -> bool:
    name, _, anchor = target.partition("#")
    file = (path.parent / name) if name else path
    return file.exists() and (not anchor or anchor in anchors(file))


def anchors(path: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", read(path), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@page
def test_links_lead_only_to_hosts_that_we_mean(path: Path) -> None:
    urls: list[str] = re.findall(r"https?://[^\s\"'`<>)|\\]+", read(path))

    assert {urlsplit(url).hostname for url in urls} <= HOSTS


@page
def test_examples_of_json_can_be_read(path: Path) -> None:
    for block in json_blocks(path):
        assert json.loads(block)


def test_the_api_page_has_examples() -> None:
    assert len(json_blocks(REFERENCE / "api.md")) >= 6


@page
def test_words_that_say_nothing_do_not_appear(path: Path) -> None:
    assert BANNED.findall(FAIR.sub("", read(path))) == []


@page
def test_a_test_that_is_named_exists(path: Path) -> None:
    known = {name for file in (ROOT / "tests").rglob("test_*.py") for name in re.findall(r"def (test_\w+)", read(file))}

    assert set(re.findall(r"`(test_\w+)`", read(path))) <= known


@page
def test_every_page_is_on_the_map(path: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+\.md)\)", read(DOCS / "README.md"))
    mapped = {(DOCS / link).resolve() for link in links}

    assert path in {*mapped, ROOT / "README.md", ROOT / "CHANGELOG.md", DOCS / "README.md"}


@pytest.mark.parametrize("group", ["dependencies", "dev", "diffusers"])
def test_every_dependency_has_its_reason(group: str) -> None:
    project = tomllib.loads(read(ROOT / "pyproject.toml"))
    groups = {**project["dependency-groups"], **project["project"]["optional-dependencies"]}
    entries = project["project"]["dependencies"] if group == "dependencies" else groups[group]
    names = [re.split(r"[<>=;\s]", entry)[0] for entry in entries]
    text = read(DOCS / "explanation/dependencies.md")

    assert [name for name in names if f"| `{name}` |" not in text] == []

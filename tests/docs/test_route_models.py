"""docs/how-to/route-models-to-engines.md: what it shows is read as it says."""

import json
import re
from pathlib import Path

import pytest

from photoplay.domain.routes import Route
from photoplay.files.cards import load_cards
from photoplay.settings import PREFIX, Settings, read_settings

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "route-models-to-engines.md").read_text()
MODEL = "wan/2-2-image-to-video"


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:  # pyright: ignore[reportUnusedFunction] - pytest calls it
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(PREFIX + name.upper(), raising=False)


def test_the_file_that_the_page_shows_is_read() -> None:
    (text,) = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    Path("photoplay.toml").write_text(text)

    routing = read_settings().routing
    card = load_cards(routes=routing)[MODEL]

    assert routing == {MODEL: Route(engines=("openai-videos", "diffusers"), fallback=True)}
    assert [mapping.name for mapping in card.engines] == ["openai-videos", "diffusers"]


def test_the_variable_that_the_page_shows_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    (text,) = re.findall(r"PHOTOPLAY_ROUTES='(.*?)'", PAGE)
    monkeypatch.setenv("PHOTOPLAY_ROUTES", text)
    routing = read_settings().routing

    assert json.loads(text)
    assert load_cards(routes=routing)[MODEL].fallback

"""Settings: environment beats file beats default, and nothing wrong gets through."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from photoplay.domain.errors import ConfigError
from photoplay.domain.routes import Route
from photoplay.settings import PREFIX, Settings, read_settings


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:  # pyright: ignore[reportUnusedFunction] - pytest calls it
    """An empty working directory, and no setting in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(PREFIX + name.upper(), raising=False)


def write_file(text: str) -> None:
    Path("photoplay.toml").write_text(text, encoding="utf-8")


def test_the_defaults_are_those_of_the_contract() -> None:
    settings = read_settings()

    assert (settings.host, settings.port, settings.http_status) == ("127.0.0.1", 8787, "mirror")
    assert settings.callback_schedule == tuple(timedelta(seconds=s) for s in (0, 5, 30, 120, 600, 1800, 7200, 21600))
    assert settings.creates is not None
    assert (settings.creates.creates_max, settings.creates.window) == (20, timedelta(seconds=10))
    assert (settings.unfinished_max, settings.results_days, settings.uploads_days) == (100, 14, 3)
    assert settings.base_url == "http://127.0.0.1:8787"
    assert (settings.records_days, settings.disk_free_mb) == (60, 500)
    assert (settings.egress_allow, settings.egress_ports, settings.cors) == ("", "", ())


def test_the_file_beats_the_default() -> None:
    write_file("port = 9001")

    assert read_settings().port == 9001


def test_the_environment_beats_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    write_file("port = 9001\nunfinished_max = 7")
    monkeypatch.setenv("PHOTOPLAY_PORT", "9002")

    settings = read_settings()

    assert (settings.port, settings.unfinished_max) == (9002, 7)


def test_the_command_line_beats_both_where_it_says_something(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOTOPLAY_PORT", "9002")
    monkeypatch.setenv("PHOTOPLAY_HOST", "::1")

    settings = read_settings(port=9003, host=None)

    assert (settings.port, settings.host) == (9003, "::1")


def test_an_unknown_variable_is_refused_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOTOPLAY_PROT", "9002")

    with pytest.raises(ConfigError, match=r"^PHOTOPLAY_PROT is not a setting; known are .*PHOTOPLAY_PORT"):
        read_settings()


def test_an_unknown_name_in_the_file_is_refused_by_its_name() -> None:
    write_file("prot = 9002")

    with pytest.raises(ConfigError, match=r"^prot in photoplay.toml is not a setting; known are .*port"):
        read_settings()


def test_a_wrong_value_is_told_with_where_it_stands_and_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    write_file('create_rate = "often"')
    monkeypatch.setenv("PHOTOPLAY_ENGINES", "camera,lens")
    monkeypatch.setenv("PHOTOPLAY_CALLBACK_SCHEDULE_S", "0,soon")
    monkeypatch.setenv("PHOTOPLAY_KIE_KEY", "pp_live_…")

    with pytest.raises(ConfigError) as refused:
        read_settings(port=99999)

    words = str(refused.value)
    for said in (
        "--port: Input should be less than or equal to 65535. Got '99999'",
        "PHOTOPLAY_ENGINES: ",
        "Got 'lens'",
        "PHOTOPLAY_CALLBACK_SCHEDULE_S: Input should be a valid number, unable to parse string as a number. Got 'soon'",
        "create_rate in photoplay.toml: It should be: New tasks per seconds and account, such as 20/10",
        "Got 'often'",
        "PHOTOPLAY_KIE_KEY: it holds a character that no key has",
    ):
        assert said in words, words
    assert "pp_live_" not in words


@pytest.mark.parametrize("content", [b"port = = 9002", b"host = '\xff'"], ids=["not TOML", "not UTF-8"])
def test_a_file_that_cannot_be_read_is_refused_by_its_name(content: bytes) -> None:
    Path("photoplay.toml").write_bytes(content)

    with pytest.raises(ConfigError, match=r"photoplay\.toml"):
        read_settings()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("PORT", "70000"),
        ("PORT", "-1"),
        ("PORT", "http"),
        ("CALLBACK_SCHEDULE_S", ""),
        ("CALLBACK_SCHEDULE_S", "0,soon"),
        ("CALLBACK_SCHEDULE_S", "0,-5"),
        ("CALLBACK_SCHEDULE_S", "0,nan"),
        ("CALLBACK_SCHEDULE_S", "0,inf"),
        ("CALLBACK_SCHEDULE_S", "604801"),
        ("CALLBACK_SCHEDULE_S", ",".join(["1"] * 21)),
        ("CREATE_RATE", "20"),
        ("CREATE_RATE", "0/10"),
        ("CREATE_RATE", "20/0"),
        ("CREATE_RATE", "20/10/5"),
        ("CREATE_RATE", "20/10\n"),
        ("CREATE_RATE", "OFF"),
        ("UNFINISHED_MAX", "0"),
        ("WELCOME_CREDITS", "-1"),
        ("WELCOME_CREDITS", "1.5"),
        ("WELCOME_CREDITS", "1000000000000001"),
        ("HTTP_STATUS", "fine"),
        ("JOBS_MAX", "0"),
        ("LEASE_S", "0.5"),
        ("LEASE_S", "nan"),
        ("DRAIN_S", "-1"),
        ("RESULTS_DAYS", "0"),
        ("UPLOADS_DAYS", "-1"),
        ("LOG_FORMAT", "xml"),
        ("LOG_LEVEL", "loud"),
        ("PUBLIC_URL", "clips.example.com"),
        ("PUBLIC_URL", "https://clips.example.com/?a=b"),
        ("PUBLIC_URL", "https://me@clips.example.com"),
        ("ARK_KEY", "two words"),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_setting(
    name: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"PHOTOPLAY_{name}", text)

    with pytest.raises(ConfigError, match=f"^PHOTOPLAY_{name}: "):
        read_settings()


def test_every_wrong_setting_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOTOPLAY_PORT", "x")
    monkeypatch.setenv("PHOTOPLAY_JOBS_MAX", "0")

    with pytest.raises(ConfigError, match=r"PHOTOPLAY_PORT: .*; PHOTOPLAY_JOBS_MAX: "):
        read_settings()


def test_the_databases_password_is_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOTOPLAY_DATABASE_URL", "postgresql://me:swordfish@db/photoplay")

    settings = read_settings()

    assert "swordfish" not in f"{settings!r} {settings}"
    assert "swordfish" in settings.database_url.get_secret_value()


@pytest.mark.parametrize(
    ("text", "seconds"), [("0", [0]), ("0,5", [0, 5]), ("0.5, 604800", [0.5, 604800]), ("7,7,7", [7, 7, 7])]
)
def test_the_schedule_is_a_comma_list(text: str, seconds: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOTOPLAY_CALLBACK_SCHEDULE_S", text)

    assert read_settings().callback_schedule == tuple(timedelta(seconds=s) for s in seconds)


def test_the_schedule_in_the_file_is_a_list() -> None:
    write_file("callback_schedule_s = [0, 2.5]")

    assert read_settings().callback_schedule_s == (0, 2.5)


@pytest.mark.parametrize(
    ("text", "expected"), [("1/1", (1, 1)), ("20/10", (20, 10)), ("999999/99999", (999999, 99999))]
)
def test_the_create_rate_is_so_many_in_so_long(
    text: str, expected: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PHOTOPLAY_CREATE_RATE", text)

    rate = read_settings().creates

    assert rate is not None
    assert (rate.creates_max, rate.window.total_seconds()) == expected


def test_the_create_rate_can_be_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOTOPLAY_CREATE_RATE", "off")

    assert read_settings().creates is None


def test_a_public_url_is_the_base_of_links(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOTOPLAY_PUBLIC_URL", "https://media.example.com/")

    assert read_settings().base_url == "https://media.example.com"


def test_routes_are_tables_of_the_file() -> None:
    write_file('[routes."wan/2-2-image-to-video"]\nengines = ["comfyui", "diffusers"]\nfallback = true')

    assert read_settings().routing == {"wan/2-2-image-to-video": Route(engines=("comfyui", "diffusers"), fallback=True)}


def test_routes_are_json_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOTOPLAY_ROUTES", '{"a/b":{"fallback":true}}')

    assert read_settings().routing == {"a/b": Route(fallback=True)}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "PHOTOPLAY_ROUTES is not JSON"),
        ('{"a/b":{"falback":true}}', "PHOTOPLAY_ROUTES: a/b: falback: Extra inputs are not permitted. Got 'True'"),
        ('{"a/b":{"fallback":"often"}}', "PHOTOPLAY_ROUTES: a/b: fallback: "),
    ],
)
def test_a_wrong_route_is_refused_by_its_place(text: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOTOPLAY_ROUTES", text)

    with pytest.raises(ConfigError, match=re.escape(words)):
        read_settings()


def test_a_server_whose_only_engine_is_the_sandbox_is_one() -> None:
    assert read_settings(engines="sandbox").is_sandbox
    assert not read_settings().is_sandbox


def test_settings_do_not_change() -> None:
    settings = read_settings()

    with pytest.raises(ValidationError, match="frozen"):
        settings.port = 1  # pyright: ignore[reportAttributeAccessIssue] - that it is refused is the point


def test_every_setting_has_one_line_that_says_what_it_is() -> None:
    wordless = [name for name, field in Settings.model_fields.items() if not re.search(r"\.$", field.description or "")]

    assert wordless == []


def test_origins_are_read_one_by_one() -> None:
    settings = read_settings(cors_origins=" https://app.example.com , http://localhost:5173,, ")

    assert settings.cors == ("https://app.example.com", "http://localhost:5173")
    assert read_settings(cors_origins="*").cors == ("*",)


@pytest.mark.parametrize(
    "origin", ["app.example.com", "https://a.example/", "https://*.example.com", "ftp://a", "null"]
)
def test_what_is_no_origin_is_refused_by_name(origin: str) -> None:
    with pytest.raises(ConfigError, match=r"^--cors-origins: ") as refused:
        read_settings(cors_origins=f"https://fine.example,{origin}")

    assert repr(origin) in str(refused.value)

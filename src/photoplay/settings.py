"""One frozen Settings, read once and passed down. The only reader of the environment.

Environment beats the file `photoplay.toml` in the working directory, which beats the default.
"""

import os
import re
from datetime import timedelta
from pathlib import Path
from tomllib import TOMLDecodeError
from typing import Annotated, Final, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from photoplay.domain.errors import ConfigError

__all__ = ["FILE_NAME", "PREFIX", "CreateRate", "Settings", "read_settings"]

PREFIX: Final = "PHOTOPLAY_"
FILE_NAME: Final = "photoplay.toml"
DELIVERIES_MAX: Final = 20
_LOOPBACK_OF: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nothing is bound here


class CreateRate:
    """So many creates within so long, per account; nothing where the limit is off."""

    __slots__ = ("creates_max", "window")

    def __init__(self, creates_max: int, window: timedelta) -> None:
        self.creates_max = creates_max
        self.window = window


class Settings(BaseSettings):
    """What an operator can set. Every field is `PHOTOPLAY_<NAME>` in the environment."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, toml_file=FILE_NAME, frozen=True, extra="forbid")

    data_dir: Path = Field(Path("photoplay-data"), description="Folder of the database, the files and the first key.")
    host: str = Field("127.0.0.1", description="Address to listen on. Loopback unless you decide otherwise.")
    port: int = Field(8787, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    public_url: str = Field("", description="Base of the links handed out. Empty: http://HOST:PORT.")
    database_url: SecretStr = Field(
        SecretStr(""), description="A PostgreSQL of yours, 15 or newer. Empty: an embedded one in the data folder."
    )
    cards_dir: Path | None = Field(None, description="Folder of your own model cards: VENDOR/MODEL/card.toml.")
    egress_allow: str = Field(
        "",
        description="Comma list of host:port that may be reached although not public. For development only.",
    )
    callback_schedule_s: Annotated[tuple[float, ...], NoDecode] = Field(
        (0, 5, 30, 120, 600, 1800, 7200, 21600),
        min_length=1,
        max_length=DELIVERIES_MAX,
        description="Comma list: seconds before each delivery of a callback.",
    )
    create_rate: str = Field(
        "20/10",
        pattern=r"^(off|[1-9]\d{0,5}/[1-9]\d{0,4})$",
        description="New tasks per seconds and account, such as 20/10; or off.",
    )
    unfinished_max: int = Field(100, ge=1, description="Unfinished tasks an account may have.")
    welcome_credits: int = Field(1000, ge=0, le=10**15, description="Credits of the first account.")
    http_status: Literal["mirror", "ok"] = Field(
        "mirror", description="mirror: the HTTP status is the code. ok: logical errors answer HTTP 200."
    )
    jobs_max: int = Field(
        default_factory=lambda: os.cpu_count() or 1, ge=1, le=64, description="Clips a worker makes at once."
    )
    lease_s: float = Field(15, ge=1, le=600, description="How long a silent worker keeps its task, in seconds.")
    drain_s: float = Field(20, ge=0, le=600, description="How long a stopping server lets running work finish.")
    results_days: float = Field(14, gt=0, le=3650, description="How long clips are kept, in days.")
    uploads_days: float = Field(3, gt=0, le=3650, description="How long uploads are kept, in days.")
    log_format: Literal["text", "json"] = Field("text", description="How log lines are written to standard error.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="The least that is logged.")

    @field_validator("callback_schedule_s", mode="before")
    @classmethod
    def _split_schedule(cls, value: object) -> object:
        return tuple(part for part in value.split(",")) if isinstance(value, str) else value

    @field_validator("callback_schedule_s")
    @classmethod
    def _refuse_negative(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if any(not 0 <= seconds <= 7 * 86400 for seconds in value):
            raise ValueError("every step is between 0 and 604800 seconds")
        return value

    @property
    def local_url(self) -> str:
        """Where this machine reaches the server. One that listens everywhere is reached at loopback."""
        host = _LOOPBACK_OF.get(self.host, self.host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def base_url(self) -> str:
        """The base of every link handed out, without a slash at its end."""
        return (self.public_url or self.local_url).rstrip("/")

    @property
    def creates(self) -> CreateRate | None:
        if self.create_rate == "off":
            return None
        creates_max, seconds = self.create_rate.split("/")
        return CreateRate(int(creates_max), timedelta(seconds=int(seconds)))

    @property
    def callback_schedule(self) -> tuple[timedelta, ...]:
        return tuple(timedelta(seconds=seconds) for seconds in self.callback_schedule_s)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is pydantic's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - likewise
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def read_settings(**overrides: object) -> Settings:
    """Read the environment and the file; what a command line says beats both.

    Raises: ConfigError that names every wrong or unknown setting.
    """
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    given = {name for name in os.environ if name.startswith(PREFIX)}  # noqa: TID251 - the one home of the environment
    if unknown := sorted(given - known):
        raise ConfigError(f"{unknown[0]} is not a setting; known are {', '.join(sorted(known))}")
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})  # pyright: ignore[reportArgumentType] - pydantic checks the values
    except (TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{FILE_NAME} is not TOML that can be read: {exc}") from exc
    except ValidationError as exc:
        raise ConfigError("; ".join(_complaint(str(e["loc"][0]), e["msg"]) for e in exc.errors())) from exc


def _complaint(name: str, message: str) -> str:
    return f"{PREFIX}{name.upper()}: {re.sub(r'^Value error, ', '', message)}"

"""One frozen Settings, read once and passed down. The only reader of the environment.

Environment beats the file `photoplay.toml` in the working directory, which beats the default.
"""

import os
import re
from collections.abc import Mapping
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from tomllib import TOMLDecodeError
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from photoplay.domain.errors import ConfigError
from photoplay.domain.limits import CreateRate
from photoplay.domain.routes import Route

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

__all__ = ["FILE_NAME", "PREFIX", "Settings", "read_settings"]

PREFIX: Final = "PHOTOPLAY_"
FILE_NAME: Final = "photoplay.toml"
DELIVERIES_MAX: Final = 20
EngineName = Literal["ark", "camera", "cog", "comfyui", "diffusers", "kie", "openai-videos", "sandbox"]
_LOOPBACK_OF: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nothing is bound here


class RouteSetting(BaseModel):
    """What an operator says of one model's engines."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    engines: tuple[str, ...] = ()
    fallback: bool = False


class Settings(BaseSettings):
    """What an operator can set. Every field is `PHOTOPLAY_<NAME>` in the environment."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, toml_file=FILE_NAME, frozen=True, extra="forbid")

    data_dir: Path = Field(Path("photoplay-data"), description="Folder of the database, the files and the first key.")
    host: str = Field("127.0.0.1", description="Address to listen on. Loopback unless you decide otherwise.")
    port: int = Field(8787, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    public_url: str = Field("", description="Base of the links handed out. Empty: http://HOST:PORT.")
    trusted_proxies: str = Field(
        "",
        description="Comma list of addresses and networks whose X-Forwarded-For says where a request comes from.",
    )
    database_url: SecretStr = Field(
        SecretStr(""), description="A PostgreSQL of yours, 15 or newer. Empty: an embedded one in the data folder."
    )
    cards_dir: Path | None = Field(None, description="Folder of your own model cards: VENDOR/MODEL/card.toml.")
    engines: Annotated[tuple[EngineName, ...], NoDecode] = Field(
        ("camera", "sandbox"),
        description="Comma list of what makes clips here. A worker takes the tasks of its engines alone.",
    )
    routes: dict[str, RouteSetting] = Field(
        {},
        description="For a model, by its id: `engines`, those that may serve it in order of preference, and `fallback`,"
        " whether its tasks go on to the next one when one is unavailable. As JSON in the environment.",
    )
    egress_allow: str = Field(
        "",
        description="Comma list of host:port that may be reached although not public. For development only.",
    )
    egress_ports: str = Field(
        "", description="Comma list of ports besides 80 and 443 that image and callback URLs may name."
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
    waiting_max: int = Field(
        10_000, ge=1, description="Tasks that may wait in all; more are refused until some are done."
    )
    waiting_hours: float = Field(
        24, gt=0, le=24 * 365, description="How long a task may wait for a worker before it fails, in hours."
    )
    welcome_credits: int = Field(1000, ge=0, le=10**15, description="Credits of the first account.")
    http_status: Literal["mirror", "ok"] = Field(
        "mirror", description="mirror: the HTTP status is the code. ok: logical errors answer HTTP 200."
    )
    jobs_max: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        ge=1,
        le=64,
        description="Clips that a worker's camera makes at once, and its sandbox.",
    )
    camera_depth_model: Path | None = Field(
        None,
        description="An ONNX file that the camera engine asks for depth, such as MiDaS small. Empty: its own guess.",
    )
    ark_key: SecretStr = Field(SecretStr(""), description="Key for the maker's API of Seedance, for the engine `ark`.")
    ark_region: Literal["byteplus", "volcengine"] = Field("byteplus", description="Whose API that is.")
    ark_url: str = Field("", description="Its base URL, where it is not the region's own.")
    ark_pictures: Literal["inline", "link"] = Field(
        "inline",
        description="How pictures get there: in the order itself, or by a link to this server's PUBLIC_URL.",
    )
    kie_url: str = Field(
        "", description="Base URL of a server of the createTask contract that the engine `kie` hands its orders to."
    )
    kie_key: SecretStr = Field(SecretStr(""), description="Key for the server of `kie`.")
    kie_upload_url: str = Field("", description="Base URL of that server's uploads, where it is another one.")
    openai_videos_url: str = Field("", description="Server of the /v1/videos convention: http://HOST:PORT.")
    openai_videos_key: SecretStr = Field(SecretStr(""), description="Its API key. Empty: it asks for none.")
    openai_videos_dialect: Literal["sglang", "vllm-omni"] = Field("sglang", description="Which server that is.")
    openai_videos_jobs_max: int = Field(1, ge=1, le=64, description="Jobs that a worker hands to it at once.")
    diffusers_models: Path = Field(
        Path("diffusers.toml"), description="The file that says which open model on this machine serves which card."
    )
    diffusers_gpus: Annotated[tuple[str, ...], NoDecode] = Field(
        ("0",),
        min_length=1,
        description="Comma list of the GPUs for diffusers, by CUDA's numbers; one clip at once on each.",
    )
    comfyui_url: str = Field("", description="A ComfyUI server: http://HOST:PORT.")
    comfyui_workflows: Path = Field(
        Path("workflows"), description="Folder of its workflows in the API format: VENDOR/MODEL.json."
    )
    comfyui_jobs_max: int = Field(1, ge=1, le=64, description="Jobs that a worker hands to it at once.")
    cog_url: str = Field("", description="Server of the cog runtime: http://HOST:PORT.")
    cog_inputs: str = Field(
        "prompt=prompt,image=image,seed=seed",
        pattern=r"^((prompt|image|seed|duration|width|height)=[A-Za-z_]\w*(,|$))+$",
        description="Comma list: what its predictor calls the parts of an order. A part that is left out is not sent.",
    )
    cog_jobs_max: int = Field(1, ge=1, le=64, description="Jobs that a worker hands to it at once.")
    lease_s: float = Field(15, ge=1, le=600, description="How long a silent worker keeps its task, in seconds.")
    drain_s: float = Field(20, ge=0, le=600, description="How long a stopping server lets running work finish.")
    results_days: float = Field(14, gt=0, le=3650, description="How long clips are kept, in days.")
    uploads_days: float = Field(3, gt=0, le=3650, description="How long uploads are kept, in days.")
    records_days: float = Field(60, ge=1, le=36500, description="How long records of ended tasks are kept, in days.")
    disk_free_mb: int = Field(
        500, ge=0, description="Megabytes that stay free on the disk of the data folder: below it, new work is refused."
    )
    cors_origins: str = Field(
        "", description="Comma list of origins whose pages may call the API from a browser, or *. Empty: none."
    )
    log_format: Literal["text", "json"] = Field("text", description="How log lines are written to standard error.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="The least that is logged.")

    @field_validator("cors_origins")
    @classmethod
    def _refuse_paths(cls, value: str) -> str:
        for origin in value.split(","):
            if origin.strip() not in {"", "*"} and not re.fullmatch(r"https?://[^/\s,*]+", origin.strip()):
                raise ValueError(f"{origin.strip()!r} is not an origin such as https://app.example.com, nor *")
        return value

    @field_validator("public_url")
    @classmethod
    def _refuse_what_is_no_base(cls, value: str) -> str:
        if value and not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", value):
            raise ValueError("it must be a base such as https://clips.example.com")
        return value

    @field_validator("ark_key", "kie_key", "openai_videos_key")
    @classmethod
    def _refuse_what_is_no_key(cls, value: SecretStr) -> SecretStr:
        if not re.fullmatch(r"[!-~]*", value.get_secret_value()):
            raise ValueError("it holds a character that no key has")
        return value

    @field_validator("callback_schedule_s", "engines", "diffusers_gpus", mode="before")
    @classmethod
    def _split_list(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("callback_schedule_s")
    @classmethod
    def _refuse_negative(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if any(not 0 <= seconds <= 7 * 86400 for seconds in value):
            raise ValueError("every step is between 0 and 604800 seconds")
        return value

    @field_validator("diffusers_gpus")
    @classmethod
    def _refuse_what_is_no_number(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := [gpu for gpu in value if not (gpu.isascii() and gpu.isdigit())]:
            raise ValueError(f"{wrong[0]!r} is not the number of a GPU")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _refuse_what_is_no_network(cls, value: str) -> str:
        for text in filter(None, map(str.strip, value.split(","))):
            # A ValueError of its own, in words: whoever may speak for others is not to be guessed.
            ip_network(text)
        return value

    @property
    def is_sandbox(self) -> bool:
        """Whether nothing here makes a real clip: the server is for the tests of a client."""
        return self.engines == ("sandbox",)

    @property
    def routing(self) -> Mapping[str, Route]:
        return {id: Route(engines=said.engines, fallback=said.fallback) for id, said in self.routes.items()}

    @property
    def proxies(self) -> list[str]:
        return [text for part in self.trusted_proxies.split(",") if (text := part.strip())]

    @property
    def cog_input_names(self) -> dict[str, str]:
        """Part of an order -> input of the predictor."""
        return {part: name for entry in filter(None, self.cog_inputs.split(",")) for part, name in [entry.split("=")]}

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
    def cors(self) -> tuple[str, ...]:
        return tuple(origin.strip() for origin in self.cors_origins.split(",") if origin.strip())

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
    said = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**said)  # pyright: ignore[reportArgumentType] - pydantic checks the values
    except (TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{FILE_NAME} is not TOML that can be read: {exc}") from exc
    except ValidationError as exc:
        raise ConfigError("; ".join(_complaint(error, said) for error in _telling(exc.errors()))) from exc
    except SettingsError as exc:
        raise ConfigError(f"{PREFIX}ROUTES is not JSON: {exc.__cause__}") from exc


def _telling(errors: "list[ErrorDetails]") -> "list[ErrorDetails]":
    """Leave out that a list is too short where that is because its parts are wrong."""
    in_parts = {error["loc"][:1] for error in errors if len(error["loc"]) > 1}
    return [error for error in errors if len(error["loc"]) > 1 or error["loc"] not in in_parts]


def _complaint(error: "ErrorDetails", said: Mapping[str, object]) -> str:
    name, *below = (part for part in error["loc"] if isinstance(part, str))
    if name not in Settings.model_fields:
        return f"{name} in {FILE_NAME} is not a setting; known are {', '.join(sorted(Settings.model_fields))}"
    variable = f"{PREFIX}{name.upper()}"
    is_variable = variable in {name.upper() for name in os.environ}  # noqa: TID251 - to say where it stands
    where = f"--{name.replace('_', '-')}" if name in said else variable if is_variable else f"{name} in {FILE_NAME}"
    path = "".join(f"{part}: " for part in below)
    message = re.sub(r"^Value error, ", "", error["msg"])
    if error["type"] == "string_pattern_mismatch":
        message = f"It should be: {Settings.model_fields[name].description}"
    got = "" if Settings.model_fields[name].annotation is SecretStr else f" Got {str(error['input'])[:100]!r}"
    return f"{where}: {path}{message.rstrip('.')}.{got}"

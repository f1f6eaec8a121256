"""How each engine is set up: what of the settings it is made with, and what its processes may take."""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from photoplay.domain.errors import ConfigError, DeliveryError, EngineRejected
from photoplay.egress import Deadlines, Egress, parse_allow, place_of
from photoplay.engines.ark import ArkEngine
from photoplay.engines.child import make_engine
from photoplay.engines.cog import CogEngine
from photoplay.engines.comfyui import ComfyUIEngine
from photoplay.engines.engine import Finding, Places
from photoplay.engines.kie import KieEngine
from photoplay.engines.openai_videos import OpenAIVideosEngine
from photoplay.engines.remote import RemoteEngine, RemotePlaces
from photoplay.engines.runner import ChildLimits, EnginePool
from photoplay.settings import PREFIX, Settings

__all__ = [
    "REMOTES",
    "SETUPS",
    "Remote",
    "Setup",
    "check_engine",
    "is_warmed",
    "open_engine_egress",
    "open_places",
    "open_pool",
]

# A clip of hundreds of megabytes, from a server far away.
_FETCH_S: Final = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    size: int
    """Orders that it fills at once, in a process each."""
    options: Mapping[str, str] = field(default_factory=dict[str, str])
    """What its class is made with."""
    places: Sequence[Mapping[str, str]] = ()
    """Further options, place by place."""
    limits: ChildLimits = field(default_factory=ChildLimits)
    is_warmed: bool = False
    """Started with the worker."""


def _camera(settings: Settings) -> Setup:
    depth_model = settings.camera_depth_model
    return Setup(
        size=settings.jobs_max,
        options={} if depth_model is None else {"depth_model": str(depth_model)},
        # 1080p for 10 s passes at 700 MB and fails at 500.
        limits=ChildLimits(memory_bytes=900 * 1024 * 1024),
        is_warmed=True,
    )


def _diffusers(settings: Settings) -> Setup:
    return Setup(
        size=len(settings.diffusers_gpus),
        options={"models": str(settings.diffusers_models)},
        places=[{"gpu": gpu} for gpu in settings.diffusers_gpus],
        limits=ChildLimits(
            # Weights take minutes to load, from a slow disk many, and a step of a large model a minute: a process that
            # has loaded them is worth waiting for.
            start=timedelta(minutes=30),
            stall=timedelta(minutes=10),
            patience=timedelta(seconds=20),
            outlives_cancel=True,
            runs_max=1000,
        ),
        is_warmed=True,
    )


def _sandbox(settings: Settings) -> Setup:
    return Setup(
        size=settings.jobs_max,
        limits=ChildLimits(memory_bytes=900 * 1024 * 1024),
        is_warmed=settings.is_sandbox,
    )


SETUPS: Final[Mapping[str, Callable[[Settings], Setup]]] = {
    "camera": _camera,
    "diffusers": _diffusers,
    "sandbox": _sandbox,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """An engine at another server."""

    url: Callable[[Settings], str]
    """Base of that server's URLs. It may be reached although not public: the operator named it."""
    make: Callable[[Settings, Egress], RemoteEngine]
    """Raises: ConfigError, with the setting that is missing."""


def _ark(settings: Settings, egress: Egress) -> RemoteEngine:
    key = settings.ark_key.get_secret_value()
    if not key:
        raise ConfigError(f"the engine ark needs {PREFIX}ARK_KEY")
    if settings.ark_pictures == "link" and not settings.public_url:
        raise ConfigError(f"{PREFIX}ARK_PICTURES=link needs {PREFIX}PUBLIC_URL, where the maker can read them")
    return ArkEngine(egress, key=key, region=settings.ark_region, url=settings.ark_url)


def _kie(settings: Settings, egress: Egress) -> RemoteEngine:
    key = settings.kie_key.get_secret_value()
    if not key:
        raise ConfigError(f"the engine kie needs {PREFIX}KIE_KEY, a key for the server of {PREFIX}KIE_URL")
    url = _given(settings.kie_url, "kie", "kie_url")
    return KieEngine(egress, url=url, key=key, upload_url=settings.kie_upload_url)


def _openai_videos(settings: Settings, egress: Egress) -> RemoteEngine:
    return OpenAIVideosEngine(
        url=_given(settings.openai_videos_url, "openai-videos", "openai_videos_url").removesuffix("/v1"),
        key=settings.openai_videos_key.get_secret_value(),
        dialect=settings.openai_videos_dialect,
        egress=egress,
        size=settings.openai_videos_jobs_max,
    )


def _comfyui(settings: Settings, egress: Egress) -> RemoteEngine:
    return ComfyUIEngine(
        url=_given(settings.comfyui_url, "comfyui", "comfyui_url"),
        workflows=settings.comfyui_workflows,
        egress=egress,
        size=settings.comfyui_jobs_max,
    )


def _cog(settings: Settings, egress: Egress) -> RemoteEngine:
    return CogEngine(
        url=_given(settings.cog_url, "cog", "cog_url"),
        inputs=settings.cog_input_names,
        egress=egress,
        size=settings.cog_jobs_max,
    )


def _given(url: str, engine: str, setting: str) -> str:
    """Return the base of an engine's URLs, without a slash at its end."""
    if not re.match(r"https?://.", url):
        raise ConfigError(
            f"the engine {engine} needs {PREFIX}{setting.upper()}: http://HOST:PORT, got {url or 'nothing'}"
        )
    return url.rstrip("/")


REMOTES: Final[Mapping[str, Remote]] = {
    "ark": Remote(url=lambda settings: settings.ark_url, make=_ark),
    "kie": Remote(url=lambda settings: settings.kie_url, make=_kie),
    "openai-videos": Remote(url=lambda settings: settings.openai_videos_url, make=_openai_videos),
    "comfyui": Remote(url=lambda settings: settings.comfyui_url, make=_comfyui),
    "cog": Remote(url=lambda settings: settings.cog_url, make=_cog),
}


def open_engine_egress(settings: Settings) -> Egress:
    """Return the way out to the servers of the engines that are configured, and to where their clips lie."""
    urls = [REMOTES[name].url(settings) for name in settings.engines if name in REMOTES]
    places = ",".join(filter(None, [settings.egress_allow, *(place_of(url) for url in urls if url)]))
    return Egress(allow=parse_allow(places), deadlines=Deadlines(fetch_s=_FETCH_S))


def open_places(engine: str, settings: Settings, *, egress: Egress, stopping: asyncio.Event) -> Places:
    """Return the places for one engine; no process is started yet. Raises: ConfigError."""
    if engine in REMOTES:
        return RemotePlaces(REMOTES[engine].make(settings, egress), stopping=stopping)
    return open_pool(engine, settings)


def open_pool(engine: str, settings: Settings) -> EnginePool:
    """Return the places for one engine of this machine; no process is started yet."""
    setup = SETUPS[engine](settings)
    return EnginePool(engine, size=setup.size, limits=setup.limits, options=setup.options, places=setup.places)


def is_warmed(engine: str, settings: Settings) -> bool:
    """Say whether an engine is started with the worker, because a first order should not wait for it."""
    return engine in REMOTES or SETUPS[engine](settings).is_warmed


def check_engine(engine: str, settings: Settings) -> Sequence[Finding]:
    """Look for what one engine needs, at each of its places. Raises: EngineUnavailable, ConfigError."""
    if engine in REMOTES:
        return asyncio.run(_check_remote(engine, settings))
    setup = SETUPS[engine](settings)
    found = [make_engine(engine, {**setup.options, **own}).check() for own in setup.places or [{}]]
    return list(dict.fromkeys(finding for findings in found for finding in findings))


async def _check_remote(engine: str, settings: Settings) -> Sequence[Finding]:
    async with open_engine_egress(settings) as egress:
        try:
            await REMOTES[engine].make(settings, egress).check()
        except (DeliveryError, EngineRejected) as exc:
            setting = f"{PREFIX}{engine.replace('-', '_').upper()}_URL"
            remedy = f"see that the server runs and can be reached from here, and that {setting} is right"
            return [Finding(what="server", is_well=False, words=str(exc), remedy=remedy)]
    return [
        Finding(what="server", is_well=True, words=f"{place_of(REMOTES[engine].url(settings)) or 'it'} takes orders")
    ]

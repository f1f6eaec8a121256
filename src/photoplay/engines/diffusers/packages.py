"""The packages of the extra: whether they are there, and the two that the engine calls."""

import importlib
import importlib.metadata
import importlib.util
import os
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Final

from photoplay.domain.errors import EngineUnavailable
from photoplay.engines.engine import Finding

__all__ = ["INSTALL", "check_packages", "load_packages"]

INSTALL: Final = "pip install 'photoplay[diffusers]', or in a clone: ./run --extra diffusers photoplay doctor"
_NEEDED: Final = ("torch", "diffusers", "transformers", "accelerate", "safetensors")
# Nothing is fetched and nothing told: weights are on this machine, or the engine says how to get them.
_OFFLINE: Final = {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "DIFFUSERS_VERBOSITY": "error"}


def check_packages(more: Sequence[str] = ()) -> Iterator[Finding]:
    """Yield what there is of the packages; none is imported."""
    for name in (*_NEEDED, *more):
        if importlib.util.find_spec(name) is None:
            yield Finding(what=f"package {name}", is_well=False, words="is not installed", remedy=INSTALL)
        else:
            yield Finding(what=f"package {name}", is_well=True, words=importlib.metadata.version(name))


def load_packages(more: Sequence[str] = ()) -> tuple[ModuleType, ModuleType]:
    """Return torch and diffusers, told to stay off the network and off our log.

    Raises: EngineUnavailable if a package is missing: some of them would be missed in the middle of a run only.
    """
    missing = [finding.what for finding in check_packages(more) if not finding.is_well]
    if missing:
        raise EngineUnavailable(f"diffusers: {', '.join(missing)} is not installed; {INSTALL}")
    os.environ.update(_OFFLINE)  # noqa: TID251 - for libraries that read it when they are imported
    torch, diffusers = importlib.import_module("torch"), importlib.import_module("diffusers")
    importlib.import_module("diffusers.utils.logging").disable_progress_bar()
    for name in ("diffusers.utils.logging", "transformers.utils.logging"):
        importlib.import_module(name).set_verbosity_error()
    importlib.import_module("transformers.utils.logging").disable_progress_bar()
    return torch, diffusers

"""One model in memory: loaded from its folder, placed on the ladder, called with a picture and words."""

import inspect
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, Final, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

from photoplay.domain.errors import EngineUnavailable
from photoplay.domain.json import JsonObject, JsonValue
from photoplay.engines.diffusers.models import Device, Memory, Model
from photoplay.engines.diffusers.take import Take
from photoplay.engines.engine import Report

__all__ = ["Pipeline", "place"]

Untyped: TypeAlias = Any
"""What torch and diffusers give. They say nothing of its types, and the pipelines have none in common."""

# What of the whole the steps are; decoding and encoding are the rest.
_STEPS_SHARE: Final = 0.9


class Pipeline:
    """A model that is ready to be called.

    Raises: EngineUnavailable on creation, if the weights cannot be loaded or placed, or are not what the preset says.
    """

    def __init__(self, model: Model, folder: Path, *, gpu: str, torch: ModuleType, diffusers: ModuleType) -> None:
        self._model = model
        self._torch = torch
        self._device = torch.device(f"cuda:{gpu}" if model.device is Device.CUDA else "cpu")
        kind: Untyped = getattr(diffusers, model.pipeline, None)
        if kind is None:
            raise EngineUnavailable(f"diffusers: version {diffusers.__version__} has no {model.pipeline}")
        _refuse_unknown_words(kind, model)
        if model.device is Device.CUDA:
            torch.cuda.set_per_process_memory_fraction(model.memory_share, self._device)
        self._pipe: Untyped = _loaded(kind, model, folder, torch)
        _refuse_other_limits(self._pipe, model)
        with _no_memory_is_unavailable(torch, "the weights"):
            place(self._pipe, model, device=self._device, cpu=torch.device("cpu"))

    def film(
        self, picture: Image, take: Take, words: Mapping[str, str], *, seed: int, report: Report
    ) -> NDArray[np.float32]:
        """Make the frames. An exception of `report` ends the call at once, and the pipeline stays usable.

        Shape: (frames, height, width, 3), RGB, float 0 to 1.
        Raises: EngineUnavailable if the GPU's memory does not suffice, or something else than the take came out.
        """
        model, size = self._model, take.size
        self._pipe.progress_bar = _bars(report)
        try:
            with _no_memory_is_unavailable(self._torch, f"{size.width_px}x{size.height_px} and {take.frames} frames"):
                made: Untyped = self._pipe(
                    image=picture,
                    height=size.height_px,
                    width=size.width_px,
                    num_frames=take.frames,
                    num_inference_steps=model.steps,
                    # On the CPU, so that a seed means the same noise on every device.
                    generator=self._torch.Generator("cpu").manual_seed(seed),
                    output_type="np",
                    **words,
                    **model.call,
                )
        except BaseException:
            self._tidy()
            raise
        frames = np.asarray(made.frames[0], dtype=np.float32)
        expected = (take.frames, size.height_px, size.width_px, 3)
        if frames.shape != expected:
            raise EngineUnavailable(f"{model.pipeline}: expected frames of {expected}, got {frames.shape}")
        return frames

    def to_json(self) -> JsonObject:
        if self._model.device is Device.CPU:
            return {"device": "cpu"}
        cuda = self._torch.cuda
        return {
            "device": str(cuda.get_device_name(self._device)),
            "gpu_bytes_max": int(cuda.max_memory_reserved(self._device)),
        }

    def _tidy(self) -> None:
        """Bring the parts back to where they were before a call that did not end."""
        self._pipe.maybe_free_model_hooks()
        if self._model.device is Device.CUDA:
            self._torch.cuda.empty_cache()


class _Bar:
    """Stands where diffusers draws a progress bar: every pipeline calls it after each step."""

    def __init__(self, total: int, report: Report) -> None:
        self._total = max(1, total)
        self._report = report
        self._done = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        pass

    def update(self, steps: int = 1) -> None:
        self._done += steps
        self._report(_STEPS_SHARE * min(1.0, self._done / self._total))


def _bars(report: Report) -> Callable[..., _Bar]:
    def progress_bar(iterable: object = None, total: int | None = None) -> _Bar:
        del iterable
        return _Bar(total or 1, report)

    return progress_bar


def place(pipe: Untyped, model: Model, *, device: Untyped, cpu: Untyped) -> None:
    """Put the parts where the model's rung of the ladder wants them."""
    match model.memory:
        case Memory.FULL:
            pipe.to(device)
        case Memory.MODEL_OFFLOAD:
            pipe.enable_model_cpu_offload(device=device)
        case Memory.GROUP_OFFLOAD:
            pipe.enable_group_offload(
                onload_device=device, offload_device=cpu, offload_type="leaf_level", use_stream=True
            )
        case Memory.SEQUENTIAL_OFFLOAD:
            pipe.enable_sequential_cpu_offload(device=device)
    # Not every VAE can; those that cannot are small.
    for is_wanted, enable in ((model.vae_tiling, "enable_tiling"), (model.vae_slicing, "enable_slicing")):
        if is_wanted:
            with suppress(AttributeError, NotImplementedError):
                getattr(pipe.vae, enable)()


def _loaded(kind: Untyped, model: Model, folder: Path, torch: ModuleType) -> Untyped:
    precision = getattr(torch, model.precision)
    try:
        return kind.from_pretrained(
            str(folder),
            dtype={"default": precision, **dict.fromkeys(model.float32, torch.float32)},
            use_safetensors=True,
            local_files_only=True,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError) as exc:
        # Their texts carry paths.
        raise EngineUnavailable(
            f"weights: {folder.name} cannot be loaded as {model.pipeline}: {type(exc).__name__}"
        ) from exc


def _refuse_unknown_words(kind: Untyped, model: Model) -> None:
    known = inspect.signature(kind.__call__).parameters
    for name in (*model.words, *model.call):
        if name not in known:
            raise EngineUnavailable(f"diffusers: {model.pipeline} is not called with {name}")


def _refuse_other_limits(pipe: Untyped, model: Model) -> None:
    """Compare the preset with the weights: a wrong side is cut down and a wrong count of frames rounded, in silence."""
    config: Untyped = getattr(getattr(pipe, "transformer", None), "config", None)
    patch: JsonValue = getattr(config, "patch_size", 1)
    spatial: int = getattr(pipe, "vae_scale_factor_spatial", 0) or getattr(pipe, "vae_spatial_compression_ratio", 8)
    temporal: int = getattr(pipe, "vae_scale_factor_temporal", 0) or getattr(pipe, "vae_temporal_compression_ratio", 1)
    multiple = spatial * int(patch[-1] if isinstance(patch, list | tuple) else patch)  # pyright: ignore[reportArgumentType, reportUnknownArgumentType] - a number or a list of them
    if model.multiple_px % multiple:
        raise EngineUnavailable(
            f"preset: sides must be multiples of {multiple} for these weights, not {model.multiple_px}"
        )
    if model.frames_step % temporal:
        raise EngineUnavailable(
            f"preset: frames must be {temporal} x n + 1 for these weights, not {model.frames_step} x n + 1"
        )


@contextmanager
def _no_memory_is_unavailable(torch: ModuleType, what: str) -> Generator[None]:
    lack: type[RuntimeError] = torch.cuda.OutOfMemoryError
    try:
        yield
    except lack as exc:
        raise EngineUnavailable(f"out of GPU memory for {what}; the operator can choose a lower rung") from exc

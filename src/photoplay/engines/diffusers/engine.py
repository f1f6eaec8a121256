"""The engine of open models: one process a GPU, one model in it at a time, weights from this machine alone."""

import gc
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from photoplay.domain.errors import EngineRejected, EngineUnavailable, StillRejected
from photoplay.domain.json import JsonObject
from photoplay.engines.diffusers.models import Device, Model, read_models
from photoplay.engines.diffusers.packages import check_packages, load_packages
from photoplay.engines.diffusers.pipeline import Pipeline
from photoplay.engines.diffusers.take import Take, plan_take
from photoplay.engines.diffusers.weights import find_weights, weights_name
from photoplay.engines.engine import Artifact, Clip, Finding, Order, Report
from photoplay.media.clip import FPS, ClipWriter, Format, encoder_options, rehearse
from photoplay.media.frame import frame_of, save_picture
from photoplay.media.sizes import Size

__all__ = ["DiffusersEngine"]

_VERSION: Final = "1"
# Decoding the frames ends here, and encoding the clip begins.
_DECODED_SHARE: Final = 0.98


class DiffusersEngine:
    """Implements `Engine` with diffusers. Weights take minutes to load: it keeps the model of the last order."""

    name: str = "diffusers"
    version: str = _VERSION
    """Raised when the same order no longer gives the same frames."""

    def __init__(self, *, models: str = "diffusers.toml", gpu: str = "0") -> None:
        self._path = Path(models)
        self._gpu = gpu
        self._models: Mapping[str, Model] = {}
        self._loaded: tuple[Model, Pipeline] | None = None

    def check(self) -> list[Finding]:
        """Look for the packages, the GPU, the models file and each model's weights."""
        return list(dict.fromkeys(self._findings()))

    def warm(self) -> None:
        """Load the first model of the file.

        Raises: EngineUnavailable for anything that is missing: a package, the GPU, the file, the weights.
        """
        rehearse()
        if self._loaded is None:
            self._models = read_models(self._path)
            self._pipeline(next(iter(self._models.values())))

    def run(self, order: Order, report: Report) -> Clip:
        """Make one clip, with another model first loaded where the order's card asks for one.

        Raises: EngineRejected for what the model cannot make; StillRejected for a picture that is missing or cannot be
            read; EngineUnavailable if the model cannot be loaded or the GPU's memory does not suffice. No file is left
            after any of them.
        """
        model = self._model_for(order.model)
        words = _words(order, model)
        still = _open(order.still)
        take = plan_take(
            model,
            still=Size(width_px=still.width, height_px=still.height),
            resolution=order.resolution,
            seconds=order.duration_s,
        )
        report(0.0)
        pipeline = self._pipeline(model)
        picture = ImageOps.fit(still, (take.size.width_px, take.size.height_px), Image.Resampling.LANCZOS)
        frames = pipeline.film(picture, take, words, seed=order.seed, report=report)
        report(_DECODED_SHARE)
        artifacts = _write(frames, take, order.output, report)
        return Clip(
            path=order.output,
            width_px=take.size.width_px,
            height_px=take.size.height_px,
            fps=FPS,
            frames=len(take.shown),
            facts=self._facts(order, model, take, pipeline),
            artifacts=artifacts,
        )

    def _model_for(self, card: str) -> Model:
        """Return the model that serves a card; an order that names none gets the only one there is.

        Raises: EngineRejected if there is none: waiting would not bring it.
        """
        if not card and len(self._models) == 1:
            return next(iter(self._models.values()))
        model = self._models.get(card)
        if model is None:
            raise EngineRejected(f"diffusers: {self._path.name} names no model for {card or 'an order without a card'}")
        return model

    def _pipeline(self, model: Model) -> Pipeline:
        if self._loaded is not None and self._loaded[0] == model:
            return self._loaded[1]
        torch, diffusers = load_packages(model.packages)
        if problem := self._gpu_problem(model, torch):
            raise EngineUnavailable(f"diffusers: {problem}")
        folder = find_weights(model, beside=self._path.parent)
        if self._loaded is not None:
            # Two models at once would not fit.
            self._loaded = None
            gc.collect()
            torch.cuda.empty_cache()
        pipeline = Pipeline(model, folder, gpu=self._gpu, torch=torch, diffusers=diffusers)
        self._loaded = (model, pipeline)
        return pipeline

    def _gpu_problem(self, model: Model, torch: ModuleType) -> str:
        """Return what is wrong with the GPU that the model wants; empty if nothing is."""
        if model.device is Device.CPU:
            return ""
        count: int = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if int(self._gpu) < count:
            return ""
        return f"GPU {self._gpu} is not there: torch {torch.__version__} sees {count or 'none'}"

    def _findings(self) -> Iterator[Finding]:
        packages = list(check_packages())
        yield from packages
        try:
            models = read_models(self._path)
        except EngineUnavailable as exc:
            yield Finding(what="models file", is_well=False, words=str(exc), remedy="see docs/how-to/use-diffusers.md")
            return
        yield Finding(what="models file", is_well=True, words=f"{self._path.name}: {', '.join(models)}")
        if all(finding.is_well for finding in packages):
            for card, model in models.items():
                yield from self._model_findings(card, model)

    def _model_findings(self, card: str, model: Model) -> Iterator[Finding]:
        yield from check_packages(model.packages)
        torch, _ = load_packages()
        if problem := self._gpu_problem(model, torch):
            yield Finding(what="GPU", is_well=False, words=problem, remedy="see docs/how-to/use-diffusers.md")
        else:
            place = "the CPU" if model.device is Device.CPU else str(torch.cuda.get_device_name(int(self._gpu)))
            yield Finding(what="GPU", is_well=True, words=place)
        try:
            find_weights(model, beside=self._path.parent)
        except EngineUnavailable as exc:
            yield Finding(
                what=f"weights of {card}", is_well=False, words=str(exc), remedy="see docs/how-to/use-diffusers.md"
            )
        else:
            yield Finding(what=f"weights of {card}", is_well=True, words=weights_name(model))

    def _facts(self, order: Order, model: Model, take: Take, pipeline: Pipeline) -> JsonObject:
        return {
            "engine": self.name,
            "version": self.version,
            "seed": order.seed,
            "pipeline": model.pipeline,
            "weights": weights_name(model),
            "precision": model.precision,
            "memory": model.memory,
            "steps": model.steps,
            **take.to_json(),
            **pipeline.to_json(),
            "encoder": encoder_options(Format.H264, fps=FPS),
        }


def _words(order: Order, model: Model) -> dict[str, str]:
    """Return what the model is told. Raises: EngineRejected for a control, or words, that it does not understand."""
    words = {name: str(value) for name, value in order.controls.items()}
    if order.prompt or "prompt" in model.words:
        words["prompt"] = order.prompt
    for name in words:
        if name not in model.words:
            known = ", ".join(model.words) or "none"
            raise EngineRejected(f"{name}: this model does not know it; it understands {known}")
    return words


def _open(path: Path | None) -> Image.Image:
    if path is None:
        raise StillRejected("still: there is none, and these models begin with one")
    try:
        with Image.open(path, formats=("PNG",)) as image:
            return image.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as exc:
        # Pillow reports a broken PNG chunk as SyntaxError; its texts carry the path.
        raise StillRejected(f"still: expected a readable PNG, got {type(exc).__name__}") from exc


def _write(frames: NDArray[np.float32], take: Take, output: Path, report: Report) -> dict[Artifact, Path]:
    """Encode what is shown; save the middle and the last frame beside it. After any exception no file is left."""
    poster = output.with_name(f"{output.name}.poster.jpg")
    last = output.with_name(f"{output.name}.last.png")
    shown = take.shown
    try:
        with ClipWriter(output, take.size) as writer:
            for number, index in enumerate(shown):
                writer.add(frame_of(_bytes(frames[index])))
                report(_DECODED_SHARE + (1 - _DECODED_SHARE) * (number + 1) / len(shown))
        save_picture(frame_of(_bytes(frames[shown[len(shown) // 2]])), poster)
        save_picture(frame_of(_bytes(frames[shown[-1]])), last)
    except BaseException:
        for path in (output, poster, last):
            path.unlink(missing_ok=True)
        raise
    return {Artifact.POSTER: poster, Artifact.LAST_FRAME: last}


def _bytes(frame: NDArray[np.float32]) -> NDArray[np.uint8]:
    return (np.clip(frame, 0, 1) * 255 + 0.5).astype(np.uint8)

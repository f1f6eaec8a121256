"""What the tests of the diffusers engine share: tiny weights made once, and a still. Without torch they are skipped."""

import importlib.util
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from PIL import Image

__all__ = ["require_torch", "save_still", "tiny_weights"]

MAKER = Path(__file__).with_name("tiny_pipelines.py")
MAKE_S = 240


def require_torch() -> None:
    """Skip the module that calls this where the extra is not installed. Nothing is imported: that takes seconds."""
    if importlib.util.find_spec("torch") is None or importlib.util.find_spec("diffusers") is None:
        pytest.skip("the extra `diffusers` is not installed: .ci/diffusers runs these", allow_module_level=True)


@contextmanager
def tiny_weights() -> Generator[Path]:
    """Yield a folder with a folder of weights for each preset, made in a process of its own."""
    with TemporaryDirectory(prefix="photoplay-tiny-") as folder:
        subprocess.run([sys.executable, str(MAKER), folder], check=True, capture_output=True, timeout=MAKE_S)
        yield Path(folder)


def save_still(path: Path) -> Path:
    with Image.open(str(files("photoplay") / "samples" / "coffee.jpg")) as image:
        image.convert("RGB").resize((300, 200)).save(path)
    return path

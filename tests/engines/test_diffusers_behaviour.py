"""The diffusers engine passes what every engine must, with tiny weights on the CPU."""

from collections.abc import Generator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from behaviour import Bench, EngineSuite
from tiny import require_torch, save_still, tiny_weights
from tiny_pipelines import models_file

from photoplay.engines.diffusers import DiffusersEngine
from photoplay.engines.engine import Order
from photoplay.engines.runner import ChildLimits

require_torch()

pytestmark = pytest.mark.filterwarnings("default")  # what torch and transformers say of themselves


@pytest.fixture(scope="module")
def weights() -> Generator[Path]:
    with tiny_weights() as folder:
        yield folder


class TestDiffusers(EngineSuite):
    @pytest.fixture
    def bench(self, weights: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Bench:
        models = tmp_path_factory.mktemp("models") / "diffusers.toml"
        models.write_text(models_file(weights, "wan2-2-ti2v-5b"))
        order = Order(
            still=save_still(tmp_path / "still.png"),
            prompt="steam rises",
            resolution="480p",
            duration_s=1,
            seed=7,
            output=tmp_path / "clip.mp4",
            controls={"negative_prompt": "rain"},
        )
        return Bench(
            name="diffusers",
            make=partial(DiffusersEngine, models=str(models)),
            order=order,
            options={"models": str(models)},
            # As the server has it, but for the time that a test waits at most.
            limits=ChildLimits(start=timedelta(seconds=240), outlives_cancel=True),
            deadline_s=280,
        )

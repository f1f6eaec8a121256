"""The camera engine passes what every engine must."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from importlib.resources import files
from pathlib import Path

import pytest
from behaviour import DEADLINE_S, Bench, EngineSuite
from PIL import Image

from photoplay.domain.json import JsonValue
from photoplay.engines.camera import CameraEngine
from photoplay.engines.camera.ambience import Effect
from photoplay.engines.engine import Order
from photoplay.engines.setup import open_pool
from photoplay.settings import read_settings


class TestCamera(EngineSuite):
    @pytest.fixture
    def bench(self, tmp_path: Path) -> Bench:
        still = tmp_path / "still.png"
        with Image.open(str(files("photoplay") / "samples" / "coffee.jpg")) as image:
            image.convert("RGB").save(still)
        order = Order(
            still=still,
            prompt="handheld, steam, snow falls",
            resolution="720p",
            duration_s=1,
            seed=7,
            output=tmp_path / "clip.mp4",
        )
        return Bench(name="camera", make=CameraEngine, order=order)

    @pytest.mark.parametrize("format", ["h264", "av1"])
    async def test_the_largest_clip_fits_the_memory_that_the_server_gives(self, bench: Bench, format: str) -> None:
        controls: dict[str, JsonValue] = {"format": format, "effects": ",".join(Effect), "move": "orbit_left"}
        order = replace(bench.order, resolution="1080p", controls={**controls, "end_still": str(bench.order.still)})
        pool = open_pool("camera", read_settings(jobs_max=1))
        try:
            async with asyncio.timeout(DEADLINE_S), pool.slot() as child:
                clip = await child.run(order, lambda _: None)
        finally:
            await pool.stop(timedelta(0))

        assert clip.frames == 24

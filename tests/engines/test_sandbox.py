"""The engine for trying things out: it does what its order says."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from behaviour import DEADLINE_S, Bench, EngineSuite, make, running

from photoplay.domain.errors import EngineRejected, EngineTimeout, EngineUnavailable
from photoplay.domain.json import JsonValue
from photoplay.engines.engine import Order
from photoplay.engines.runner import ChildLimits, EnginePool
from photoplay.engines.sandbox import SandboxEngine


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return sandbox_bench(tmp_path)


def sandbox_bench(folder: Path, *, duration_s: int = 1, **controls: JsonValue) -> Bench:
    order = Order(
        still=None,
        prompt="",
        resolution="",
        duration_s=duration_s,
        seed=7,
        output=folder / "clip.mp4",
        controls={"seconds": 0.3, **controls},
    )
    return Bench(
        name="sandbox", make=SandboxEngine, order=order, obeys_seed=False, needs_still=False, has_one_size=True
    )


def with_controls(bench: Bench, controls: Mapping[str, JsonValue]) -> Bench:
    return replace(bench, order=replace(bench.order, controls=controls))


class TestSandbox(EngineSuite):
    @pytest.fixture
    def bench(self, tmp_path: Path) -> Bench:
        return sandbox_bench(tmp_path)


@pytest.mark.parametrize("duration_s", [0, 1, 5])
async def test_it_makes_the_same_clip_every_time_whatever_the_seed(tmp_path: Path, duration_s: int) -> None:
    bench, data = sandbox_bench(tmp_path, duration_s=duration_s, seconds=0), set[bytes]()
    for seed in (1, 2):
        clip, _ = await make(replace(bench, order=replace(bench.order, seed=seed)))
        data.add(clip.path.read_bytes())

    assert len(data) == 1
    assert clip.frames == 24 * max(1, duration_s)


@pytest.mark.parametrize(
    ("controls", "error", "words"),
    [
        ({"outcome": "fail", "text": "too dark"}, EngineRejected, "too dark"),
        ({"outcome": "fail"}, EngineRejected, "as ordered"),
        ({"outcome": "unavailable", "text": "away"}, EngineUnavailable, "away"),
        ({"outcome": "crash"}, EngineUnavailable, "signal 9"),
        ({"outcome": "explode"}, EngineRejected, "'explode' is not one of succeed, fail"),
    ],
)
async def test_it_ends_as_ordered(
    tmp_path: Path, controls: Mapping[str, JsonValue], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        await make(with_controls(sandbox_bench(tmp_path), controls))


async def test_the_code_of_a_failure_comes_across(tmp_path: Path) -> None:
    with pytest.raises(EngineRejected) as caught:
        await make(sandbox_bench(tmp_path, outcome="fail", code=403))

    assert caught.value.code == "403"


async def test_a_hanging_order_is_noticed(tmp_path: Path) -> None:
    limits = ChildLimits(stall=timedelta(seconds=0.5), patience=timedelta(seconds=0.5))
    pool = EnginePool("sandbox", size=1, limits=limits)
    try:
        async with asyncio.timeout(DEADLINE_S), pool.slot() as child:
            with pytest.raises(EngineTimeout, match="no sign of progress"):
                await child.run(sandbox_bench(tmp_path, outcome="hang").order, lambda _: None)
    finally:
        await pool.stop(timedelta())


async def test_one_that_crashes_takes_nobody_with_it(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    doomed, other = sandbox_bench(tmp_path, outcome="crash"), sandbox_bench(tmp_path / "other", seconds=1)
    async with asyncio.timeout(DEADLINE_S), running(doomed) as child, running(other) as neighbour:
        await neighbour.start()
        async with asyncio.TaskGroup() as group:
            clip = group.create_task(neighbour.run(other.order, lambda _: None))
            with pytest.raises(EngineUnavailable):
                await child.run(doomed.order, lambda _: None)

    assert clip.result().path.exists()

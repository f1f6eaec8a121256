"""What every engine must do, and what one on this machine must. A test module plugs one in:

from behaviour import Bench, EngineSuite

class TestCamera(EngineSuite):
    @pytest.fixture
    def bench(self, tmp_path: Path) -> Bench: ...
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import psutil
import pytest

from photoplay.domain.errors import EngineError, EngineRejected, StillRejected
from photoplay.engines.child import ENGINES
from photoplay.engines.engine import Clip, Engine, Order
from photoplay.engines.runner import ChildLimits, EngineChild, EnginePool
from photoplay.media.clip import read_back

DEADLINE_S: Final = 60.0
READY: Final = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """One engine, and what the suite needs to know of it."""

    name: str
    """As in the table of engines."""
    make: Callable[[], Engine]
    """Made in the test's own process, without options."""
    order: Order
    """A short order that it can fill."""
    options: Mapping[str, str] = field(default_factory=dict[str, str])
    obeys_seed: bool = True
    """The same order makes the same bytes, and another seed others."""
    needs_still: bool = True
    has_one_size: bool = False
    """It takes any resolution and length, because they change nothing that it could refuse."""
    limits: ChildLimits = field(default_factory=lambda: ChildLimits(start=READY))
    fps: int = 24
    deadline_s: float = DEADLINE_S
    """For a process from its start, and one clip."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A clip, and what there was to see of its making."""

    name: str
    """Of the engine that was asked."""
    order: Order
    clip: Clip
    shares: Sequence[float]
    new_names: set[str]
    """Of the files that have come into its folder."""


class AnyEngineSuite:
    """On this machine or at another server."""

    @pytest.fixture
    async def made(self) -> Made:
        raise NotImplementedError("who plugs an engine in makes a clip with it")

    async def test_a_clip_is_as_large_and_as_long_as_it_says(self, made: Made) -> None:
        clip = made.clip
        facts = await asyncio.to_thread(read_back, clip.path)

        assert clip.path == made.order.output
        assert (facts.width_px, facts.height_px, facts.frames) == (clip.width_px, clip.height_px, clip.frames)
        assert facts.duration_s == pytest.approx(clip.frames / clip.fps, abs=0.001)

    async def test_what_comes_with_a_clip_lies_beside_it_under_its_name(self, made: Made) -> None:
        clip = made.clip

        assert all(path.is_file() and path.parent == clip.path.parent for path in clip.artifacts.values())
        assert all(path.name.startswith(f"{clip.path.name}.") for path in clip.artifacts.values())
        assert made.new_names == {clip.path.name, *(path.name for path in clip.artifacts.values())}

    async def test_progress_never_falls(self, made: Made) -> None:
        assert list(made.shares) == sorted(made.shares)
        assert all(0 <= share <= 1 for share in made.shares)

    async def test_facts_name_the_engine_and_the_seed(self, made: Made) -> None:
        assert (made.clip.facts["engine"], made.clip.facts["seed"]) == (made.name, made.order.seed)


class EngineSuite(AnyEngineSuite):
    @pytest.fixture
    def bench(self) -> Bench:
        raise NotImplementedError("a module that plugs an engine in says which")

    @pytest.fixture
    async def made(self, bench: Bench) -> Made:
        before = names(bench)
        clip, shares = await make(bench)
        new_names = names(bench) - before
        return Made(name=bench.name, order=bench.order, clip=clip, shares=shares, new_names=new_names)

    async def test_it_is_in_the_table_and_says_who_it_is(self, bench: Bench) -> None:
        async with asyncio.timeout(bench.deadline_s), running(bench) as child:
            ready = await child.start()

        assert bench.name in ENGINES
        assert ready.name == bench.make().name == bench.name
        assert ready.version == bench.make().version != ""

    async def test_a_check_finds_that_all_is_well(self, bench: Bench) -> None:
        found = await asyncio.to_thread(bench.make().check)

        assert found
        assert [finding for finding in found if not finding.is_well or finding.remedy] == []

    async def test_warming_is_idempotent_and_leaves_no_file(self, bench: Bench) -> None:
        before = names(bench)
        engine = bench.make()

        await asyncio.to_thread(engine.warm)
        await asyncio.to_thread(engine.warm)

        assert names(bench) == before

    async def test_a_clip_is_as_long_as_was_asked_for(self, bench: Bench, made: Made) -> None:
        assert (made.clip.fps, made.clip.frames) == (bench.fps, bench.fps * bench.order.duration_s)

    async def test_progress_goes_from_0_to_1(self, made: Made) -> None:
        assert made.shares[0] < 0.5
        assert made.shares[-1] == 1.0

    async def test_the_same_order_makes_the_same_bytes(self, bench: Bench) -> None:
        if not bench.obeys_seed:
            pytest.skip("the seed alone does not decide its bytes")
        data: list[bytes] = []
        for seed in (bench.order.seed, bench.order.seed, bench.order.seed + 1):
            clip, _ = await make(replace(bench, order=replace(bench.order, seed=seed)))
            data.append(clip.path.read_bytes())

        assert data[0] == data[1]
        assert data[0] != data[2]

    async def test_cancelling_stops_it_and_leaves_no_file_and_as_a_rule_no_process(self, bench: Bench) -> None:
        before = names(bench)
        async with asyncio.timeout(bench.deadline_s), running(bench) as child:
            await child.start()
            pid, begun = child.pid, asyncio.Event()
            async with asyncio.TaskGroup() as group:
                task = group.create_task(child.run(bench.order, lambda _: begun.set()))
                await begun.wait()
                task.cancel()
            left, is_gone = names(bench), not psutil.pid_exists(pid or 0)
            clip = await child.run(bench.order, lambda _: None)

            assert is_gone is not bench.limits.outlives_cancel
        assert task.cancelled()
        assert left == before
        assert clip.path.exists()

    @pytest.mark.parametrize(
        ("change", "error", "words"),
        [
            ({"resolution": "9p"}, EngineRejected, "resolution"),
            ({"duration_s": -1}, EngineRejected, "duration"),
            ({"controls": {"no_such_control": 1}}, EngineRejected, "no_such_control"),
            ({"still": None}, StillRejected, "still"),
            ({"still": Path("/nowhere/still.png")}, StillRejected, "still"),
        ],
    )
    async def test_what_it_cannot_do_is_refused_by_name_and_leaves_no_file(
        self, bench: Bench, change: dict[str, object], error: type[EngineError], words: str
    ) -> None:
        if "still" in change and not bench.needs_still:
            pytest.skip("it needs no still")
        if bench.has_one_size and not {"resolution", "duration_s"}.isdisjoint(change):
            pytest.skip("any will do")
        before = names(bench)
        order = replace(bench.order, **change)  # pyright: ignore[reportArgumentType] - each row names its own field
        async with asyncio.timeout(bench.deadline_s), running(bench) as child:
            with pytest.raises(error, match=words) as caught:
                await child.run(order, lambda _: None)

        assert type(caught.value) is error
        assert "/nowhere" not in str(caught.value)
        assert names(bench) == before


@asynccontextmanager
async def running(bench: Bench) -> AsyncGenerator[EngineChild, None]:
    pool = EnginePool(bench.name, size=1, limits=bench.limits, options=bench.options)
    try:
        async with pool.slot() as child:
            yield child
    finally:
        await pool.stop(timedelta(0))


async def make(bench: Bench) -> tuple[Clip, list[float]]:
    shares: list[float] = []
    async with asyncio.timeout(bench.deadline_s), running(bench) as child:
        return await child.run(bench.order, shares.append), shares


def names(bench: Bench) -> set[str]:
    return {path.name for path in bench.order.output.parent.iterdir()}

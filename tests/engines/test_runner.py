"""The runner against real child processes."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from photoplay.domain.errors import EngineError, EngineRejected, EngineTimeout, EngineUnavailable, StillRejected
from photoplay.engines.engine import Clip, Order
from photoplay.engines.runner import ChildLimits, EngineChild, EnginePool

TOYS: Final = Path(__file__).parent
# Long enough for a busy machine to end a process that was killed.
BRIEF: Final = timedelta(seconds=1)
DEADLINE_S: Final = 60.0


@pytest.fixture(autouse=True)
def _toys_importable(monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction] - pytest uses it
    monkeypatch.setenv("PYTHONPATH", str(TOYS))


@asynccontextmanager
async def toy_pool(
    limits: ChildLimits | None = None, *, size: int = 1, engine: str = "toy_engines:Toy"
) -> AsyncGenerator[EnginePool, None]:
    pool = EnginePool(engine, size=size, limits=limits)
    async with asyncio.timeout(DEADLINE_S):
        try:
            yield pool
        finally:
            await pool.stop(timedelta(0))


@asynccontextmanager
async def toy(limits: ChildLimits | None = None) -> AsyncGenerator[EngineChild, None]:
    async with toy_pool(limits) as pool, pool.slot() as child:
        yield child


def order(folder: Path, behaviour: str) -> Order:
    return Order(
        still=folder / "still.png",
        prompt=behaviour,
        resolution="720p",
        duration_s=5,
        seed=1,
        output=folder / "clip.mp4",
    )


async def make(child: EngineChild, folder: Path, behaviour: str) -> tuple[Clip, list[float]]:
    shares: list[float] = []
    clip = await child.run(order(folder, behaviour), shares.append)
    return clip, shares


async def cancel_once_running(child: EngineChild, folder: Path, behaviour: str) -> None:
    running = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(child.run(order(folder, behaviour), lambda _: running.set()))
        await running.wait()
        task.cancel()
    assert task.cancelled()


def files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_run_makes_a_clip_and_reports_throttled_progress(tmp_path: Path) -> None:
    async with toy() as child:
        clip, shares = await make(child, tmp_path, "steady")

    assert clip.path.read_bytes() == b"half a clip"
    assert clip.facts == {"frames": 101}
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert len(shares) < 10


async def test_progress_never_falls(tmp_path: Path) -> None:
    async with toy() as child:
        _, shares = await make(child, tmp_path, "falling")

    assert shares == [0.6, 0.6]


async def test_child_stays_warm_between_runs_and_is_recycled_after_its_share(tmp_path: Path) -> None:
    async with toy(ChildLimits(runs_max=2)) as child:
        pids: list[int | None] = []
        for _ in range(3):
            await make(child, tmp_path, "steady")
            pids.append(child.pid)

    assert pids[0] == pids[1] != pids[2]


async def test_a_process_that_served_its_share_is_replaced_before_the_next_order_comes(tmp_path: Path) -> None:
    async with toy_pool(ChildLimits(runs_max=1)) as pool:
        async with pool.slot() as child:
            await make(child, tmp_path, "steady")
            worn = child.pid
        renewed = child.pid

    assert renewed not in {None, worn}


@pytest.mark.parametrize(
    ("behaviour", "error", "words"),
    [
        ("still rejected", StillRejected, "image_url: no picture"),
        ("engine rejected", EngineRejected, "prompt: not this one"),
        ("engine unavailable", EngineUnavailable, "the service is away"),
        ("surprise", EngineUnavailable, "the engine failed: RuntimeError"),
        ("not json", EngineUnavailable, "the engine failed: ValueError"),
    ],
)
async def test_failure_is_told_by_class_and_the_child_lives(
    tmp_path: Path, behaviour: str, error: type[EngineError], words: str
) -> None:
    async with toy() as child:
        with pytest.raises(error) as raised:
            await make(child, tmp_path, behaviour)
        pid = child.pid
        left = files(tmp_path)
        await make(child, tmp_path, "steady")

        assert child.pid == pid
    assert type(raised.value) is error
    assert str(raised.value) == words
    assert left == []


async def test_crash_is_unavailable_and_the_next_run_has_a_new_child(tmp_path: Path) -> None:
    async with toy() as child:
        with pytest.raises(EngineUnavailable, match=r"the engine's process died \(signal 9\)"):
            await make(child, tmp_path, "crashing")
        left = files(tmp_path)
        clip, _ = await make(child, tmp_path, "steady")

    assert left == []
    assert clip.frames == 2


async def test_child_killed_while_idle_costs_at_most_one_run(tmp_path: Path) -> None:
    async with toy() as child:
        await child.start()
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        try:
            await make(child, tmp_path, "steady")
        except EngineUnavailable:
            await make(child, tmp_path, "steady")

    assert (tmp_path / "clip.mp4").exists()


async def test_a_cancelled_run_ends_at_once_and_its_process_is_gone(tmp_path: Path) -> None:
    async with toy() as child:
        await child.start()
        pid = child.pid
        assert pid is not None
        await cancel_once_running(child, tmp_path, "endless")
        left = files(tmp_path)

        assert not is_alive(pid)
        await make(child, tmp_path, "steady")
    assert left == []


async def test_a_process_that_may_outlive_a_cancel_takes_the_next_order(tmp_path: Path) -> None:
    async with toy(ChildLimits(outlives_cancel=True)) as child:
        await child.start()
        pid = child.pid
        await cancel_once_running(child, tmp_path, "endless")
        left = files(tmp_path)
        clip, shares = await make(child, tmp_path, "steady")

        assert child.pid == pid
    assert left == []
    assert clip.facts == {"frames": 101}
    assert (shares[0], shares[-1]) == (0.0, 1.0)


async def test_a_process_whose_run_gets_no_further_goes_even_if_it_may_outlive_a_cancel(tmp_path: Path) -> None:
    async with toy(ChildLimits(outlives_cancel=True, stall=BRIEF)) as child:
        with pytest.raises(EngineTimeout):
            await make(child, tmp_path, "endless")

        assert child.pid is None


async def test_places_have_options_of_their_own(tmp_path: Path) -> None:
    pool = EnginePool("toy_engines:Placed", size=2, options={"models": "all"}, places=[{"gpu": "0"}, {"gpu": "1"}])
    async with asyncio.timeout(DEADLINE_S), pool.slot() as one, pool.slot() as other:
        told = [(await child.run(order(tmp_path, "steady"), lambda _: None)).facts for child in (one, other)]
    await pool.stop(timedelta(0))

    assert sorted(str(facts["made_with"]) for facts in told) == ["all 0", "all 1"]


@pytest.mark.parametrize("may_stay", [False, True])
@pytest.mark.parametrize("behaviour", ["stubborn", "frozen", "silent"])
async def test_child_that_does_not_stop_is_made_to_go(tmp_path: Path, behaviour: str, may_stay: bool) -> None:
    async with toy(ChildLimits(patience=BRIEF, outlives_cancel=may_stay)) as child:
        await child.start()
        pid = child.pid
        await cancel_once_running(child, tmp_path, behaviour)

        assert child.pid is None
    assert pid is not None
    assert not is_alive(pid)
    assert files(tmp_path) == []


async def test_callers_deadline_runs_the_ladder(tmp_path: Path) -> None:
    async with toy() as child:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await make(child, tmp_path, "endless")
        await make(child, tmp_path, "steady")


async def test_failing_progress_callback_stops_the_run(tmp_path: Path) -> None:
    def refuse(share: float) -> None:
        raise ValueError(share)

    async with toy() as child:
        with pytest.raises(ValueError, match=r"0\.1"):
            await child.run(order(tmp_path, "endless"), refuse)
        await make(child, tmp_path, "steady")


@pytest.mark.parametrize("behaviour", ["silent", "endless"])
async def test_a_run_that_gets_no_further_is_a_timeout(tmp_path: Path, behaviour: str) -> None:
    async with toy(ChildLimits(stall=BRIEF, patience=BRIEF)) as child:
        with pytest.raises(EngineTimeout, match=r"no sign of progress for 1 s"):
            await make(child, tmp_path, behaviour)

    assert files(tmp_path) == []


async def test_memory_ceiling_is_unavailable_and_nobody_dies(tmp_path: Path) -> None:
    async with toy(ChildLimits(memory_bytes=300 * 2**20)) as child:
        with pytest.raises(EngineUnavailable, match="out of memory under the limit of 300 MiB"):
            await make(child, tmp_path, "greedy")
        await make(child, tmp_path, "steady")


async def test_noise_on_stdout_does_not_reach_the_protocol(tmp_path: Path) -> None:
    async with toy() as child:
        clip, _ = await make(child, tmp_path, "noisy")

    assert clip.facts == {"frames": 101}


@pytest.mark.parametrize("behaviour", ["babbling", "flooding"])
async def test_malformed_line_ends_the_child(tmp_path: Path, behaviour: str) -> None:
    async with toy(ChildLimits(patience=BRIEF)) as child:
        with pytest.raises(EngineUnavailable, match="a line that makes no sense"):
            await make(child, tmp_path, behaviour)

        assert child.pid is None
    assert files(tmp_path) == []


async def test_child_sees_no_secret_and_is_nice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOTOPLAY_DATABASE_URL", "postgresql://u:secret@h/d")
    monkeypatch.setenv("ARK_API_KEY", "secret")
    async with toy() as child:
        clip, _ = await make(child, tmp_path, "introspective")

    seen = clip.facts["environment"]
    assert isinstance(seen, list)
    assert not {"PHOTOPLAY_DATABASE_URL", "ARK_API_KEY"} & {str(name) for name in seen}
    assert clip.facts["niceness"] == min(19, os.nice(0) + 5)
    assert clip.facts["stdin"] == ""


@pytest.mark.parametrize(
    ("engine", "limits", "words"),
    [
        ("toy_engines:Broken", ChildLimits(), "the engine failed: ImportError"),
        ("toy_engines:Sluggish", ChildLimits(start=timedelta(seconds=1)), r"not ready within 1 s"),
        ("no-such-engine", ChildLimits(), "'no-such-engine' is not one of camera"),
    ],
)
async def test_engine_that_does_not_start_is_unavailable(engine: str, limits: ChildLimits, words: str) -> None:
    async with toy_pool(limits, engine=engine) as pool:
        with pytest.raises(EngineUnavailable, match=words) as raised:
            await pool.warm()

    assert "secret" not in str(raised.value)


async def test_warm_leaves_a_child_for_the_first_run() -> None:
    async with toy_pool(size=2) as pool:
        await pool.warm()
        async with pool.slot() as child:
            pid = child.pid
            ready = await child.start()

    assert (ready.name, ready.version) == ("toy", "1")
    assert pid is not None


async def test_slot_waits_for_a_free_child() -> None:
    async with toy_pool(size=2) as pool, pool.slot() as first:
        async with pool.slot() as second:
            assert first is not second
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01), pool.slot():
                    pass
        async with pool.slot() as third:
            assert third is second


async def test_stop_ends_a_run_after_the_grace_and_is_idempotent(tmp_path: Path) -> None:
    async with toy_pool() as pool:
        running = asyncio.Event()

        async def endless() -> None:
            async with pool.slot() as child:
                with pytest.raises(EngineUnavailable):
                    await child.run(order(tmp_path, "endless"), lambda _: running.set())
                assert child.pid is None
                with pytest.raises(EngineUnavailable, match="stopping"):
                    await make(child, tmp_path, "steady")

        async with asyncio.TaskGroup() as group:
            group.create_task(endless())
            await running.wait()
            await pool.stop(BRIEF)
        await pool.stop(BRIEF)

        with pytest.raises(EngineUnavailable, match="stopping"):
            await pool.warm()
    assert files(tmp_path) == []


PARENT: Final = """
import asyncio, sys
from pathlib import Path
from photoplay.engines.engine import Order
from photoplay.engines.runner import EnginePool

async def main():
    prompt, output = sys.argv[1], Path(sys.argv[2])
    order = Order(still=Path("s"), prompt=prompt, resolution="720p", duration_s=5, seed=1, output=output)
    async with EnginePool("toy_engines:Toy", size=1).slot() as child:
        await child.run(order, lambda share: print(share, flush=True))

asyncio.run(main())
"""


@pytest.mark.parametrize("behaviour", ["endless", "stubborn", "frozen", "silent"])
async def test_child_dies_with_a_killed_parent(tmp_path: Path, behaviour: str) -> None:
    arguments = ("-c", PARENT, behaviour, str(tmp_path / "clip.mp4"))
    parent = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=PIPE, stderr=PIPE)
    assert parent.stdout is not None
    assert parent.stderr is not None
    async with asyncio.timeout(DEADLINE_S):
        assert await parent.stdout.readline() == b"0.1\n"
        parent.kill()
        # The child holds the other end of this pipe too: it ends when both are gone.
        await parent.stderr.read()
        await parent.stdout.read()

        assert await parent.wait() == -signal.SIGKILL

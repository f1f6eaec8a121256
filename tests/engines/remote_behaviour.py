"""What every engine at another server must do. A test module plugs one in, with a server of its dialect:

from remote_behaviour import RemoteBench, RemoteEngineSuite

class TestArk(RemoteEngineSuite):
    @pytest.fixture
    async def bench(self, clip: Path, tmp_path: Path) -> AsyncGenerator[RemoteBench]: ...
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

import pytest
from behaviour import AnyEngineSuite, Made
from remote_bench import DEADLINE_S, Record, made, places_of, way_out

from crash.servers import free_port, wait_for
from photoplay.domain.errors import ConfigError, EngineError, EngineRejected, EngineUnavailable, StaleClaim
from photoplay.domain.tasks import Submission
from photoplay.egress import Egress
from photoplay.engines.engine import Order, Ticket
from photoplay.engines.remote import Called, RemoteEngine, RemotePlace, RemotePlaces
from photoplay.engines.setup import check_engine
from photoplay.settings import read_settings
from video_servers import FarServer

FIRST: Final = "11111111111141118111111111111111"
SECOND: Final = "22222222222242228222222222222222"
WHY: Final = "the picture is too small"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteBench:
    """One engine, its server, and what the suite needs to know of both."""

    name: str
    """As in the table of engines."""
    server: FarServer
    """It runs. Its jobs go on until the test says that they are over."""
    make: Callable[[Egress], RemoteEngine]
    """Another worker's each time."""
    order: Order
    settings: Mapping[str, object]
    """What an operator sets for it."""
    required: str
    """One of these, without which it cannot be."""
    creates: tuple[str, str]
    """Method and pattern of the path of the request that asks for a job."""
    looks: tuple[str, str] | None
    """Of the one that asks how far a job is; None: the answer to the first tells."""
    finds: tuple[str, str]
    """Of the one that asks whether a job arrived."""
    fetches: tuple[str, str] | None
    """Of the one that takes a clip home; None: likewise."""
    doom: Callable[[], Order]
    """Let the jobs of the order that it returns fail, for the reason `WHY`."""
    paid: Callable[[], int]
    """How many jobs its owner pays for."""
    key: str = ""
    is_found: bool = True
    """A job whose name was lost is found again, so another worker can go on with it."""
    made_anew: int = 0
    """So many jobs are lost with their answer, at the operator's own cost."""
    called: Called = Called.OFF
    """What becomes of the wish to end a job that runs."""
    tells_progress: bool = True

    @asynccontextmanager
    async def engine(self) -> AsyncGenerator[RemoteEngine]:
        async with way_out(self.server.place) as egress:
            yield self.make(egress)

    def names(self) -> set[str]:
        return {path.name for path in self.order.output.parent.iterdir()}

    async def until_under_way(self) -> None:
        asks = self.looks or self.creates
        # A request is counted before it is answered.
        await until(lambda: self.server.count(*asks) > 0 and bool(self.server.jobs), what="a job under way")


async def until(is_so: Callable[[], bool], *, what: str) -> None:
    await asyncio.to_thread(wait_for, is_so, within_s=DEADLINE_S, what=what)


async def break_off(bench: RemoteBench, place: RemotePlace, ticket: Ticket, record: Record) -> None:
    """Let an order get under way, and nobody wait for it any more."""
    async with asyncio.TaskGroup() as group:
        running = group.create_task(place.run(bench.order, record.report, ticket))
        await bench.until_under_way()
        running.cancel()


async def break_off_and_call_off(
    bench: RemoteBench, places: RemotePlaces, record: Record, *, may_go_on: bool = False
) -> None:
    async with places.slot() as place:
        ticket = record.ticket(FIRST)
        await break_off(bench, place, ticket, record)
        await place.call_off(ticket, may_go_on=may_go_on)


async def take_over(bench: RemoteBench, record: Record) -> None:
    """Let another worker make the clip, unless that might be a second one."""
    async with bench.engine() as engine:
        if bench.is_found:
            clip = await made(engine, bench.order, record, job_id=SECOND)
            assert clip.path.read_bytes() == bench.server.clip.read_bytes()
        else:
            with pytest.raises(EngineRejected, match="was not asked"):
                await made(engine, bench.order, record, job_id=SECOND)
    assert bench.paid() == 1 + bench.made_anew


async def take_all(places: RemotePlaces, *, within_s: float) -> None:
    async with asyncio.timeout(within_s), AsyncExitStack() as stack:
        for _ in range(places.size):
            await stack.enter_async_context(places.slot())


class RemoteEngineSuite(AnyEngineSuite):
    @pytest.fixture
    def bench(self) -> RemoteBench:
        raise NotImplementedError("a module that plugs an engine in says which")

    @pytest.fixture
    async def made(self, bench: RemoteBench) -> Made:
        bench.server.is_over.set()
        record, before = Record(), bench.names()
        async with bench.engine() as engine:
            clip = await made(engine, bench.order, record, job_id=FIRST)
        assert clip.path.read_bytes() == bench.server.clip.read_bytes()
        new_names = bench.names() - before
        return Made(name=bench.name, order=bench.order, clip=clip, shares=record.shares, new_names=new_names)

    async def test_it_is_in_the_table_and_a_check_finds_that_all_is_well(self, bench: RemoteBench) -> None:
        (finding,) = await asyncio.to_thread(check_engine, bench.name, read_settings(**bench.settings))

        assert (finding.is_well, finding.words, finding.remedy) == (True, f"{bench.server.place} takes orders", "")

    async def test_a_check_names_the_setting_that_is_missing(self, bench: RemoteBench) -> None:
        settings = {name: value for name, value in bench.settings.items() if name != bench.required}
        with pytest.raises(ConfigError, match=f"the engine {bench.name} needs PHOTOPLAY_{bench.required.upper()}"):
            await asyncio.to_thread(check_engine, bench.name, read_settings(**settings))

    async def test_a_check_of_a_server_that_is_away_says_what_to_do(self, bench: RemoteBench) -> None:
        setting = f"{bench.name.replace('-', '_')}_url"
        away = {**bench.settings, setting: f"http://127.0.0.1:{free_port()}"}
        (finding,) = await asyncio.to_thread(check_engine, bench.name, read_settings(**away))

        assert (finding.is_well, finding.words) == (False, f"{bench.name}: the connection was refused")
        assert f"PHOTOPLAY_{setting.upper()}" in finding.remedy

    async def test_progress_is_told_while_a_job_runs(self, bench: RemoteBench) -> None:
        if not bench.tells_progress:
            pytest.skip("its server tells of none")
        record = Record()
        async with bench.engine() as engine, asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as group:
            task = group.create_task(made(engine, bench.order, record, job_id=FIRST))
            await record.is_under_way.wait()
            bench.server.is_over.set()
            await task

        assert 0 < record.shares[0] < 1

    async def test_a_job_is_on_record_before_it_is_asked_for_and_once_it_has_a_name(self, bench: RemoteBench) -> None:
        bench.server.is_over.set()
        asked: list[int] = []
        record = Record(before_write=lambda _: asked.append(bench.server.count(*bench.creates)))
        async with bench.engine() as engine:
            await made(engine, bench.order, record, job_id=FIRST)

        assert asked == [0, 1]
        assert record.written[0] == Submission(engine=bench.name, job_id=FIRST, handle=None)
        assert record.submission is not None
        assert record.submission.handle is not None

    async def test_who_takes_over_goes_on_with_the_job(self, bench: RemoteBench) -> None:
        record = Record()
        async with bench.engine() as engine, places_of(engine) as places, places.slot() as place:
            await break_off(bench, place, record.ticket(FIRST), record)
        bench.server.is_over.set()
        async with bench.engine() as engine:
            await made(engine, bench.order, record, job_id=SECOND)

        assert bench.paid() == 1

    async def test_a_worker_that_dies_between_the_order_and_its_record(self, bench: RemoteBench) -> None:
        def die(submission: Submission | None) -> None:
            if submission is not None and submission.handle is not None:
                raise StaleClaim

        bench.server.is_over.set()
        record = Record(before_write=die)
        async with bench.engine() as engine:
            with pytest.raises(StaleClaim):
                await made(engine, bench.order, record, job_id=FIRST)
        assert bench.paid() == 1

        await take_over(bench, Record(submission=record.submission))

    async def test_an_order_whose_answer_is_lost_is_not_paid_for_twice(self, bench: RemoteBench) -> None:
        bench.server.is_over.set()
        bench.server.trips = {bench.creates: [0]}
        record, before = Record(), bench.names()
        async with bench.engine() as engine:
            with pytest.raises(EngineUnavailable):
                await made(engine, bench.order, record, job_id=FIRST)

            assert record.submission == Submission(engine=bench.name, job_id=FIRST, handle=None)
            assert bench.names() == before
            bench.server.trips = {bench.finds: [503]}
            with pytest.raises(EngineUnavailable):
                await made(engine, bench.order, record, job_id=SECOND)

        assert bench.paid() == 1
        await take_over(bench, record)

    @pytest.mark.parametrize("asked", ["elsewhere", "in vain"])
    async def test_an_order_that_never_arrived_here_is_asked_for(self, bench: RemoteBench, asked: str) -> None:
        if asked == "in vain" and not bench.is_found:
            pytest.skip("it cannot tell")
        bench.server.is_over.set()
        ours = Submission(engine=bench.name, job_id=FIRST, handle=None)
        theirs = Submission(engine="another", job_id=FIRST, handle={"id": "7", "taskId": "7"})
        record = Record(submission=ours if asked == "in vain" else theirs)
        async with bench.engine() as engine:
            await made(engine, bench.order, record, job_id=SECOND)

        assert bench.paid() == 1

    async def test_a_server_that_is_away_has_taken_nothing(self, bench: RemoteBench) -> None:
        before, record = bench.names(), Record()
        bench.server.place = f"127.0.0.1:{free_port()}"
        async with bench.engine() as engine, places_of(engine) as places:
            with pytest.raises(EngineUnavailable, match=f"{bench.name}: the connection was refused"):
                await places.warm()
            async with places.slot() as place:
                with pytest.raises(EngineUnavailable, match=f"{bench.name}: the connection was refused"):
                    await place.run(bench.order, record.report, record.ticket(FIRST))

        assert (record.written[-1], bench.names()) == (None, before)

    async def test_a_job_is_called_off_or_keeps_its_place_until_it_is_over(self, bench: RemoteBench) -> None:
        record = Record()
        async with bench.engine() as engine, places_of(engine) as places, asyncio.TaskGroup() as group:
            asked = group.create_task(break_off_and_call_off(bench, places, record))
            if bench.called is Called.OFF:
                await until(lambda: record.written[-1:] == [None], what="the end of the record")
                await until(lambda: not bench.server.jobs, what="the end of the job")
            else:
                await bench.until_under_way()
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(asyncio.shield(asked), 1)
                assert (record.submission is not None, len(bench.server.jobs)) == (True, 1)
                await places.call_off(record.ticket(SECOND))
                assert record.submission is not None
                with pytest.raises(TimeoutError):
                    await take_all(places, within_s=0.1)
                bench.server.is_over.set()
            await take_all(places, within_s=DEADLINE_S)
            # As the sweep does: what has ended there is on record no more.
            await places.call_off(record.ticket(SECOND))
        assert record.submission is None

    async def test_a_worker_that_stops_waits_for_no_job_that_nobody_wants(self, bench: RemoteBench) -> None:
        record, stopping = Record(), asyncio.Event()
        async with bench.engine() as engine, places_of(engine, stopping=stopping) as places:
            stopping.set()
            await break_off_and_call_off(bench, places, record)

        assert (record.submission is None) is (bench.called is Called.OFF)

    async def test_what_its_owner_pays_for_anyway_is_gone_on_with_after_a_deadline(self, bench: RemoteBench) -> None:
        record = Record()
        async with bench.engine() as engine, places_of(engine) as places:
            await break_off_and_call_off(bench, places, record, may_go_on=True)
            assert (record.submission is None) is (bench.called is Called.OFF)
            if bench.called is Called.RUNS_ON:
                bench.server.is_over.set()
                await made(engine, bench.order, record, job_id=SECOND)
                assert bench.paid() == 1

    async def test_what_could_not_be_called_off_stays_on_record(self, bench: RemoteBench) -> None:
        record = Record()
        async with bench.engine() as engine, places_of(engine) as places, places.slot() as place:
            await break_off(bench, place, record.ticket(FIRST), record)
        assert record.submission is not None
        if record.submission.handle is None:
            pytest.skip("its server ends what nobody waits for")
        bench.server.place = f"127.0.0.1:{free_port()}"
        async with bench.engine() as engine, places_of(engine) as places:
            await places.call_off(record.ticket(FIRST))

        assert record.submission is not None

    @pytest.mark.parametrize(
        ("status", "error"),
        [(400, EngineRejected), (401, EngineUnavailable), (429, EngineUnavailable), (503, EngineUnavailable)],
    )
    async def test_a_refusal_is_for_good_or_worth_another_attempt_and_leaves_nothing_behind(
        self, bench: RemoteBench, status: int, error: type[EngineError]
    ) -> None:
        bench.server.is_over.set()
        bench.server.trips = {bench.creates: [status]}
        record, before = Record(), bench.names()
        async with bench.engine() as engine:
            with pytest.raises(error, match=f"{bench.name}: .*not now") as caught:
                await made(engine, bench.order, record, job_id=FIRST)

        assert type(caught.value) is error
        assert (record.submission, bench.paid(), bench.names()) == (None, 0, before)

    async def test_faults_while_it_is_waited_for_are_waited_out(self, bench: RemoteBench) -> None:
        if bench.looks is None:
            pytest.skip("it waits for one answer")
        bench.server.is_over.set()
        bench.server.trips = {bench.looks: [429, 503, 0]}
        async with bench.engine() as engine:
            await made(engine, bench.order, Record(), job_id=FIRST)

        assert bench.paid() == 1

    async def test_a_job_that_failed_is_told_in_its_own_words(self, bench: RemoteBench) -> None:
        order = bench.doom()
        bench.server.is_over.set()
        record, before = Record(), bench.names()
        async with bench.engine() as engine:
            with pytest.raises(EngineUnavailable, match=f"{bench.name}: .*{WHY}"):
                await made(engine, order, record, job_id=FIRST)

        assert (record.submission, bench.names()) == (None, before)

    async def test_a_clip_that_is_none_is_not_handed_on(self, bench: RemoteBench) -> None:
        bench.server.is_over.set()
        bench.server.spoil()
        before = bench.names()
        async with bench.engine() as engine:
            with pytest.raises(EngineUnavailable, match="clip: expected a readable MP4"):
                await made(engine, bench.order, Record(), job_id=FIRST)

        assert bench.names() == before

    async def test_a_clip_that_could_not_be_taken_home_is_fetched_again(self, bench: RemoteBench) -> None:
        if bench.fetches is None:
            pytest.skip("the clip comes with the answer")
        bench.server.is_over.set()
        bench.server.trips = {bench.fetches: [503]}
        record, before = Record(), bench.names()
        async with bench.engine() as engine:
            with pytest.raises(EngineUnavailable, match=bench.name):
                await made(engine, bench.order, record, job_id=FIRST)
            assert bench.names() == before
            await made(engine, bench.order, record, job_id=SECOND)

        assert bench.paid() == 1

    async def test_a_key_is_sent_and_told_to_nobody(self, bench: RemoteBench, made: Made) -> None:
        if not bench.key:
            pytest.skip("it has none")
        bench.server.trips = {bench.creates: [401]}
        async with bench.engine() as engine:
            with pytest.raises(EngineUnavailable) as caught:
                await engine.submit(bench.order, SECOND)

        assert bench.server.asked[-1].headers["Authorization"] == f"Bearer {bench.key}"
        assert bench.key not in f"{caught.value!r} {made.clip.facts}"

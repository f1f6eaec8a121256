"""ComfyUI: what it is asked, which templates fit, and what is made of its traps."""

import asyncio
import json
import re
import threading
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from remote_behaviour import FIRST, SECOND, RemoteBench, RemoteEngineSuite
from remote_bench import DEADLINE_S, Record, made, order_of, picture, places_of, way_out
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, TextMessage

from crash.servers import wait_for
from photoplay.domain.errors import EngineRejected, EngineUnavailable
from photoplay.domain.tasks import Submission
from photoplay.engines.comfyui import ComfyUIEngine
from photoplay.engines.engine import Order
from photoplay.engines.remote import Called
from video_servers import ComfyServer, Step, comfy_message

GUIDE = (Path(__file__).parents[2] / "docs" / "how-to" / "use-comfyui.md").read_text()
NAME = str(UUID(FIRST))
WORKFLOW = {
    "1": {"class_type": "LoadImage", "inputs": {"image": "{{image}}"}},
    "2": {"class_type": "Text", "inputs": {"text": "film of {{prompt}}", "negative": "{{negative_prompt}}"}},
    "3": {"class_type": "Sampler", "inputs": {"seed": "{{seed}}", "size": ["{{width}}", "{{height}}"], "of": ["1", 0]}},
    "9": {"class_type": "SaveVideo", "inputs": {"frames": "{{frames}}", "fps": "{{fps}}"}},
}
TWO_SAMPLERS: dict[str, Any] = {
    "1": {"class_type": "Loader", "inputs": {"image": "{{image}}", "text": "{{prompt}}"}},
    "2": {"class_type": "KSamplerSelect", "inputs": {"sampler_name": "euler"}},
    "3": {"class_type": "KSamplerAdvanced", "inputs": {"model": ["1", 0]}},
    "4": {"class_type": "KSamplerAdvanced", "inputs": {"model": ["3", 0]}},
}
WHOLE = 42


@pytest.fixture
def server(clip: Path) -> ComfyServer:
    server = ComfyServer(clip=clip)
    server.is_over.set()
    return server


def keep(folder: Path, workflow: object) -> None:
    file = folder / "wan" / "2-2-image-to-video.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(workflow))


@asynccontextmanager
async def served(
    server: ComfyServer, folder: Path, workflow: object = WORKFLOW, *, first_look_s: float = 0.02
) -> AsyncGenerator[ComfyUIEngine]:
    await asyncio.to_thread(keep, folder, workflow)
    with server.running():
        async with way_out(server.place) as egress:
            yield ComfyUIEngine(
                url=server.url, workflows=folder, egress=egress, first_look_s=first_look_s, listen_again_s=0.02
            )


class TestComfyUI(RemoteEngineSuite):
    @pytest.fixture
    def bench(
        self, server: ComfyServer, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
    ) -> Generator[RemoteBench]:
        workflows = tmp_path_factory.mktemp("workflows")
        keep(workflows, TWO_SAMPLERS)
        server.is_over.clear()
        server.says = [[step("3", 1, 4)]]
        order = order_of(tmp_path, still=picture(tmp_path))

        def doom() -> Order:
            server.ends_as = "broken"
            return order

        with server.running():
            yield RemoteBench(
                name="comfyui",
                server=server,
                make=lambda egress: ComfyUIEngine(
                    url=server.url, workflows=workflows, egress=egress, first_look_s=0.02
                ),
                order=order,
                settings={"engines": "comfyui", "comfyui_url": server.url, "comfyui_workflows": workflows},
                required="comfyui_url",
                creates=("POST", "/prompt"),
                looks=("GET", "/queue"),
                finds=("GET", "/history/.*"),
                fetches=("GET", "/view.*"),
                doom=doom,
                paid=lambda: len(server.jobs),
                called=Called.RUNS_ON,
            )


async def test_an_order_becomes_a_clip(server: ComfyServer, tmp_path: Path) -> None:
    still = picture(tmp_path)
    async with served(server, tmp_path) as engine:
        await engine.check()
        clip = await made(engine, order_of(tmp_path, still=still, negative_prompt="blur"), Record(), job_id=FIRST)

    assert list(server.jobs) == [NAME]
    assert server.jobs[NAME]["graph"] == {
        "1": {"class_type": "LoadImage", "inputs": {"image": f"photoplay/{NAME}.png"}},
        "2": {"class_type": "Text", "inputs": {"text": "film of a slow push in", "negative": "blur"}},
        "3": {"class_type": "Sampler", "inputs": {"seed": 3, "size": [768, 512], "of": ["1", 0]}},
        "9": {"class_type": "SaveVideo", "inputs": {"frames": 121, "fps": 24}},
    }
    assert server.pictures == {"photoplay": still.read_bytes()}
    assert server.asked[-1].path == "/view?filename=clip_00001_.mp4&subfolder=photoplay&type=output"
    assert clip.path.read_bytes() == server.clip.read_bytes()


@pytest.mark.parametrize(
    ("workflow", "error", "words"),
    [
        ({}, EngineRejected, "has no slot prompt: what the order says there would be lost"),
        (
            {"1": {"class_type": "A", "inputs": "{{prompt}} {{lora}}"}},
            EngineRejected,
            "has a slot lora, which the order",
        ),
        ({"nodes": [], "links": []}, EngineUnavailable, "not in the API format"),
    ],
)
async def test_a_workflow_that_does_not_fit_is_told_before_anything_is_sent(
    server: ComfyServer, tmp_path: Path, workflow: object, error: type[Exception], words: str
) -> None:
    async with served(server, tmp_path, workflow) as engine:
        with pytest.raises(error, match=words):
            await made(engine, order_of(tmp_path, still=None), Record(), job_id=FIRST)

    assert server.asked == []


async def test_a_model_without_a_workflow_is_told(server: ComfyServer, tmp_path: Path) -> None:
    async with served(server, tmp_path) as engine, way_out(server.place) as egress:
        other = ComfyUIEngine(url=server.url, workflows=tmp_path / "none", egress=egress)
        with pytest.raises(EngineUnavailable, match=r"no workflow wan/2-2-image-to-video\.json"):
            await made(other, order_of(tmp_path, still=None), Record(), job_id=FIRST)
        with pytest.raises(EngineUnavailable, match="the folder of workflows is not there"):
            await other.check()
        await engine.check()


async def test_the_example_of_the_documentation_takes_an_order(server: ComfyServer, tmp_path: Path) -> None:
    blocks = re.findall(r"^```json\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    async with served(server, tmp_path, json.loads(blocks[0])) as engine:
        await made(engine, order_of(tmp_path, still=picture(tmp_path)), Record(), job_id=FIRST)

    assert server.jobs[NAME]["graph"]["7"]["inputs"]["length"] == 121


async def test_a_graph_that_is_refused_is_told_node_by_node(server: ComfyServer, tmp_path: Path) -> None:
    wrong: dict[str, Any] = {"message": "Value not in list", "details": "ckpt_name: 'wan' not in []"}
    server.refusal = {"3": {"errors": [wrong], "class_type": "Sampler"}}
    async with served(server, tmp_path) as engine:
        order = order_of(tmp_path, still=picture(tmp_path))
        with pytest.raises(EngineRejected, match=r"node 3: Value not in list ckpt_name: 'wan' not in \[\]"):
            await made(engine, order, Record(), job_id=FIRST)


def state(**nodes: tuple[str, int, int]) -> Event:
    """How far each node is, as a server of today says after every step of one."""
    told = {name[1:]: {"state": state, "value": value, "max": most} for name, (state, value, most) in nodes.items()}
    return comfy_message("progress_state", prompt_id=NAME, nodes=told)


def step(node: str, value: float, of: float, *, prompt_id: str = NAME) -> Event:
    return comfy_message("progress", node=node, value=value, max=of, prompt_id=prompt_id)


def over(prompt_id: str = NAME) -> Event:
    return comfy_message("executing", node=None, prompt_id=prompt_id)


async def followed(server: ComfyServer, folder: Path, *said: Sequence[Step], first_look_s: float = 0.02) -> list[float]:
    """Make a clip at a server that says all that on its WebSockets, and return the shares out of `WHOLE`."""
    server.is_over.clear()
    server.says = [*said]
    record = Record()
    async with served(server, folder, TWO_SAMPLERS, first_look_s=first_look_s) as engine:
        await made(engine, order_of(folder, still=picture(folder)), record, job_id=FIRST)
    assert server.count("POST", "/prompt") == 1
    return [round(share * WHOLE, 2) for share in record.shares]


async def test_progress_is_heard_between_two_looks_and_so_is_the_end(server: ComfyServer, tmp_path: Path) -> None:
    # Nobody looks a second time within the time that the test has.
    said = [
        state(n1=("finished", 1, 1), n2=("finished", 1, 1), n3=("running", 0, 1)),
        state(n1=("finished", 1, 1), n2=("finished", 1, 1), n3=("running", 2, 4)),
        step("3", 2, 4),
        state(n3=("finished", 4, 4), n4=("running", 0, 1)),
        state(n3=("finished", 4, 4), n4=("running", 1, 4)),
        step("4", 4, 4),
        server.is_over.set,
        over(),
    ]

    assert await followed(server, tmp_path, said, first_look_s=600) == [2, 12, 22, 27, 41.58]
    assert server.count("GET", f"/ws.clientId={NAME}") == 1


async def test_a_server_that_tells_less_of_its_nodes_is_understood_too(server: ComfyServer, tmp_path: Path) -> None:
    executing = [comfy_message("executing", node=node, prompt_id=NAME) for node in "134"]
    said = [comfy_message("execution_cached", nodes=["2"], prompt_id=NAME), *executing, step("4", 1, 2)]

    shares = await followed(server, tmp_path, [*said, server.is_over.set, over()], first_look_s=600)

    assert shares == [1, 2, 22, 32, 41.58]


async def test_progress_never_falls_whatever_is_said(server: ComfyServer, tmp_path: Path) -> None:
    other = SECOND
    said = [
        *(step("3", 2, 4), step("3", 1, 4), step("3", 1.5, 4)),
        *(step("3", 4, 4, prompt_id=other), over(other)),
        *(step("99", 1, 1), step("3", 9, 4), step("3", 0.5, 10**400), step("3", 1, 0), step("3", -1, 1)),
        comfy_message("executing", node="4"),
        comfy_message("progress_state", prompt_id=NAME, nodes={"3": 7, "4": {"value": "4", "max": None}}),
        *(TextMessage(text) for text in ("", "no JSON", "[]", '{"type": "progress"}', "[" * 100_000)),
        BytesMessage(bytes(100_000)),
        step("3", 3, 4),
        *(Ping(b"7"), server.is_over.set),
    ]

    assert await followed(server, tmp_path, said) == [10, 15]


async def test_the_end_is_what_the_history_says_and_not_what_is_heard(server: ComfyServer, tmp_path: Path) -> None:
    error = comfy_message("execution_error", prompt_id=NAME, exception_message="out of memory")
    success = comfy_message("execution_success", prompt_id=NAME)
    said = [success, error, over(), over(), step("3", 1, 2), Ping(), server.is_over.set]

    assert await followed(server, tmp_path, said) == [10]


async def test_a_server_that_lies_about_the_end_is_believed_once(server: ComfyServer, tmp_path: Path) -> None:
    server.is_over.clear()
    lied = threading.Event()
    looked_twice = partial(wait_for, lambda: server.count("GET", "/queue") == 2, within_s=DEADLINE_S, what="a look")
    server.says = [[over(), looked_twice, over(), Ping(), lied.set]]
    order = order_of(tmp_path, still=picture(tmp_path))
    async with served(server, tmp_path, first_look_s=600) as engine, asyncio.TaskGroup() as group:
        task = group.create_task(made(engine, order, Record(), job_id=FIRST))
        assert await asyncio.to_thread(lied.wait, DEADLINE_S)
        task.cancel()

    assert server.count("GET", "/queue") == 2


async def test_a_connection_that_breaks_off_is_made_anew_under_the_same_name(
    server: ComfyServer, tmp_path: Path
) -> None:
    broken = [step("3", 1, 4), None]
    closed = [step("3", 2, 4), CloseConnection(code=1001)]
    whole = [step("3", 3, 4), Ping(), server.is_over.set]

    assert await followed(server, tmp_path, broken, closed, whole) == [5, 10, 15]
    assert server.count("GET", f"/ws.clientId={NAME}") == 3


async def test_who_takes_over_hears_of_the_job_that_runs(server: ComfyServer, tmp_path: Path) -> None:
    server.is_over.clear()
    server.says = [[step("3", 3, 4), Ping(), server.is_over.set]]
    order = order_of(tmp_path, still=picture(tmp_path))
    async with served(server, tmp_path, TWO_SAMPLERS) as engine:
        handle = await engine.submit(order, FIRST)
        record = Record(submission=Submission(engine="comfyui", job_id=FIRST, handle=handle))
        await made(engine, order, record, job_id=SECOND)

    assert record.shares == [15 / WHOLE]
    assert server.count("GET", f"/ws.clientId={NAME}") == 1


@pytest.mark.parametrize("answer", [404, 503, 0, -1])
async def test_a_server_without_a_websocket_makes_its_clips_all_the_same(
    server: ComfyServer, tmp_path: Path, answer: int
) -> None:
    server.trips = {("GET", "/ws.*"): [answer]}
    server.is_over.clear()
    record = Record()
    async with served(server, tmp_path) as engine, asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as group:
        task = group.create_task(made(engine, order_of(tmp_path, still=picture(tmp_path)), record, job_id=FIRST))
        await asyncio.to_thread(wait_for, lambda: server.count("GET", "/ws.*"), within_s=DEADLINE_S, what="an upgrade")
        server.is_over.set()
        await task

    assert record.shares == []


async def test_a_message_that_is_too_large_ends_the_listening_and_not_the_job(
    server: ComfyServer, tmp_path: Path
) -> None:
    said = [step("3", 1, 4), Ping(), TextMessage("x" * 1_100_000), step("3", 2, 4), server.is_over.set]

    assert await followed(server, tmp_path, said) == [5]
    assert server.count("GET", "/ws.*") == 1


async def test_a_job_that_its_task_left_over_before_it_was_named_is_ended_by_its_id(
    server: ComfyServer, tmp_path: Path
) -> None:
    server.is_over.clear()
    record = Record(submission=Submission(engine="comfyui", job_id=SECOND, handle=None))
    async with served(server, tmp_path) as engine, places_of(engine) as places:
        for job_id in (FIRST, SECOND):
            await engine.submit(order_of(tmp_path, still=picture(tmp_path)), job_id)
        await places.call_off(record.ticket("new"))

    assert (record.submission, list(server.jobs)) == (None, [NAME])


async def test_a_job_that_waits_is_taken_out_of_the_queue_and_one_that_runs_is_interrupted(
    server: ComfyServer, tmp_path: Path
) -> None:
    server.is_over.clear()
    order = order_of(tmp_path, still=picture(tmp_path))
    async with served(server, tmp_path) as engine:
        runs = await engine.submit(order, FIRST)
        waits = await engine.submit(order, SECOND)

        assert await engine.cancel(waits) is Called.OFF
        assert (server.count("POST", "/interrupt"), list(server.jobs)) == (0, [NAME])
        assert await engine.cancel(runs) is Called.RUNS_ON
    assert [asked.json() for asked in server.asked if asked.path == "/interrupt"] == [{"prompt_id": NAME}]

"""Open models behind the whole server: every preset, one process, tiny weights on the CPU."""

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import psutil
import pytest
from tiny import require_torch, tiny_weights
from tiny_pipelines import MAKERS, SIZES, models_file

from crash.servers import Server, serving
from photoplay.media.clip import read_back

require_torch()

# The first import of torch on a busy machine takes most of it.
WITHIN_S = 200
CARD = """
id = "tiny/{preset}"
title = "Tiny"
provider = "Tests"
task_types = ["image-to-video"]
description = "A few random weights."
sources = ["Our own choice"]
retention_days = 14

[output]
kind = "video/mp4"
fps = 24
sizes = "as small as they get"
{prompt}
[[fields]]
name = "image_url"
kind = "file_url"
label = "Image"
help = "The picture"
required = true
accept = ["image/jpeg", "image/png", "image/webp"]
bytes_max = 10485760

[[fields]]
name = "resolution"
kind = "text"
label = "Resolution"
help = "Of the preset's"
default = "{resolution}"
chars_max = 10

[[fields]]
name = "duration"
kind = "choice"
label = "Duration"
help = "In seconds"
default = "5"
options = [{{ value = "1", label = "1s" }}, {{ value = "5", label = "5s" }}, {{ value = "10", label = "10s" }}]

[[fields]]
name = "seed"
kind = "seed"
label = "Seed"
help = "The same number repeats a result"
default = -1

[[prices]]
when = {{}}
credits = 3

[[engines]]
name = "diffusers"
order = {{ still = "image_url", {order}resolution = "resolution", duration_s = "duration", seed = "seed" }}
deadline_s = 600
"""
PROMPT = """
[[fields]]
name = "prompt"
kind = "text"
label = "Prompt"
help = "What happens"
default = "steam rises"
chars_max = 100
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[Server]:
    """A server whose only engine is diffusers, with a card for every preset."""
    folder = tmp_path_factory.mktemp("serve")
    with tiny_weights() as weights:
        (folder / "diffusers.toml").write_text(models_file(weights))
        for preset in MAKERS:
            write_card(folder / "cards" / "tiny" / preset, preset)
        settings = {
            "PHOTOPLAY_ENGINES": "diffusers",
            "PHOTOPLAY_DIFFUSERS_MODELS": str(folder / "diffusers.toml"),
            "PHOTOPLAY_CARDS_DIR": str(folder / "cards"),
        }
        with serving(folder, **settings) as running:
            yield running


def write_card(folder: Path, preset: str) -> None:
    folder.mkdir(parents=True)
    words = ("", "") if preset == "svd-xt" else (PROMPT, 'prompt = "prompt", ')
    resolution = list(SIZES[preset])[-1]
    text = CARD.format(preset=preset, prompt=words[0], order=words[1], resolution=resolution)
    (folder / "card.toml").write_text(text.lstrip())
    example = {"model": f"tiny/{preset}", "input": {"image_url": "https://example.com/photo.jpg"}}
    (folder / "example.json").write_text(json.dumps(example))


@pytest.fixture(scope="module")
def photo(server: Server) -> str:
    return server.upload()


def create(server: Server, preset: str, photo: str, **input: str | int) -> str:
    body = {"model": f"tiny/{preset}", "input": {"image_url": photo, **input}}
    answer = server.post("/api/v1/jobs/createTask", json=body)
    assert answer["code"] == 200, answer
    return answer["data"]["taskId"]


def ended(server: Server, task_id: str) -> dict[str, Any]:
    return server.wait_for_state(task_id, "success", "fail", within_s=WITHIN_S)


@pytest.mark.parametrize("preset", MAKERS)
def test_every_preset_makes_a_readable_clip(server: Server, photo: str, tmp_path: Path, preset: str) -> None:
    before = server.balance()

    record = ended(server, create(server, preset, photo, seed=7))

    assert (record["state"], record["failMsg"], record["engine"]) == ("success", None, "diffusers")
    assert server.balance() == before - 3
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(server.download(record))
    facts = read_back(clip)
    width, height = list(SIZES[preset].values())[-1]
    assert (facts.frames, facts.fps, facts.duration_s) == (120, 24.0, 5.0)
    assert facts.width_px * facts.height_px == pytest.approx(width * height, rel=0.6)


@pytest.mark.parametrize(
    ("input", "words"),
    [
        ({"duration": "10"}, "duration: must be at most 7 s for this model, got 10"),
        ({"resolution": "1080p"}, "resolution: 1080p is not one of 720p, 480p"),
    ],
)
def test_what_the_weights_cannot_make_fails_before_it_begins_and_costs_nothing(
    server: Server, photo: str, input: dict[str, str], words: str
) -> None:
    before = server.balance()

    record = ended(server, create(server, "wan2-2-ti2v-5b", photo, **input))

    assert (record["state"], record["failCode"]) == ("fail", "422")
    assert words in record["failMsg"]
    assert server.balance() == before


def test_a_cancelled_run_leaves_the_process_with_its_weights_to_the_next_task(server: Server, photo: str) -> None:
    assert ended(server, create(server, "wan2-2-ti2v-5b", photo))["state"] == "success"
    child = server.part("photoplay.engines.child", "diffusers")
    running = create(server, "wan2-2-ti2v-5b", photo, resolution="720p")
    server.wait_for_state(running, "generating", within_s=WITHIN_S)

    answer = server.post("/api/v1/jobs/cancelTask", json={"taskId": running})
    record = ended(server, running)

    # It may have ended by itself before it was asked; then it is another success.
    assert answer["code"] == 200
    assert record["failCode"] in {"499", None}
    assert ended(server, create(server, "wan2-2-ti2v-5b", photo, duration="1"))["state"] == "success"
    assert server.part("photoplay.engines.child", "diffusers") == child
    assert isinstance(child, psutil.Process)


def test_a_killed_engine_is_started_again_and_the_task_goes_on(server: Server, photo: str) -> None:
    task_id = create(server, "ltx-video", photo, resolution="720p")
    server.wait_for_state(task_id, "generating", "success", within_s=WITHIN_S)
    server.kill("photoplay.engines.child", "diffusers")

    assert ended(server, task_id)["state"] == "success"
    assert ended(server, create(server, "ltx-video", photo))["state"] == "success"

"""`photoplay doctor` as a person types it: what it finds, what it says to do, and how it exits."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest

from crash.servers import environment
from photoplay.engines.child import ENGINES
from photoplay.engines.setup import REMOTES, SETUPS
from photoplay.settings import Settings

MACHINE = ["Python", "cores", "memory", "disk", "folder", "cards", "PostgreSQL", "encoders"]


def doctor(folder: Path, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "photoplay", "doctor", *arguments],
        env=environment(folder / "data", **settings),
        capture_output=True,
        text=True,
        timeout=120,
        cwd=folder,
        check=False,
    )


def examined(folder: Path, **settings: str) -> tuple[int, dict[str, Any]]:
    done = doctor(folder, "--json", **settings)
    return done.returncode, json.loads(done.stdout)


def test_a_fresh_machine_can_run_what_is_configured(tmp_path: Path) -> None:
    status, told = examined(tmp_path)

    assert (status, told["isWell"]) == (0, True)
    assert [finding["what"] for finding in told["machine"]][: len(MACHINE)] == MACHINE
    assert all(finding["isWell"] and finding["remedy"] is None for finding in told["machine"])
    assert {engine["engine"] for engine in told["engines"]} == {*SETUPS, *REMOTES}
    assert {engine["status"] for engine in told["engines"] if engine["engine"] in {"camera", "sandbox"}} == {"ready"}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("settings", "what", "words"),
    [
        ({"PHOTOPLAY_EGRESS_ALLOW": "nowhere"}, "cards", "the egress allow list holds 'nowhere'"),
        ({"PHOTOPLAY_EGRESS_PORTS": "70000"}, "cards", "the egress ports hold '70000'"),
        ({"PHOTOPLAY_ROUTES": '{"a/b": {"fallback": true}}'}, "cards", 'routes."a/b": there is no such model'),
        ({"PHOTOPLAY_DATA_DIR": "/dev/null/data"}, "folder", "/dev/null is not a folder"),
    ],
    ids=str,
)
def test_what_would_stop_a_start_is_found_before_it(
    tmp_path: Path, settings: dict[str, str], what: str, words: str
) -> None:
    status, told = examined(tmp_path, **settings)

    assert status == 1
    (wrong,) = (finding for finding in told["machine"] if not finding["isWell"])
    assert wrong["what"] == what
    assert wrong["words"].startswith(words)
    assert wrong["remedy"]


def test_every_engine_is_set_up_and_can_be_configured() -> None:
    configurable = get_args(get_args(Settings.model_fields["engines"].annotation)[0])

    assert set(SETUPS) == set(ENGINES)
    assert {*SETUPS, *REMOTES} == set(configurable)


def test_a_person_reads_lines_and_what_to_do(tmp_path: Path) -> None:
    done = doctor(tmp_path, PHOTOPLAY_DISK_FREE_MB="1000000000")
    lines = done.stdout.splitlines()

    assert done.returncode == 1
    assert lines[0] == "This machine"
    disk = next(number for number, line in enumerate(lines) if line.startswith("  --  disk"))
    assert lines[disk + 1].strip().startswith("do: free ")
    assert "Engine camera: ready" in lines
    assert lines[-1] == "Something that is configured cannot run."


def test_what_an_engine_lacks_is_told_and_counts_where_it_is_configured(tmp_path: Path) -> None:
    status, told = examined(tmp_path, PHOTOPLAY_CAMERA_DEPTH_MODEL="/nowhere/depth.onnx")
    camera = next(engine for engine in told["engines"] if engine["engine"] == "camera")

    assert (status, camera["status"]) == (1, "not ready")
    assert [finding["words"] for finding in camera["findings"]] == [
        "depth model: depth.onnx is not an ONNX file that can be read"
    ]


def test_what_an_engine_lacks_that_is_off_does_not_count(tmp_path: Path) -> None:
    status, told = examined(tmp_path, PHOTOPLAY_CAMERA_DEPTH_MODEL="/nowhere/depth.onnx", PHOTOPLAY_ENGINES="sandbox")
    camera = next(engine for engine in told["engines"] if engine["engine"] == "camera")

    assert (status, told["isWell"]) == (0, True)
    assert camera["status"] == "off"
    assert not camera["findings"][0]["isWell"]


@pytest.mark.parametrize("url", ["postgresql://me:hush-hush@127.0.0.1:9/db", "nonsense:hush-hush"])
def test_a_database_that_does_not_answer_is_told_without_its_password(tmp_path: Path, url: str) -> None:
    done = doctor(tmp_path, PHOTOPLAY_DATABASE_URL=url)

    assert done.returncode == 1
    assert "--  PostgreSQL  no answer: " in done.stdout
    assert "do: check PHOTOPLAY_DATABASE_URL" in done.stdout
    assert "hush-hush" not in done.stdout + done.stderr


def test_a_wrong_setting_stops_it_with_a_sentence(tmp_path: Path) -> None:
    done = doctor(tmp_path, PHOTOPLAY_ENGINES="camera,no-such-engine")

    assert done.returncode == 1
    assert done.stderr.startswith("photoplay: PHOTOPLAY_ENGINES: ")


def test_open_models_say_what_they_need(tmp_path: Path) -> None:
    status, told = examined(tmp_path, PHOTOPLAY_ENGINES="diffusers")
    found = next(engine for engine in told["engines"] if engine["engine"] == "diffusers")

    assert (status, found["status"]) == (1, "not ready")
    packages = [finding for finding in found["findings"] if finding["what"].startswith("package ")]
    assert {finding["what"] for finding in packages} >= {"package torch", "package diffusers", "package transformers"}
    assert all(finding["isWell"] or "./run --extra diffusers" in finding["remedy"] for finding in packages)
    assert (
        found["findings"][-1]["words"]
        == "diffusers: there is no diffusers.toml that says which model serves which card"
    )

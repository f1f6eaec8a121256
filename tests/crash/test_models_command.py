"""`photoplay models` and `photoplay cards` as a person types them, and a clip by the camera's own model."""

import os
import pty
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from crash.servers import Server, environment, serving
from photoplay.files.cards import load_cards

COMMAND = [sys.executable, "-m", "photoplay"]
CAMERA = "photoplay/camera-image-to-video"
CONTRACT = "bytedance/v1-pro-fast-image-to-video"


def photoplay(folder: Path, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*COMMAND, *arguments],
        env=environment(folder / "data", NO_COLOR="1", COLUMNS="80", **settings),
        capture_output=True,
        text=True,
        timeout=60,
        cwd=folder,
        check=False,
    )


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A folder with one new card of one's own, me/slow-zoom."""
    assert photoplay(tmp_path, "cards", "new", "me/slow-zoom", "--dir", "own").returncode == 0
    return tmp_path / "own"


def test_the_list_names_every_model_its_price_and_what_it_needs(tmp_path: Path) -> None:
    lines = photoplay(tmp_path, "models").stdout.splitlines()

    rows = {line.split()[0]: line for line in lines[1:]}
    assert list(rows) == sorted(load_cards())
    assert rows[CONTRACT].split()[-2:] == ["16-72", "available"]
    assert rows["bytedance/v1-pro-text-to-video"].endswith("needs ark or kie")
    assert not (tmp_path / "data").exists()


def test_a_search_and_a_type_narrow_the_list(tmp_path: Path) -> None:
    by_text = photoplay(tmp_path, "models", "--search", "WAN").stdout.splitlines()
    by_type = photoplay(tmp_path, "models", "--type", "text-to-video").stdout.splitlines()

    assert [line.split()[0] for line in by_text[1:]] == ["wan/2-2-image-to-video"]
    assert [line.split()[0] for line in by_type[1:]] == ["bytedance/v1-pro-text-to-video"]


def test_on_a_terminal_the_table_is_fitted_to_it(tmp_path: Path) -> None:
    reader, writer = pty.openpty()
    done = subprocess.run(
        [*COMMAND, "models"],
        env=environment(tmp_path, COLUMNS="100", TERM="xterm"),
        stdout=writer,
        cwd=tmp_path,
        timeout=60,
        check=False,
    )
    shown = os.read(reader, 100_000).decode()
    os.close(writer)
    os.close(reader)

    assert done.returncode == 0
    assert "─" in shown
    assert "bytedance/v1-pro-text-to-video" in shown


def test_show_tells_every_field_option_and_price(tmp_path: Path) -> None:
    shown = photoplay(tmp_path, "models", "show", CAMERA).stdout
    card = load_cards()[CAMERA]

    assert all(field.name in shown and field.help in shown for field in card.fields)
    assert "auto (As the prompt says), push_in (Push in), pull_out (Pull out)" in shown
    assert "0.25 to 2 " in shown
    assert any(line.split() == ["resolution=1080p,", "duration=15", "12"] for line in shown.splitlines())
    assert "Status: available" in shown


def test_the_price_is_printed_alone(tmp_path: Path) -> None:
    dear = photoplay(tmp_path, "models", "price", CONTRACT, "resolution=1080p", "duration=10")

    assert (dear.stdout, dear.stderr) == ("72\n", "")
    assert photoplay(tmp_path, "models", "price", CONTRACT).stdout == "16\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("show", "nobody/nothing"), "The model name you specified is not supported: nobody/nothing"),
        (("price", CONTRACT, "duration=11"), "input.duration is not within the range of allowed options"),
        (("price", CONTRACT, "length=5"), "length is not a field; the fields of"),
        (("price", CAMERA, "strength=big"), "input.strength must be a number, got a string"),
    ],
)
def test_a_wrong_question_is_answered_with_a_sentence(tmp_path: Path, words: tuple[str, ...], message: str) -> None:
    done = photoplay(tmp_path, "models", *words)

    assert done.returncode == 1
    assert done.stderr.startswith(f"photoplay: {message}")


def test_the_shipped_cards_are_well(tmp_path: Path) -> None:
    done = photoplay(tmp_path, "cards", "check")

    assert (done.returncode, done.stdout) == (0, f"{len(load_cards())} cards are well\n")


def test_a_new_card_is_well_and_listed(tmp_path: Path, own: Path) -> None:
    assert photoplay(tmp_path, "cards", "check", "own").stdout == "1 card is well\n"
    assert photoplay(tmp_path, "cards", "check", "own/me/slow-zoom").stdout == "1 card is well\n"

    listed = photoplay(tmp_path, "models", PHOTOPLAY_CARDS_DIR=str(own)).stdout

    assert any(line.startswith("me/slow-zoom ") and line.endswith(" available") for line in listed.splitlines())


def test_a_new_card_never_overwrites_one(tmp_path: Path, own: Path) -> None:
    (own / "me/slow-zoom/card.toml").write_text("mine")

    done = photoplay(tmp_path, "cards", "new", "me/slow-zoom", "--dir", "own")

    assert (done.returncode, done.stderr) == (1, "photoplay: own/me/slow-zoom exists already\n")
    assert (own / "me/slow-zoom/card.toml").read_text() == "mine"
    assert [path.name for path in own.iterdir()] == ["me"]


@pytest.mark.parametrize("model", ["slow-zoom", "../escape", "me/../x", "Me/Zoom", "a/b/c", "/a/b"])
def test_a_new_card_needs_a_plain_id(tmp_path: Path, model: str) -> None:
    done = photoplay(tmp_path, "cards", "new", model, "--dir", "own")

    assert done.returncode == 1
    assert "is not VENDOR/MODEL" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_every_complaint_has_a_line_and_names_its_place(tmp_path: Path, own: Path) -> None:
    path = own / "me/slow-zoom/card.toml"
    path.write_text(path.read_text().replace('default = "720p"', 'default = "4k"').replace("chars_max", "characters"))

    done = photoplay(tmp_path, "cards", "check", "own")

    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "me/slow-zoom: fields.1 (prompt).text.chars_max: Field required",
        "me/slow-zoom: fields.1 (prompt).text.characters: Unexpected keyword argument",
    ]


def test_a_control_that_the_camera_does_not_know_is_told(tmp_path: Path, own: Path) -> None:
    path = own / "me/slow-zoom/card.toml"
    path.write_text(path.read_text().replace('move = "move"', 'zoom = "move"'))

    done = photoplay(tmp_path, "cards", "check", "own")

    assert done.returncode == 1
    assert done.stdout.startswith(
        "me/slow-zoom: engines.camera: the order's zoom is no control of this engine, which has "
    )
    assert "move, speed, strength, effects, fps, format, end_still, loop\n" in done.stdout


def test_a_folder_under_git_holds_cards_and_nothing_else(tmp_path: Path, own: Path) -> None:
    (own / ".git/hooks").mkdir(parents=True)

    assert photoplay(tmp_path, "cards", "check", "own").stdout == "1 card is well\n"
    assert photoplay(tmp_path, "models", PHOTOPLAY_CARDS_DIR=str(own)).returncode == 0


def test_a_folder_without_cards_is_not_well(tmp_path: Path) -> None:
    done = photoplay(tmp_path, "cards", "check", ".")

    assert (done.returncode, done.stdout) == (1, ". holds no VENDOR/MODEL/card.toml\n")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[Server]:
    with serving(tmp_path_factory.mktemp("serve")) as running:
        yield running


def clip_of(server: Server, **input: object) -> bytes:
    body = {"model": CAMERA, "input": {"image_url": server.upload(), **input}}
    task_id = server.post("/api/v1/jobs/createTask", json=body)["data"]["taskId"]
    record = server.wait_for_state(task_id, "success", "fail")
    assert record["state"] == "success", record["failMsg"]
    return server.download(record)


def test_a_card_without_a_prompt_makes_the_same_clip_of_the_same_seed(server: Server) -> None:
    assert clip_of(server, seed=7) == clip_of(server, seed=7)


def test_a_cards_own_fields_reach_the_camera(server: Server) -> None:
    assert clip_of(server, seed=7, move="pan_left") != clip_of(server, seed=7, move="pan_right")

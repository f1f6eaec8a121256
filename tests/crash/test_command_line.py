"""The commands as a person types them: what they print, how they exit, and that nothing is left running."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import psutil
import pytest

from crash.servers import MODEL, PHOTO, Server, environment, free_port, serving, wait_for
from scenes import let_the_hour_change

COMMAND = [sys.executable, "-m", "photoplay"]


def photoplay(data_dir: Path, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*COMMAND, *arguments],
        env=environment(data_dir, **settings),
        capture_output=True,
        text=True,
        timeout=120,
        cwd=data_dir.parent,
        check=False,
    )


def left_running(data_dir: Path) -> list[psutil.Process]:
    """Return every process that was started for this data directory."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("PHOTOPLAY_DATA_DIR") == str(data_dir) or str(data_dir) in process.cmdline():
                found.append(process)
        except psutil.Error:
            continue
    return found


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[Server]:
    with serving(tmp_path_factory.mktemp("serve")) as running:
        yield running


def test_run_uses_the_running_server_and_saves_the_clip(server: Server, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    before = server.balance()

    result = photoplay(server.data_dir, "run", str(PHOTO), "slow push in", "-o", str(clip))

    assert result.returncode == 0, result.stderr
    assert clip.read_bytes()[4:8] == b"ftyp"
    assert "16 credits" in result.stdout
    assert server.balance() == before - 16


def test_run_takes_a_models_own_fields_and_uploads_its_files(server: Server, tmp_path: Path) -> None:
    clip, model = tmp_path / "clip.mp4", "photoplay/camera-image-to-video"
    fields = ("move=pan_left", "seed=7", "strength=0.5", "fps=25", "loop=false", f"end_image_url={PHOTO}")
    options = [word for pair in fields for word in ("--set", pair)]

    result = photoplay(server.data_dir, "run", str(PHOTO), "", "--model", model, *options, "-o", str(clip))

    assert result.returncode == 0, result.stderr
    (newest,) = server.get("/api/v1/jobs", params={"limit": 1})["data"]["tasks"]
    given = json.loads(newest["param"])["input"]
    assert given.pop("end_image_url") != given.pop("image_url")
    assert given == {"move": "pan_left", "seed": 7, "strength": 0.5, "fps": 25, "loop": False}
    assert clip.read_bytes()[4:8] == b"ftyp"


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        ("sed=7", "sed is not a field of bytedance/v1-pro-fast-image-to-video; it has prompt, image_url, resolution,"),
        ("resolution", "resolution is not FIELD=VALUE, such as seed=7"),
        ("image_url=nowhere.jpg", "image_url: there is no file nowhere.jpg"),
        ("resolution=4k", "resolution is not within the range of allowed options"),
    ],
)
def test_run_says_what_is_wrong_with_a_field(server: Server, pair: str, words: str) -> None:
    result = photoplay(server.data_dir, "run", str(PHOTO), "slow push in", "--set", pair)

    assert result.returncode == 1
    assert words in result.stderr


def test_run_says_in_the_servers_words_why_it_failed(server: Server, tmp_path: Path) -> None:
    page = tmp_path / "page.jpg"
    page.write_text("<html>")

    result = photoplay(server.data_dir, "run", str(page), "slow push in")

    assert result.returncode == 1
    assert result.stderr.strip() == "photoplay: file: page.jpg is not one of JPEG, PNG, WebP"


def test_run_refuses_a_missing_photo_as_a_wrong_command_line(tmp_path: Path) -> None:
    assert photoplay(tmp_path / "data", "run", "nowhere.jpg", "slow push in").returncode == 2


def test_ctrl_c_in_run_cancels_the_task_on_a_running_server(server: Server) -> None:
    before = server.balance()
    process = subprocess.Popen(
        [*COMMAND, "run", str(PHOTO), "slow push in", "--resolution", "1080p", "--duration", "10"],
        env=environment(server.data_dir),
        cwd=server.data_dir.parent,
    )
    wait_for(lambda: server.balance() < before, within_s=60, what="the task is created")
    (newest,) = server.get("/api/v1/jobs", params={"limit": 1})["data"]["tasks"]
    server.wait_for_state(newest["taskId"], "generating")
    process.send_signal(signal.SIGINT)

    assert process.wait(60) == 130
    assert wait_for(lambda: server.balance() == before, within_s=60, what="the hold is released")


def test_a_second_server_on_the_same_data_is_refused_with_a_sentence(server: Server) -> None:
    result = photoplay(server.data_dir, "serve", "--port", "0")

    assert result.returncode == 1
    assert f"is in use by the server with process id {server.process.pid}" in result.stderr
    assert "Traceback" not in result.stderr


def test_keys_create_prints_the_key_alone_and_it_works(server: Server) -> None:
    result = photoplay(server.data_dir, "keys", "create", "--account", "studio", "--credits", "50")
    (key,) = result.stdout.splitlines()
    answer = subprocess.run(
        ["curl", "-s", f"{server.url}/api/v1/chat/credit", "-H", f"Authorization: Bearer {key}"],
        capture_output=True,
        check=True,
    )

    assert json.loads(answer.stdout)["data"] == 50


def test_the_commands_of_an_operator_work_beside_the_server(server: Server) -> None:
    def command(*arguments: str) -> str:
        done = photoplay(server.data_dir, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    key = command("keys", "create", "--account", "press", "--credits", "50", "--name", "nightly").strip()
    command("keys", "limit", key[:14], "--day-credits", "20", "--network", "127.0.0.1", "--expires-in", "90d")
    (rotated,) = command("keys", "rotate", key[:14], "--overlap", "1h").splitlines()
    command("accounts", "grant", "press", "5", "--note", "invoice 7", "--once", "7")
    granted = command("accounts", "grant", "press", "5", "--note", "invoice 7", "--once", "7")
    listed = command("keys", "list", "--account", "press")
    revoked = command("keys", "revoke", rotated)

    assert granted.splitlines()[1].split()[:4] == ["press", "live", "55", "0"]
    assert listed.splitlines()[1].split()[:7] == [rotated[:14], "press", "nightly", "0", "0", "of", "20"]
    assert "revoked 20" in revoked
    assert "127.0.0.1/32" in command("keys", "show", rotated)
    assert command("ledger", "check").splitlines()[-1] == "Everything agrees."
    assert "day" in command("usage", "--account", "press")


def test_ledger_entries_and_usage_tell_of_a_task(server: Server) -> None:
    let_the_hour_change()
    task_id = server.create(server.upload())
    server.wait_for_state(task_id, "success")

    entries = photoplay(server.data_dir, "ledger", "entries", task_id).stdout.splitlines()
    head, *usage = photoplay(server.data_dir, "usage", "--account", "default", "--csv").stdout.splitlines()

    assert [line.split()[3:] for line in entries[1:]] == [
        ["hold", "available", "-16"],
        ["hold", "held", "16"],
        ["post", "held", "-16"],
        ["post", "revenue", "16"],
    ]
    assert head == "day,account,key_id,key_name,key_prefix,model,tasks,held,charged,given_back"
    (told,) = (line.split(",") for line in usage if MODEL in line)
    assert told[1] == "default"


def test_a_ledger_that_does_not_agree_exits_with_1_and_lists_why(database_url: str, tmp_path: Path) -> None:
    async def break_it() -> None:
        connection = await asyncpg.connect(database_url)
        await connection.execute("update photoplay.accounts set balance_credits = 5")
        await connection.close()

    settings = {"PHOTOPLAY_DATABASE_URL": database_url}
    photoplay(tmp_path / "data", "keys", "create", "--account", "studio", "--credits", "50", **settings)
    asyncio.run(break_it())
    result = photoplay(tmp_path / "data", "ledger", "check", **settings)

    assert result.returncode == 1
    assert result.stdout.splitlines()[-1] == "account studio (live): the balance is 5, must be 50"
    assert result.stderr == "1 difference.\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("keys", "show", "pp_live_ffffff"), "There is no key pp_live_ffffff; name it by its id or as lists show it"),
        (("accounts", "show", "nobody"), "There is no live account nobody"),
        (("accounts", "grant", "nobody", "5", "--note", "x"), "There is no live account nobody"),
        (("ledger", "entries", "x"), "recordInfo is null: there are no entries of this task"),
        (("usage", "--from", "2026-02-01", "--to", "2026-01-01"), "to: 2026-01-01 is before 2026-02-01"),
    ],
    ids=" ".join,
)
def test_what_an_operator_asks_wrongly_is_refused_with_a_sentence(
    arguments: tuple[str, ...], said: str, server: Server
) -> None:
    result = photoplay(server.data_dir, *arguments)

    assert result.returncode == 1
    assert result.stderr.startswith(f"photoplay: {said}")
    assert result.stdout == ""


@pytest.mark.parametrize(
    "option", [("--day-credits", "many"), ("--hour-credits", "-1"), ("--expires-in", "soon")], ids=" ".join
)
def test_a_wrong_limit_is_a_wrong_command_line(option: tuple[str, str], tmp_path: Path) -> None:
    result = photoplay(tmp_path / "data", "keys", "create", "--account", "a", *option)

    assert result.returncode == 2
    assert option[1] in result.stderr
    assert not (tmp_path / "data").exists()


def test_keys_create_works_without_a_running_server_and_says_where_the_database_was_made(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"

    first = photoplay(data_dir, "keys", "create", "--account", "studio", "--credits", "50")

    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith("pp_live_")
    assert first.stderr == f"A new database is made in {data_dir}\n"
    assert left_running(data_dir) == []


def test_where_no_server_has_run_nothing_is_listed_and_nothing_made(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"

    result = photoplay(data_dir, "keys", "list")

    assert result.returncode == 1
    assert result.stderr == (
        f"photoplay: no server has run on the data folder {data_dir}; PHOTOPLAY_DATA_DIR says which one is meant\n"
    )
    assert not data_dir.exists()


def test_what_cannot_be_a_data_folder_is_refused_with_a_sentence(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    data_dir.write_text("a file")

    for command in (("serve", "--port", "0"), ("keys", "list"), ("run", str(PHOTO), "slow push in")):
        result = photoplay(data_dir, *command)

        assert result.returncode == 1
        assert result.stderr == f"photoplay: the data folder {data_dir} is not a folder\n", command


@pytest.mark.parametrize("is_there", [False, True], ids=["no server", "no such database"])
def test_a_database_that_cannot_be_reached_is_told_with_its_reason(
    database_url: str, tmp_path: Path, *, is_there: bool
) -> None:
    address = urlsplit(database_url)
    own = address._replace(path="/none").geturl()
    url = own if is_there else f"postgresql://nobody@127.0.0.1:{free_port()}/none"

    result = photoplay(tmp_path / "data", "keys", "list", PHOTOPLAY_DATABASE_URL=url)

    assert result.returncode == 1
    assert result.stderr.startswith("photoplay: the database cannot be reached: ")
    assert result.stderr.endswith("; PHOTOPLAY_DATABASE_URL names one of yours\n")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "url", ["postgresql://me:hush@127.0.0.1:99999/x", "postgresql://me:hush@[h/x", "mysql://me:hush@h/x"]
)
def test_what_is_no_database_url_is_told_without_its_password(url: str, tmp_path: Path) -> None:
    result = photoplay(tmp_path / "data", "keys", "list", PHOTOPLAY_DATABASE_URL=url)

    assert result.returncode == 1
    assert result.stderr == (
        "photoplay: PHOTOPLAY_DATABASE_URL is not a URL such as postgresql://me@host:5432/photoplay\n"
    )


@pytest.mark.parametrize("key", ["pp_live_é", "pp_live_hush\r", "two words"])
def test_what_cannot_be_a_key_is_neither_sent_nor_repeated(key: str, tmp_path: Path) -> None:
    url = f"http://me:hush@127.0.0.1:{free_port()}"

    wrong = photoplay(tmp_path / "data", "tasks", "--server", url, "--key", key)
    away = photoplay(tmp_path / "data", "tasks", "--server", url, "--key", "pp_live_hush")

    assert (wrong.returncode, wrong.stderr) == (1, "photoplay: the key holds a character that no key has\n")
    assert away.returncode == 1
    assert "does not answer" in away.stderr
    assert "hush" not in away.stderr


def test_what_is_no_text_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    result = photoplay(tmp_path / "data", "keys", "create", "--account", "\udcff")

    assert result.returncode == 2
    assert result.stderr == "photoplay: '\\udcff' is not UTF-8\n"
    assert not (tmp_path / "data").exists()


def test_run_starts_a_server_for_the_time_being(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"

    result = photoplay(data_dir, "run", str(PHOTO), "pan right", "-o", str(tmp_path / "clip.mp4"))

    assert result.returncode == 0, result.stderr
    assert (tmp_path / "clip.mp4").stat().st_size > 100_000
    assert left_running(data_dir) == []


def test_ctrl_c_in_run_leaves_nothing_running(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    process = subprocess.Popen(
        [*COMMAND, "run", str(PHOTO), "slow push in", "--resolution", "1080p", "--duration", "10"],
        env=environment(data_dir),
        cwd=tmp_path,
    )
    wait_for(lambda: list(data_dir.glob("work/*")), within_s=60, what="the task runs")
    process.send_signal(signal.SIGINT)

    assert process.wait(60) == 130
    assert left_running(data_dir) == []


def test_demo_makes_a_clip_from_the_bundled_photo(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"

    result = photoplay(data_dir, "demo", "--exit", "--port", "0", "-o", "demo.mp4")

    assert result.returncode == 0, result.stderr
    assert "A clip was made from the bundled photo" in result.stdout
    assert (tmp_path / "demo.mp4").stat().st_size > 100_000
    assert left_running(data_dir) == []


def test_a_port_that_is_taken_is_refused_with_a_sentence(server: Server, tmp_path: Path) -> None:
    result = photoplay(tmp_path / "data", "serve", "--port", server.port)

    assert result.returncode == 1
    assert f"127.0.0.1:{server.port} cannot be listened on" in result.stderr
    assert "Traceback" not in result.stderr


def test_demo_on_a_port_that_is_taken_is_refused_with_a_sentence(server: Server, tmp_path: Path) -> None:
    result = photoplay(tmp_path / "data", "demo", "--port", server.port)

    assert result.returncode == 1
    assert f"photoplay: 127.0.0.1:{server.port} cannot be listened on" in result.stderr
    assert "Traceback" not in result.stderr


def test_run_looks_at_where_the_clip_goes_before_it_spends_anything(server: Server) -> None:
    before = server.balance()

    folderless = photoplay(server.data_dir, "run", str(PHOTO), "slow push in", "-o", "no/such/folder/clip.mp4")
    device = photoplay(server.data_dir, "run", str(PHOTO), "slow push in", "-o", "/dev/null")

    assert (folderless.returncode, device.returncode) == (2, 2)
    assert "there is no folder no/such/folder" in folderless.stderr
    assert "/dev/null is there" in device.stderr
    assert server.balance() == before


def test_what_a_part_of_the_server_needs_and_was_not_given_stops_the_start_with_a_sentence(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"

    result = photoplay(data_dir, "serve", "--port", "0", PHOTOPLAY_ENGINES="ark")

    assert result.returncode == 1
    assert "photoplay: the engine ark needs PHOTOPLAY_ARK_KEY" in result.stderr
    assert "photoplay: the worker refused its settings" in result.stderr
    assert "Traceback" not in result.stderr
    assert left_running(data_dir) == []


def test_an_unknown_setting_stops_the_start(tmp_path: Path) -> None:
    result = photoplay(tmp_path / "data", "serve", PHOTOPLAY_PROT="8080")

    assert result.returncode == 1
    assert result.stderr.startswith("photoplay: PHOTOPLAY_PROT is not a setting; known are ")


def test_the_parts_alone_ask_for_a_database(tmp_path: Path) -> None:
    result = photoplay(tmp_path / "data", "worker")

    assert result.returncode == os.EX_CONFIG
    assert "set PHOTOPLAY_DATABASE_URL" in result.stderr


def test_the_version_is_told_without_a_command(tmp_path: Path) -> None:
    result = photoplay(tmp_path / "data", "--version")

    assert (result.returncode, result.stdout.strip()) == (0, version("photoplay"))

"""What a whole server writes about its work: none of what its callers confided to it."""

import re
from base64 import b64encode
from pathlib import Path

import httpx2

from crash.receivers import callback_receiver, photo_server
from crash.servers import MODEL, PHOTO, Server, serving

PROMPT = "a vermilion heron over the estuary"
SIGNED = "X-Signature=5ecretsignature"


def confide(server: Server, image_url: str, callback_url: str) -> list[str]:
    """Use the server in every way that tells it something; return what must not be written anywhere."""
    body = {"model": MODEL, "input": {"prompt": PROMPT, "image_url": image_url}, "callBackUrl": callback_url}
    made = [server.post("/api/v1/jobs/createTask", json=body)["data"]["taskId"]]
    body["input"] = {"prompt": PROMPT, "image_url": f"http://nowhere.invalid/a.png?{SIGNED}"}
    made.append(server.post("/api/v1/jobs/createTask", json=body)["data"]["taskId"])
    records = [server.wait_for_state(task_id, "success", "fail", within_s=120) for task_id in made]
    assert [record["state"] for record in records] == ["success", "fail"]
    links = re.findall(r"/files/([\w-]+)/", records[0]["resultJson"])
    text = b64encode(PHOTO.read_bytes()).decode()
    upload = server.post("/api/file-base64-upload", json={"base64Data": text, "fileName": PROMPT})["data"]["fileUrl"]
    short = server.post("/api/v1/common/download-url", json={"url": upload})["data"]
    for url in (upload, short, f"{short}?{SIGNED}", f"{server.url}/nothing?{SIGNED}", f"{server.url}/files/{SIGNED}/x"):
        httpx2.get(url, timeout=30)
    server.post(f"/api/v1/jobs/createTask?{SIGNED}", content=f'{{"prompt":"{PROMPT}"')
    links += [url.removeprefix(f"{server.url}/files/").partition("/")[0] for url in (upload, short)]
    return [*links, server.key, server.secret, "pp_live_", "whsec_", PROMPT, "heron", SIGNED, "5ecret"]


def test_the_log_holds_nothing_that_was_confided(tmp_path: Path) -> None:
    with (
        photo_server(PHOTO) as photos,
        callback_receiver(500, 200) as (callbacks, received),
        serving(
            tmp_path, PHOTOPLAY_EGRESS_ALLOW=f"{photos},{callbacks}", PHOTOPLAY_CALLBACK_SCHEDULE_S="0,0"
        ) as server,
    ):
        confided = confide(server, f"http://{photos}/a.jpg?{SIGNED}", f"http://{callbacks}/done?{SIGNED}")
        for _ in range(3):
            received.get(timeout=60)
        server.stop()
        _, _, log = server.log_path.read_text().partition("Ctrl-C stops the server.")

    assert [text for text in confided if text in log] == []
    assert "callback.attempted" in log
    assert "task.attempt_failed" in log


def test_an_open_door_is_warned_about_at_the_start(tmp_path: Path) -> None:
    with serving(tmp_path, PHOTOPLAY_EGRESS_ALLOW="localhost:9,127.0.0.1:9") as server:
        log = server.log_path.read_text()

    assert "egress.allows_what_is_not_public" in log
    assert "127.0.0.1:9, localhost:9" in log

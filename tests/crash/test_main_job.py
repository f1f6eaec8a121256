"""The main job through real processes and real sockets: request, clip, file, signed callback."""

import base64
import hashlib
import hmac
import json
import socket
from fractions import Fraction
from pathlib import Path

import av
import pytest
from PIL import Image
from standardwebhooks import Webhook

from crash.receivers import Received, callback_receiver, photo_server
from crash.servers import PHOTO, serving, wait_for

# The createTask contract's own example, but for its links.
SEED_PROMPT = json.loads((PHOTO.parents[1] / "cards/bytedance/v1-pro-fast-image-to-video/example.json").read_text())[
    "input"
]["prompt"]


def read_clip(path: Path) -> tuple[str, int, int, Fraction | None, int, float]:
    """Decode every frame with a reader of our own; return codec, size, rate, frames and seconds."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = sum(1 for _ in container.decode(stream))
        assert stream.duration is not None
        assert stream.time_base is not None
        seconds = float(stream.duration * stream.time_base)
        return stream.codec_context.name, stream.width, stream.height, stream.average_rate, frames, seconds


def test_the_contracts_example_becomes_a_clip_a_record_and_a_signed_callback(tmp_path: Path) -> None:
    wide = tmp_path / "coffee.webp"
    with Image.open(PHOTO) as photo:
        photo.crop((0, 20, 600, 357)).save(wide)
    with (
        photo_server(wide, mime_type="image/webp") as photo_host,
        callback_receiver() as (callback_host, received),
        serving(tmp_path, PHOTOPLAY_EGRESS_ALLOW=f"{photo_host},{callback_host}") as server,
    ):
        request = {
            "model": "bytedance/v1-pro-fast-image-to-video",
            "callBackUrl": f"http://{callback_host}/api/callback",
            "input": {
                "prompt": SEED_PROMPT,
                "image_url": f"http://{photo_host}/coffee.webp",
                "resolution": "720p",
                "duration": "5",
            },
        }
        task_id = server.post("/api/v1/jobs/createTask", json=request)["data"]["taskId"]
        record = server.wait_for_state(task_id, "success", "fail")
        callback = received.get(timeout=60)
        clip = tmp_path / "clip.mp4"
        clip.write_bytes(server.download(record))

        assert record["state"] == "success", record["failMsg"]
        assert json.loads(record["param"]) == request
        assert (record["consumeCredits"], record["remainedCredits"], server.balance()) == (16, 984, 984)
        assert read_clip(clip) == ("h264", 1280, 720, Fraction(24), 120, 5.0)
        assert_signed(callback, secret=server.secret, task_id=task_id)
        assert json.loads(callback.body)["data"] == {**record, "task_id": task_id}
        assert received.empty()


def assert_signed(callback: Received, *, secret: str, task_id: str) -> None:
    """Both families: Standard Webhooks by its own library, the other by its published recipe."""
    Webhook(secret).verify(callback.body, dict(callback.headers))
    content = f"{task_id}.{callback.headers['X-Webhook-Timestamp']}".encode()
    expected = base64.b64encode(hmac.digest(secret.encode(), content, hashlib.sha256)).decode()
    assert callback.headers["X-Webhook-Signature"] == expected


@pytest.mark.parametrize(
    ("image", "text"),
    [
        ("http://{photo}/page", "not a JPEG, PNG or WebP picture"),
        ("http://{closed}/photo.jpg", "image_url"),
        ("http://localtest.invalid/photo.jpg", "image_url"),
    ],
    ids=["not a picture", "nobody listens", "no such host"],
)
def test_a_still_that_cannot_be_used_fails_the_task_and_costs_nothing(tmp_path: Path, image: str, text: str) -> None:
    page = tmp_path / "page.html"
    page.write_text("<html>not a picture</html>")
    with (
        photo_server(page) as photo_host,
        callback_receiver() as (callback_host, received),
        serving(tmp_path, PHOTOPLAY_EGRESS_ALLOW=f"{photo_host},{callback_host},127.0.0.1:1") as server,
    ):
        url = image.format(photo=photo_host, closed="127.0.0.1:1")
        task_id = server.create(url, callback_url=f"http://{callback_host}/")
        record = server.wait_for_state(task_id, "success", "fail")
        body = json.loads(received.get(timeout=60).body)

        assert (record["state"], record["failCode"], record["costTime"]) == ("fail", "422", 0)
        assert text in record["failMsg"]
        assert (record["consumeCredits"], server.balance()) == (0, 1000)
        assert (body["code"], body["msg"], body["data"]["failCode"]) == (501, "Playground task failed.", "422")


def test_a_picture_over_the_limit_fails_the_task_and_costs_nothing(tmp_path: Path) -> None:
    big = tmp_path / "big.jpg"
    big.write_bytes(PHOTO.read_bytes() + bytes(10 * 1024 * 1024))
    with photo_server(big) as photo_host, serving(tmp_path, PHOTOPLAY_EGRESS_ALLOW=photo_host) as server:
        record = server.wait_for_state(server.create(f"http://{photo_host}/big.jpg"), "success", "fail")

        assert (record["state"], record["failCode"], server.balance()) == ("fail", "422", 1000)
        assert "10485760" in record["failMsg"]


def test_a_refused_callback_is_sent_again_with_the_same_id_and_body(tmp_path: Path) -> None:
    with (
        callback_receiver(500, 200) as (callback_host, received),
        serving(tmp_path, PHOTOPLAY_EGRESS_ALLOW=callback_host, PHOTOPLAY_CALLBACK_SCHEDULE_S="0,0.5,60") as server,
    ):
        task_id = server.create(server.upload(), callback_url=f"http://{callback_host}/")
        first, second = received.get(timeout=60), received.get(timeout=60)

        assert (first.headers["webhook-id"], first.body) == (second.headers["webhook-id"], second.body)
        assert_signed(second, secret=server.secret, task_id=task_id)
        assert wait_for(received.empty, within_s=1, what="no third delivery")


def test_a_hanging_receiver_delays_nobody_else(tmp_path: Path) -> None:
    # Connections to it are made by the kernel and never answered.
    with (
        socket.create_server(("127.0.0.1", 0)) as hanging,
        callback_receiver() as (callback_host, received),
        serving(tmp_path, PHOTOPLAY_EGRESS_ALLOW=f"127.0.0.1:{hanging.getsockname()[1]},{callback_host}") as server,
    ):
        photo = server.upload()
        stuck = server.create(photo, callback_url=f"http://127.0.0.1:{hanging.getsockname()[1]}/")
        server.wait_for_state(stuck, "success")
        healthy = server.create(photo, callback_url=f"http://{callback_host}/")
        server.wait_for_state(healthy, "success")
        # The first delivery may hang for 15 s; the second one must not wait for it.
        callback = received.get(timeout=10)

        assert json.loads(callback.body)["taskId"] == healthy

"""Receivers check callbacks with `photoplay.callbacks.verify`, which needs nothing but the standard library."""

import subprocess
import sys
from datetime import datetime, timedelta
from email.message import Message
from pathlib import Path

import pytest
from starlette.datastructures import Headers

import photoplay
from photoplay import clock
from photoplay.callbacks import InvalidCallback, verify
from photoplay.domain.callbacks import Secret, signature_headers

SECRET = Secret.from_bytes(bytes(range(32)))
OTHER = Secret.from_bytes(bytes(range(1, 33)))
SOURCE = str(Path(photoplay.__file__).parents[1])
BODY = b'{"code":200,"taskId":"e989621f54392584b05867f87b160672"}'


def signed(*secrets: Secret, now: datetime | None = None, attempt: int = 1) -> dict[str, str]:
    headers = signature_headers(
        secrets=secrets or (SECRET,),
        task_id="e989621f54392584b05867f87b160672",
        webhook_id="msg_1",
        body=BODY,
        now=now or clock.now(),
        attempt=attempt,
    )
    return dict(headers)


def test_a_callback_of_this_server_is_returned() -> None:
    assert verify(signed(), BODY, SECRET.reveal()) == {"code": 200, "taskId": "e989621f54392584b05867f87b160672"}


def test_the_headers_of_frameworks_are_read_in_any_case() -> None:
    message = Message()
    for name, text in signed().items():
        message[name.title()] = text

    assert verify(message, BODY, SECRET.reveal())["code"] == 200
    assert verify(Headers(signed()), BODY, SECRET.reveal())["code"] == 200


@pytest.mark.parametrize("secret", [SECRET, OTHER], ids=["new", "old"])
def test_both_secrets_are_good_while_one_is_rotated(secret: Secret) -> None:
    assert verify(signed(SECRET, OTHER), BODY, secret.reveal())["code"] == 200


def test_another_secret_is_refused() -> None:
    with pytest.raises(InvalidCallback, match="the signature is wrong"):
        verify(signed(), BODY, OTHER.reveal())


@pytest.mark.parametrize("body", [BODY + b" ", BODY.replace(b"200", b"501"), b""], ids=["longer", "changed", "empty"])
def test_a_changed_body_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidCallback, match="the signature is wrong"):
        verify(signed(), body, SECRET.reveal())


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_missing_header_is_named(name: str) -> None:
    headers = {key: text for key, text in signed().items() if key != name}

    with pytest.raises(InvalidCallback, match=f"the header {name} is missing"):
        verify(headers, BODY, SECRET.reveal())


def test_the_signature_of_task_and_time_alone_is_not_enough() -> None:
    headers = {key: text for key, text in signed().items() if key.startswith("X-")}

    with pytest.raises(InvalidCallback):
        verify(headers, BODY, SECRET.reveal())


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_callback_from_another_time_is_refused(minutes: int) -> None:
    headers = signed(now=clock.now() + timedelta(minutes=minutes))

    with pytest.raises(InvalidCallback, match="the limit is 300 s"):
        verify(headers, BODY, SECRET.reveal())


@pytest.mark.parametrize("stamp", ["soon", "-5", "1e9", "9" * 20])
def test_a_timestamp_that_is_none_is_refused(stamp: str) -> None:
    with pytest.raises(InvalidCallback, match="not a number of seconds"):
        verify({**signed(), "webhook-timestamp": stamp}, BODY, SECRET.reveal())


def test_a_secret_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidCallback, match="the secret is not whsec_ and base64"):
        verify(signed(), BODY, "whsec_abc")


@pytest.mark.parametrize("body", [{"code": 200}, '{"code":200}'], ids=["parsed", "text"])
def test_a_body_that_is_no_bytes_is_a_mistake_of_the_receiver(body: object) -> None:
    with pytest.raises(TypeError, match="the bytes that arrived"):
        verify(signed(), body, SECRET.reveal())  # pyright: ignore[reportArgumentType]


def test_importing_it_brings_nothing_but_the_standard_library() -> None:
    code = (
        "import sys, photoplay.callbacks\n"
        "names = {name.partition('.')[0] for name in sys.modules}\n"
        "print(sorted(names - set(sys.stdlib_module_names) - {'photoplay', '__main__'}))"
    )
    # Not the packages of the environment: -S leaves out what .pth files import.
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {SOURCE!r})\n{code}"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert (done.stdout.strip(), done.stderr) == ("[]", "")

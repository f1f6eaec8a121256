"""What a log line may hold, and what it never does."""

import json
import logging
from datetime import datetime
from typing import Any

import pytest
import structlog

from photoplay import logs
from photoplay.domain.errors import AppError, EngineRejected, InvalidInput, StillRejected, TargetUnreachable

PROMPT = "a red fox"
SECRETS = [
    ("key pp_live_0123456789abcdef0123456789abcdef01234567deadbeef", "key pp_live_…"),
    ("key pp_test_0123456789abcdef0123456789abcdef01234567deadbeef", "key pp_test_…"),
    ("secret whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "secret whsec_…"),
    ("Authorization: Bearer abc.def", "Authorization: Bearer …"),
    ("authorization: basic dXNlcjpwdw==", "authorization: basic …"),
    ("postgresql://photoplay:hunter2@db/photoplay", "postgresql://…@db/photoplay"),
    ("GET /files/pg7BTR69g7a26NmqLLv8efK5HPFUDikL/upload.jpg failed", "GET /files/pg7BTR… failed"),
    ("https://a.example/files/pg7BTR69g7a26NmqLLv8efK5/x.mp4?a=b", "https://a.example/files/pg7BTR…?…"),
    ("https://s3.example/k.png?X-Amz-Signature=abc#d and more", "https://s3.example/k.png?… and more"),
    ("'/api/v1/jobs/recordInfo?taskId=5' twice", "'/api/v1/jobs/recordInfo?…' twice"),
    ("image_url: the host answered 404 Not Found", "image_url: the host answered 404 Not Found"),
    ("what? nothing", "what? nothing"),
]


pytestmark = pytest.mark.usefixtures("put_back_logging")


def fail(prompt: str) -> None:
    try:
        raise StillRejected("image_url: the PNG is broken or truncated") from ValueError(f"cannot read {prompt!r}")
    except StillRejected as exc:
        raise RuntimeError(f"while at {prompt}") from exc


@pytest.mark.parametrize(("text", "left"), SECRETS)
def test_what_is_secret_is_blanked_out(text: str, left: str) -> None:
    assert logs.clean(text) == left


def test_an_event_is_cleaned_in_every_value(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(format="json", level="info")

    structlog.get_logger().info("a.thing", url="https://a.example/?q=1", count=3, key="pp_live_00")

    event: dict[str, Any] = json.loads(capsys.readouterr().err)
    assert (event["url"], event["count"], event["key"]) == ("https://a.example/?…", 3, "pp_live_…")


@pytest.mark.parametrize("format", ["text", "json"])
@pytest.mark.parametrize(
    ("error", "told"),
    [
        (StillRejected("image_url: the PNG is broken"), "StillRejected: image_url: the PNG is broken"),
        (EngineRejected(f"kie: answered 400: {PROMPT}"), "EngineRejected"),
        (TargetUnreachable(PROMPT), "TargetUnreachable"),
        (ValueError(PROMPT), "ValueError"),
        (ConnectionRefusedError(111, "Connection refused", PROMPT), "ConnectionRefusedError: Connection refused"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_is_named_and_says_only_what_quotes_nobody(
    error: Exception, told: str, format: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure(format=format, level="info")
    structlog.get_logger().warning("task.attempt_failed", error=error)

    line = capsys.readouterr().err
    assert told in line
    assert PROMPT not in line


@pytest.mark.parametrize(
    "error", [EngineRejected(PROMPT), InvalidInput(PROMPT)], ids=lambda value: type(value).__name__
)
def test_an_exception_of_ours_that_may_quote_others_does_not_say_so(
    error: AppError, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure(format="text", level="info")
    structlog.get_logger().error("request.failed", exc_info=error)

    text = capsys.readouterr().err
    assert type(error).__name__ in text
    assert PROMPT not in text


@pytest.mark.parametrize("format", ["text", "json"])
def test_debug_tells_what_an_error_says(format: Any, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(format=format, level="debug")
    structlog.get_logger().warning("task.attempt_failed", error=EngineRejected(PROMPT))

    assert PROMPT in capsys.readouterr().err


@pytest.mark.parametrize("format", ["text", "json"])
def test_an_exception_tells_its_places_and_our_own_words_alone(format: Any, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(format=format, level="info")
    try:
        fail(PROMPT)
    except RuntimeError as exc:
        structlog.get_logger().error("request.failed", exc_info=exc)

    text = capsys.readouterr().err
    assert PROMPT not in text
    assert "in fail" in text
    assert all(word in text for word in ("ValueError", "RuntimeError", "image_url: the PNG is broken or truncated"))


def test_a_library_is_cleaned_too(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(format="text", level="info")
    try:
        fail(PROMPT)
    except RuntimeError:
        logging.getLogger("some.library").exception("job %s of %s", "pp_live_00", "https://a.example/x?token=1")

    text = capsys.readouterr().err
    assert "job pp_live_… of https://a.example/x?…" in text
    assert "in fail" in text
    assert PROMPT not in text


def test_a_librarys_line_is_an_object_where_ours_are(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(format="json", level="info")
    try:
        fail(PROMPT)
    except RuntimeError:
        logging.getLogger("some.library").exception("job %s", "pp_live_00")

    line = json.loads(capsys.readouterr().err)
    assert (line["logger"], line["level"]) == ("some.library", "error")
    assert line["event"].startswith("job pp_live_…\n")
    assert datetime.fromisoformat(line["timestamp"]).tzinfo is not None
    assert PROMPT not in line["event"]


def test_debug_tells_everything(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(format="text", level="debug")
    try:
        fail(PROMPT)
    except RuntimeError as exc:
        structlog.get_logger().error("request.failed", exc_info=exc)

    assert PROMPT in capsys.readouterr().err


def test_a_group_of_errors_tells_each(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(format="text", level="info")
    structlog.get_logger().error("x", exc_info=ExceptionGroup(PROMPT, [ValueError(PROMPT), TypeError(PROMPT)]))

    text = capsys.readouterr().err
    assert "ValueError" in text
    assert "TypeError" in text
    assert PROMPT not in text


def test_what_strangers_send_wrongly_is_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(format="text", level="info")

    logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")
    logging.getLogger("python_multipart.multipart").warning("Did not find boundary character")

    assert capsys.readouterr().err == ""

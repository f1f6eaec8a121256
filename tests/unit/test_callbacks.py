"""Signatures, the retry schedule, and what one answer of a receiver means."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from photoplay import clock
from photoplay.domain.callbacks import (
    FAILURES_MAX,
    PAUSE,
    Again,
    Delivered,
    Exhausted,
    Gone,
    Health,
    Secret,
    Verdict,
    WaitUntil,
    judge,
    judge_receiver,
    longest,
    read_retry_after,
    signature_headers,
)

NOW = datetime(2026, 7, 1, 12, 0, 0, 900_000, tzinfo=UTC)
SECRET = Secret.from_bytes(bytes(range(32)))
OTHER = Secret.from_bytes(bytes(range(1, 33)))
TASK_ID = "e989621f54392584b05867f87b160672"
BODY = '{"taskId":"e989…","data":null}'.encode()
SCHEDULE = tuple(timedelta(seconds=s) for s in (0, 5, 30, 120))
HOURS = timedelta(hours=1)


def sign(body: bytes = BODY, *secrets: Secret, now: datetime = NOW, attempt: int = 1) -> dict[str, str]:
    headers = signature_headers(
        secrets=secrets or (SECRET,), task_id=TASK_ID, webhook_id="msg_1", body=body, now=now, attempt=attempt
    )
    return dict(headers)


@given(key=st.binary(min_size=24, max_size=64), body=st.text().map(str.encode))
def test_the_standard_webhooks_library_accepts_our_signature(key: bytes, body: bytes) -> None:
    secret = Secret.from_bytes(key)

    headers = sign(body, secret, now=clock.now())

    Webhook(secret.reveal()).verify(body, headers, json_parse=False)
    assert headers["webhook-id"] == "msg_1"


@pytest.mark.parametrize("change", [b"", BODY + b" ", BODY.replace(b"null", b"nuLL")], ids=["empty", "longer", "bit"])
def test_the_standard_webhooks_signature_covers_the_whole_body(change: bytes) -> None:
    headers = sign(now=clock.now())

    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET.reveal()).verify(change, headers, json_parse=False)


def test_the_first_family_signs_task_and_time_with_the_secret_as_it_stands() -> None:
    headers = sign()

    expected = hmac.new(SECRET.reveal().encode(), f"{TASK_ID}.1782907200".encode(), hashlib.sha256).digest()
    assert headers["X-Webhook-Timestamp"] == "1782907200"
    assert base64.b64decode(headers["X-Webhook-Signature"]) == expected


def test_both_families_carry_the_same_whole_second() -> None:
    headers = sign()

    assert headers["webhook-timestamp"] == headers["X-Webhook-Timestamp"] == str(int(NOW.timestamp()))


def test_the_library_accepts_either_secret_while_one_is_rotated() -> None:
    headers = sign(BODY, OTHER, SECRET, now=clock.now())

    for secret in (OTHER, SECRET):
        Webhook(secret.reveal()).verify(BODY, headers, json_parse=False)


@pytest.mark.parametrize(("attempt", "secret"), [(1, "new"), (2, "old"), (3, "new")])
def test_two_secrets_take_turns_where_one_signature_is_sent(attempt: int, secret: str) -> None:
    headers = sign(BODY, OTHER, SECRET, attempt=attempt)

    alone = sign(BODY, OTHER if secret == "new" else SECRET)
    assert headers["X-Webhook-Signature"] == alone["X-Webhook-Signature"]


def test_a_secret_is_hidden_in_repr_and_str() -> None:
    shown = f"{SECRET!r} {SECRET} {[SECRET]}"

    assert "whsec" not in shown
    assert SECRET.reveal().removeprefix("whsec_") not in shown


@given(st.binary(min_size=24, max_size=64))
def test_a_secret_holds_its_bytes(key: bytes) -> None:
    secret = Secret.from_bytes(key)

    assert secret.key() == key
    assert secret.reveal() == "whsec_" + base64.b64encode(key).decode()


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (200, Delivered()),
        (201, Delivered()),
        (204, Delivered()),
        (299, Delivered()),
        (410, Gone()),
        (None, WaitUntil(SCHEDULE[1])),
        (100, WaitUntil(SCHEDULE[1])),
        (199, WaitUntil(SCHEDULE[1])),
        (300, WaitUntil(SCHEDULE[1])),
        (302, WaitUntil(SCHEDULE[1])),
        (400, WaitUntil(SCHEDULE[1])),
        (404, WaitUntil(SCHEDULE[1])),
        (429, WaitUntil(SCHEDULE[1])),
        (500, WaitUntil(SCHEDULE[1])),
        (503, WaitUntil(SCHEDULE[1])),
    ],
)
def test_each_status_has_its_meaning(status: int | None, verdict: Verdict) -> None:
    assert judge(status, attempt=1, schedule=SCHEDULE) == verdict


@pytest.mark.parametrize(
    ("status", "times", "verdict"),
    [(200, 2, Again()), (200, 1, Delivered()), (410, 2, Gone()), (500, 2, WaitUntil(SCHEDULE[1]))],
)
def test_what_is_to_be_taken_twice_is_sent_again_after_it_was_taken(status: int, times: int, verdict: Verdict) -> None:
    assert judge(status, attempt=1, times=times, schedule=SCHEDULE) == verdict


@pytest.mark.parametrize(
    ("attempt", "verdict"),
    [
        (1, WaitUntil(SCHEDULE[1])),
        (2, WaitUntil(SCHEDULE[2])),
        (3, WaitUntil(SCHEDULE[3])),
        (4, Exhausted()),
        (5, Exhausted()),
    ],
)
def test_failures_walk_down_the_schedule_to_its_end(attempt: int, verdict: Verdict) -> None:
    assert judge(500, attempt=attempt, schedule=SCHEDULE) == verdict


@pytest.mark.parametrize(("status", "verdict"), [(200, Delivered()), (410, Gone())])
def test_the_last_attempt_can_still_succeed(status: int, verdict: Verdict) -> None:
    assert judge(status, attempt=len(SCHEDULE), schedule=SCHEDULE) == verdict


@pytest.mark.parametrize(
    ("asked", "waited"),
    [
        (None, SCHEDULE[1]),
        (timedelta(), SCHEDULE[1]),
        (timedelta(seconds=4), SCHEDULE[1]),
        (timedelta(seconds=6), timedelta(seconds=6)),
        (6 * HOURS, 6 * HOURS),
        (7 * HOURS, 6 * HOURS),
    ],
    ids=["nothing", "zero", "shorter", "longer", "the cap", "over the cap"],
)
def test_a_receiver_may_ask_for_patience_up_to_a_cap(asked: timedelta | None, waited: timedelta) -> None:
    assert judge(503, attempt=1, schedule=SCHEDULE, retry_after=asked) == WaitUntil(waited)


@given(st.floats(0, 1), st.sampled_from([1, 2, 3]))
def test_jitter_adds_at_most_a_fifth(jitter: float, attempt: int) -> None:
    verdict = judge(500, attempt=attempt, schedule=SCHEDULE, jitter=jitter)

    assert isinstance(verdict, WaitUntil)
    assert SCHEDULE[attempt] <= verdict.delay <= SCHEDULE[attempt] * 1.2


def test_full_jitter_adds_a_fifth() -> None:
    assert judge(500, attempt=2, schedule=SCHEDULE, jitter=1.0) == WaitUntil(timedelta(seconds=36))


@pytest.mark.parametrize("status", [200, 302, 404, 500])
def test_an_answer_of_any_kind_is_a_sign_of_life(status: int) -> None:
    health = judge_receiver(WaitUntil(HOURS), status=status, failures=FAILURES_MAX + 3)

    assert health == Health(failures=0, pause=None)


def test_a_receiver_pauses_after_so_many_deliveries_without_an_answer() -> None:
    pauses = [judge_receiver(WaitUntil(HOURS), status=None, failures=failures).pause for failures in range(7)]

    assert pauses == [None] * (FAILURES_MAX - 1) + [PAUSE] * 3


@given(st.timedeltas(timedelta(), 6 * HOURS))
def test_a_pause_never_outlasts_the_wait_of_the_callback_that_caused_it(delay: timedelta) -> None:
    health = judge_receiver(WaitUntil(delay), status=None, failures=FAILURES_MAX)

    assert health.pause == min(delay, PAUSE)


def test_a_pause_after_the_last_attempt_has_its_full_length() -> None:
    assert judge_receiver(Exhausted(), status=None, failures=FAILURES_MAX).pause == PAUSE


@given(st.lists(st.timedeltas(timedelta(), 7 * 24 * HOURS), min_size=1, max_size=20), st.floats(0, 1))
def test_no_schedule_takes_longer_than_it_says(schedule: list[timedelta], jitter: float) -> None:
    verdicts = [
        judge(503, attempt=attempt, schedule=schedule, retry_after=24 * HOURS, jitter=jitter)
        for attempt in range(1, len(schedule))
    ]

    waits = [verdict.delay for verdict in verdicts if isinstance(verdict, WaitUntil)]
    assert schedule[0] + sum(waits, timedelta()) <= longest(schedule)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("0", 0),
        ("120", 120),
        ("999999999", 999_999_999),
        ("Wed, 01 Jul 2026 12:01:00 GMT", 59.1),
        ("Wed, 01 Jul 2026 12:01:00 -0000", 59.1),
        ("Wed, 01 Jul 2026 14:01:00 +0200", 59.1),
        ("Wed, 01 Jul 2026 11:00:00 GMT", 0),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("9" * 128, None),
        ("Wed, 01 Jul 99999999999 12:01:00 GMT", None),
        ("Wed, 01 Jul 2026 12:01:00 +9999", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date(text: str | None, seconds: float | None) -> None:
    expected = None if seconds is None else timedelta(seconds=seconds)

    assert read_retry_after(text, now=NOW) == expected


@given(
    st.one_of(
        st.text(max_size=128),
        st.from_regex(r"\A\w{3}, \d+ (Jan|Feb) \d+ \d+:\d+:\d+ ([+-]\d+|GMT)\Z", fullmatch=True),
    )
)
def test_whatever_a_receiver_sends_as_retry_after_is_no_error(text: str) -> None:
    waited = read_retry_after(text, now=NOW)

    assert waited is None or waited >= timedelta()

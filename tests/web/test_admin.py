"""The operator's paths: what an admin key can do, what others cannot, and answers that fit the document."""

import csv
import io
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from photoplay import clock
from photoplay.domain.breaker import BreakerState
from photoplay.domain.errors import EngineRejected
from photoplay.domain.keys import Kind
from photoplay.flows.enroll import NewKey, enroll, make_key_of
from photoplay.flows.parts import ApiParts, WorkerParts
from photoplay.flows.submit import submit
from photoplay.store import breakers
from photoplay.store.accounts import Caller
from photoplay.store.breakers import Told
from photoplay.store.database import Database
from photoplay.web.openapi import openapi
from scenes import (
    BASE_URL,
    CREATE,
    MODEL,
    fail,
    let_the_hour_change,
    open_api,
    request,
    rows,
    submission,
    succeed,
    value,
)
from web.test_openapi import check

ADMIN = "/api/v1/admin"
DOCUMENT: Any = openapi([], base_url=BASE_URL, version="1")
UNKNOWN_ID = "0123456789abcdef" * 2


@pytest.fixture
async def admin(parts: ApiParts, key: str) -> AsyncGenerator[httpx2.AsyncClient]:  # noqa: ARG001 - an account is there
    """A client with an admin key, beside the account tester with 1000 credits."""
    text, _ = await make_key_of(parts.db, NewKey(account="ops", is_admin=True), actor="test")
    async with open_api(parts, text) as client:
        yield client


def fitting(answer: httpx2.Response, path: str) -> Any:
    """The answer's data, which is as the document says it is."""
    body = answer.json()
    assert body["code"] == 200, body
    schema = DOCUMENT["paths"][path][answer.request.method.lower()]["responses"]["200"]["content"]["application/json"]
    check(body, schema["schema"])
    return body["data"]


def refusal(answer: httpx2.Response) -> tuple[int, str]:
    body = answer.json()
    assert answer.status_code == body["code"]
    return body["code"], body["msg"]


PATHS = [
    *(
        ("GET", f"{ADMIN}{path}")
        for path in ("/accounts", "/accounts/tester", "/keys", "/keys/x", "/engines", "/usage", "/overview")
    ),
    ("POST", f"{ADMIN}/mode"),
    *(("POST", f"{ADMIN}/accounts{path}") for path in ("", "/tester/grant", "/tester/correct")),
    *(("POST", f"{ADMIN}/keys{path}") for path in ("", "/x/rotate", "/x/revoke", "/x/limit")),
]


def test_every_path_of_an_operator_is_in_this_list() -> None:
    told = {
        (method.upper(), path.replace("{account}", "tester").replace("{key}", "x"))
        for path, methods in DOCUMENT["paths"].items()
        for method in methods
        if path.startswith(ADMIN) and method != "parameters"
    }

    assert told == set(PATHS)


@pytest.mark.parametrize(("method", "path"), PATHS)
async def test_a_key_that_is_no_admin_key_gets_a_401_that_says_so(
    method: str, path: str, api: httpx2.AsyncClient
) -> None:
    code, text = refusal(await api.request(method, path, json={}))

    assert code == 401
    assert text.startswith("Unauthorized: this is not an admin key; the first is in the file admin-key")


async def test_an_account_is_made_shown_and_listed(admin: httpx2.AsyncClient, db: Database) -> None:
    asked = {"account": "studio", "credits": 50, "note": "to begin with"}
    made = fitting(await admin.post(f"{ADMIN}/accounts", json=asked), f"{ADMIN}/accounts")

    shown = fitting(await admin.get(f"{ADMIN}/accounts/studio"), f"{ADMIN}/accounts/{{account}}")
    listed = fitting(await admin.get(f"{ADMIN}/accounts"), f"{ADMIN}/accounts")
    assert made == shown
    assert (made["account"], made["kind"], made["credits"], made["keys"]) == ("studio", "live", 50, 0)
    assert [account["account"] for account in listed] == ["ops", "studio", "tester"]
    (actor,) = await rows(db, "select distinct actor from postings where note = 'to begin with'")
    assert actor[0].startswith("key:")


async def test_engines_that_workers_leave_alone_are_shown_beside_those_that_are_well(
    admin: httpx2.AsyncClient, db: Database
) -> None:
    told = Told(
        worker_id=clock.new_uuid(),
        engine="ark",
        state=BreakerState.OPEN,
        failed_tasks=3,
        error="away",
        retry_at=clock.now() + timedelta(seconds=30),
    )
    async with db.connection() as connection:
        await breakers.tell(connection, told)
        await breakers.tell(connection, replace(told, worker_id=clock.new_uuid(), failed_tasks=4))
        await breakers.tell(connection, replace(told, failed_tasks=5))
    ark, camera = fitting(await admin.get(f"{ADMIN}/engines"), f"{ADMIN}/engines")

    assert (ark["engine"], ark["configured"], ark["state"], ark["workers"]) == ("ark", False, "open", 2)
    assert (ark["failedTasks"], ark["error"]) == (5, "away")
    assert camera == {
        "engine": "camera",
        "configured": True,
        "state": "closed",
        "workers": 0,
        "failedTasks": 0,
        "error": None,
        "retryTime": None,
    }


async def test_an_account_that_is_there_cannot_be_made_again(admin: httpx2.AsyncClient) -> None:
    answer = await admin.post(f"{ADMIN}/accounts", json={"account": "tester", "credits": 5})

    assert refusal(answer) == (422, "account: there is a live account tester already")
    assert fitting(await admin.get(f"{ADMIN}/accounts/tester"), f"{ADMIN}/accounts/{{account}}")["credits"] == 1000


async def test_a_name_may_be_of_any_script(admin: httpx2.AsyncClient) -> None:
    await admin.post(f"{ADMIN}/accounts", json={"account": "Студия & Söhne 100%"})

    shown = fitting(
        await admin.get(f"{ADMIN}/accounts/%D0%A1%D1%82%D1%83%D0%B4%D0%B8%D1%8F%20&%20S%C3%B6hne%20100%25"),
        f"{ADMIN}/accounts/{{account}}",
    )
    assert shown["account"] == "Студия & Söhne 100%"


async def test_a_top_up_and_its_correction(admin: httpx2.AsyncClient) -> None:
    path = f"{ADMIN}/accounts/{{account}}/grant"
    granted = await admin.post(f"{ADMIN}/accounts/tester/grant", json={"credits": 5, "note": "x"})
    assert fitting(granted, path)["credits"] == 1005

    taken = await admin.post(f"{ADMIN}/accounts/tester/correct", json={"credits": 6, "note": "y"})
    assert fitting(taken, path.replace("grant", "correct"))["credits"] == 999


async def test_a_repeated_top_up_moves_nothing_twice(admin: httpx2.AsyncClient) -> None:
    headers = {"Idempotency-Key": "invoice-1042"}

    for _ in range(3):
        answer = await admin.post(f"{ADMIN}/accounts/tester/grant", json={"credits": 5, "note": "x"}, headers=headers)
        assert answer.json()["data"]["credits"] == 1005


async def test_a_test_account_is_another_one(admin: httpx2.AsyncClient) -> None:
    made = await admin.post(f"{ADMIN}/keys", json={"account": "tester", "kind": "test"})
    await admin.post(f"{ADMIN}/accounts/tester/grant?kind=test", json={"credits": 1, "note": "x"})

    shown = fitting(await admin.get(f"{ADMIN}/accounts/tester?kind=test"), f"{ADMIN}/accounts/{{account}}")
    assert fitting(made, f"{ADMIN}/keys")["key"].startswith("pp_test_")
    assert shown["credits"] == 1_000_001


async def test_a_key_is_made_with_all_its_limits(admin: httpx2.AsyncClient) -> None:
    limits = {
        "hourCredits": 1,
        "dayCredits": 2,
        "totalCredits": 3,
        "models": ["a/b", MODEL],
        "networks": ["10.0.0.0/8", "::1/128"],
        "expiresAt": 4_000_000_000_000,
    }
    made = fitting(
        await admin.post(f"{ADMIN}/keys", json={"account": "new", "name": "nightly", "credits": 5, **limits}),
        f"{ADMIN}/keys",
    )

    shown = fitting(await admin.get(f"{ADMIN}/keys/{made['id']}"), f"{ADMIN}/keys/{{key}}")
    assert {name: shown[name] for name in limits} == limits
    assert made["key"].startswith(shown["prefix"])
    assert "key" not in shown
    assert (shown["account"], shown["name"], shown["admin"]) == ("new", "nightly", False)


async def test_a_limit_that_is_given_changes_and_others_stay(admin: httpx2.AsyncClient, key: str) -> None:
    path = f"{ADMIN}/keys/{key[:14]}/limit"
    await admin.post(path, json={"dayCredits": 2, "models": ["a/b"], "networks": ["10.0.0.1"]})

    limited = fitting(await admin.post(path, json={"dayCredits": None}), f"{ADMIN}/keys/{{key}}/limit")

    assert (limited["dayCredits"], limited["models"], limited["networks"]) == (None, ["a/b"], ["10.0.0.1/32"])


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ([], "The body must be a JSON object with some of hourCredits, dayCredits"),
        ({"dayCredit": 5}, "dayCredit is not one of hourCredits, dayCredits, totalCredits, models"),
        ({"dayCredits": -1}, "dayCredits must be a whole number, 0 to 1000000000000000"),
        ({"dayCredits": 10**15 + 1}, "dayCredits must be a whole number, 0 to 1000000000000000"),
        ({"dayCredits": True}, "dayCredits must be a whole number"),
        ({"dayCredits": "5"}, "dayCredits must be a whole number"),
        ({"models": []}, "models must be a list of 1 to 100 strings, or null"),
        ({"models": "a/b"}, "models must be a list of 1 to 100 strings, or null"),
        ({"models": [5]}, "models must be a list of 1 to 100 strings, or null"),
        ({"networks": ["10.0.0.1/8"]}, "networks: '10.0.0.1/8' is not an address or a network such as 203.0.113.0/24"),
        ({"networks": ["example.com"]}, "networks: 'example.com' is not an address or a network"),
        ({"expiresAt": 10**15}, "expiresAt must be milliseconds since the epoch, at most 253402300799000"),
        ({"expiresAt": 1_000_000_000_000}, "expiresAt: must be in the future, got 2001-09-09 01:46:40 UTC"),
    ],
    ids=str,
)
async def test_a_wrong_limit_changes_nothing(
    body: object, said: str, admin: httpx2.AsyncClient, key: str, db: Database
) -> None:
    code, text = refusal(await admin.post(f"{ADMIN}/keys/{key[:14]}/limit", json=body))

    assert code == 422
    assert text.startswith(said)
    assert await value(db, "select count(*) from keys where num_nulls(models, networks, day_credits_max) < 3") == 0


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/accounts", {}, "account is required"),
        ("/accounts", {"account": 5}, "account must be a string"),
        ("/accounts", {"account": "a/b"}, "account: 'a/b' is not a name: 1 to 100 characters"),
        ("/accounts", {"account": "a", "kind": "gold"}, "kind is not within the range of allowed options: live, test"),
        ("/accounts/tester/grant", {"note": "x"}, "credits is required"),
        ("/accounts/tester/grant", {"credits": 5}, "note is required"),
        ("/accounts/tester/grant?kind=gold", {"credits": 5, "note": "x"}, "kind is not within the range"),
        ("/keys", {"account": "a", "admin": "yes"}, "admin must be true or false"),
        ("/keys", {"account": "a", "name": "=1"}, "name: '=1' is not a name"),
        ("/keys/{key}/rotate", {"overlapSeconds": 40 * 86400}, "overlap: 40 days, 0:00:00 is not within 0 to 30 days"),
    ],
    ids=str,
)
async def test_a_wrong_order_is_refused_in_words(
    path: str, body: object, said: str, admin: httpx2.AsyncClient, key: str
) -> None:
    code, text = refusal(await admin.post(ADMIN + path.replace("{key}", key[:14]), json=body))

    assert code == 422
    assert text.startswith(said)


@pytest.mark.parametrize(
    ("path", "said"),
    [("/accounts/nobody", "There is no live account nobody"), ("/keys/nothing", "There is no key nothing;")],
)
async def test_what_is_not_there_answers_404(path: str, said: str, admin: httpx2.AsyncClient) -> None:
    code, text = refusal(await admin.get(ADMIN + path))

    assert code == 404
    assert text.startswith(said)


async def test_a_key_is_rotated_and_revoked(admin: httpx2.AsyncClient, parts: ApiParts, key: str) -> None:
    rotated = fitting(
        await admin.post(f"{ADMIN}/keys/{key[:14]}/rotate", json={"overlapSeconds": 60}), f"{ADMIN}/keys/{{key}}/rotate"
    )
    async with open_api(parts, key) as old, open_api(parts, rotated["key"]) as new:
        before = [(await client.get("/api/v1/chat/credit")).status_code for client in (old, new)]
        fitting(await admin.post(f"{ADMIN}/keys/{rotated['id']}/revoke"), f"{ADMIN}/keys/{{key}}/revoke")
        after = [(await client.get("/api/v1/chat/credit")).status_code for client in (old, new)]

    assert rotated["previousPrefix"] == key[:14]
    assert (before, after) == ([200, 200], [401, 401])


class TestUse:
    """Where a key may be used from, and when it was."""

    async def test_a_key_may_be_used_from_its_networks_alone(
        self, admin: httpx2.AsyncClient, api: httpx2.AsyncClient, key: str
    ) -> None:
        await admin.post(f"{ADMIN}/keys/{key[:14]}/limit", json={"networks": ["10.0.0.0/8"]})
        refused = await api.get("/api/v1/chat/credit")
        await admin.post(f"{ADMIN}/keys/{key[:14]}/limit", json={"networks": ["10.0.0.0/8", "127.0.0.0/8"]})
        accepted = await api.get("/api/v1/chat/credit")

        assert refusal(refused) == (401, "Unauthorized: this key may not be used from 127.0.0.1")
        assert accepted.status_code == 200

    async def test_a_forwarded_address_from_anybody_is_nothing(
        self, admin: httpx2.AsyncClient, api: httpx2.AsyncClient, key: str
    ) -> None:
        await admin.post(f"{ADMIN}/keys/{key[:14]}/limit", json={"networks": ["10.0.0.0/8"]})

        answer = await api.get("/api/v1/chat/credit", headers={"X-Forwarded-For": "10.0.0.5"})

        assert answer.status_code == 401

    async def test_its_use_is_noted_at_most_once_a_minute(self, api: httpx2.AsyncClient, db: Database) -> None:
        noted: list[object] = []
        for _ in range(3):
            await api.get("/api/v1/chat/credit")
            noted.append(await value(db, "select last_used_at from keys where name = '' and not is_admin"))
        await rows(db, "update keys set last_used_at = last_used_at - interval '61 seconds'")
        await api.get("/api/v1/chat/credit")

        assert noted[0] == noted[1] == noted[2] is not None
        assert await value(db, "select last_used_at > $1 from keys where not is_admin", noted[0])

    async def test_a_key_that_is_locked_keeps_nobody_waiting(self, api: httpx2.AsyncClient, db: Database) -> None:
        async with db.transaction() as blocker:
            await blocker.execute("select from keys for update")
            answer = await api.get("/api/v1/chat/credit")

        assert answer.status_code == 200
        assert await value(db, "select last_used_at from keys where not is_admin") is None

    async def test_a_key_is_for_its_models_alone(
        self, admin: httpx2.AsyncClient, api: httpx2.AsyncClient, key: str
    ) -> None:
        await admin.post(f"{ADMIN}/keys/{key[:14]}/limit", json={"models": ["a/b"]})

        answer = await api.post(CREATE, json=request())

        assert refusal(answer) == (401, f"Unauthorized: this key is for a/b, not for {MODEL}")


class TestStatements:
    """What was charged, and why: from the ledger, for the caller and for the operator."""

    @pytest.fixture
    async def history(self, parts: ApiParts, worker: WorkerParts, caller: Caller) -> str:
        """One task of each kind, waiting, succeeded and failed; the id of the last."""
        let_the_hour_change()
        _, good, bad = [await submit(submission(), caller=caller, parts=parts) for _ in range(3)]
        await succeed(good, parts=worker)
        await fail(bad, EngineRejected("no"), parts=worker)
        return bad.hex

    @pytest.mark.usefixtures("history")
    async def test_usage_is_told_by_day_key_and_model(self, api: httpx2.AsyncClient, key: str) -> None:
        (row,) = fitting(await api.get("/api/v1/account/usage"), "/api/v1/account/usage")

        assert (row["account"], row["keyPrefix"], row["model"]) == ("tester", key[:14], MODEL)
        assert (row["tasks"], row["held"], row["charged"], row["givenBack"]) == (3, 48, 16, 16)

    @pytest.mark.usefixtures("history")
    async def test_usage_is_told_as_csv(self, api: httpx2.AsyncClient, key: str) -> None:
        answer = await api.get("/api/v1/account/usage?format=csv")

        (row,) = csv.DictReader(io.StringIO(answer.text))
        assert answer.headers["content-type"] == "text/csv; charset=utf-8; header=present"
        assert (row["key_prefix"], row["tasks"], row["charged"]) == (key[:14], "3", "16")

    @pytest.mark.usefixtures("history")
    async def test_a_movement_counts_on_the_day_that_it_happened(self, api: httpx2.AsyncClient) -> None:
        answer = await api.get("/api/v1/account/usage?from=2026-01-01&to=2026-01-31")

        assert answer.json()["data"] == []

    @pytest.mark.usefixtures("history")
    async def test_usage_outlives_the_tasks(self, api: httpx2.AsyncClient, db: Database) -> None:
        before = (await api.get("/api/v1/account/usage")).json()["data"]
        await rows(db, "delete from files")
        await rows(db, "delete from tasks")

        assert (await api.get("/api/v1/account/usage")).json()["data"] == before

    @pytest.mark.usefixtures("history")
    async def test_another_account_sees_nothing_of_it_and_an_operator_all(
        self, parts: ApiParts, admin: httpx2.AsyncClient
    ) -> None:
        other = await enroll(parts.db, account="other", granted=0)
        async with open_api(parts, other) as stranger:
            assert (await stranger.get("/api/v1/account/usage")).json()["data"] == []

        path = f"{ADMIN}/usage"
        assert len(fitting(await admin.get(path), path)) == 1
        assert len(fitting(await admin.get(path, params={"account": "tester"}), path)) == 1
        assert fitting(await admin.get(path, params={"account": "other"}), path) == []

    @pytest.mark.parametrize(
        ("query", "said"),
        [
            ("from=yesterday", "from: 'yesterday' is not a day such as 2026-01-31"),
            ("from=2026-02-01&to=2026-01-01", "to: 2026-01-01 is before 2026-02-01"),
            ("from=2024-01-01&to=2026-01-01", "to: 2024-01-01 to 2026-01-01 are 732 days"),
            ("format=xml", "format is not within the range of allowed options: json, csv"),
        ],
    )
    async def test_a_wrong_question_is_refused(self, query: str, said: str, api: httpx2.AsyncClient) -> None:
        code, text = refusal(await api.get(f"/api/v1/account/usage?{query}"))

        assert code == 422
        assert text.startswith(said)

    async def test_the_entries_of_a_task_are_its_hold_and_its_release(
        self, history: str, api: httpx2.AsyncClient
    ) -> None:
        found = fitting(await api.get("/api/v1/jobs/entries", params={"taskId": history}), "/api/v1/jobs/entries")

        assert [(entry["reason"], entry["book"], entry["credits"], entry["actor"]) for entry in found] == [
            ("hold", "available", -16, "task"),
            ("hold", "held", 16, "task"),
            ("release", "held", -16, "task"),
            ("release", "available", 16, "task"),
        ]
        assert len({entry["movement"] for entry in found}) == 2

    async def test_another_accounts_entries_and_unknown_ones_answer_alike(self, history: str, parts: ApiParts) -> None:
        other = await enroll(parts.db, account="other", granted=0, kind=Kind.LIVE)
        async with open_api(parts, other) as stranger:
            theirs, unknown, no_id = [
                await stranger.get("/api/v1/jobs/entries", params={"taskId": task_id})
                for task_id in (history, UNKNOWN_ID, "x")
            ]

        assert refusal(theirs) == (422, "recordInfo is null: there are no entries of this task")
        assert theirs.content == unknown.content == no_id.content

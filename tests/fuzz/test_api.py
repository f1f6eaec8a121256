"""Every path of the API, called with what its own document allows and with what it does not: never a fault of ours."""

from collections.abc import Generator
from typing import Any

import pytest
import schemathesis
from hypothesis import strategies as st
from schemathesis import GenerationMode

from crash.servers import Server, serving
from fuzz.looking import look
from photoplay.domain.cards import choose_engine
from photoplay.files.cards import load_cards
from photoplay.flows.enroll import ADMIN_KEY_FILE
from photoplay.web.openapi import openapi

# A model whose engine is not configured answers 505 with HTTP 500 on purpose, so those are left out.
SERVED = [card for card in load_cards().values() if choose_engine(card, {"camera"})]
DOCUMENT: Any = openapi(SERVED, base_url="http://127.0.0.1", version="1")
SCHEMA: Any = schemathesis.openapi.from_dict(DOCUMENT)
# A stream of events has no end to wait for; those are read in tests/crash.
OPERATIONS: list[Any] = [
    operation
    for operation in (found.ok() for found in SCHEMA.get_all_operations())
    if not operation.path.endswith("/events")
]
# An operator's, but for what would end a key in use or the service's work: there, all that is refused is looked at.
ADMIN = "/api/v1/admin/"
HARMFUL = {f"{ADMIN}mode", f"{ADMIN}keys/{{key}}/rotate", f"{ADMIN}keys/{{key}}/revoke"}
# Some examples cost a look-up of a name, or a task.
ROUND = 25


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[Server]:
    """A whole server, without the limits that would answer 429 to most of this."""
    settings = {"PHOTOPLAY_CREATE_RATE": "off", "PHOTOPLAY_UNFINISHED_MAX": "1000000", "PHOTOPLAY_JOBS_MAX": "1"}
    with serving(tmp_path_factory.mktemp("api"), **settings) as server:
        yield server


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_no_request_is_answered_with_a_fault(operation: Any, server: Server, fuzz_seconds: float) -> None:
    cases: st.SearchStrategy[Any] = st.one_of(
        operation.as_strategy(generation_mode=GenerationMode.POSITIVE),
        operation.as_strategy(generation_mode=GenerationMode.NEGATIVE),
    )
    is_admin = operation.path.startswith(ADMIN) and operation.path not in HARMFUL
    key = (server.data_dir / ADMIN_KEY_FILE).read_text().strip() if is_admin else server.key
    look(cases, lambda case: check(case, server.url, key), seconds=fuzz_seconds / len(OPERATIONS), examples=ROUND)


def check(case: Any, url: str, key: str) -> None:
    answer = case.call(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=30)

    assert answer.status_code < 500, f"{case.as_curl_command()}\n{answer.content!r}"

"""What an account does with its callbacks: look at attempts, send again, try a receiver, rotate the secret."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from photoplay import clock
from photoplay.domain.callbacks import Secret, signature_headers
from photoplay.domain.errors import InvalidInput
from photoplay.domain.keys import Kind
from photoplay.domain.tasks import TaskId
from photoplay.flows.deliver import post_signed
from photoplay.flows.enroll import FIRST_ACCOUNT, TEST_SECRET_FILE, new_secret, write_private
from photoplay.flows.own_keys import require_unlimited
from photoplay.flows.query import count_query
from photoplay.store import callback_log, secrets, tasks
from photoplay.store.accounts import Caller
from photoplay.store.callback_log import LoggedCallback
from photoplay.store.callbacks import Delivery

if TYPE_CHECKING:
    from photoplay.flows.parts import ApiParts

__all__ = ["Rotation", "list_callbacks", "ping", "resend", "rotate_secret"]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    secret: Secret
    earlier_until: datetime
    """Until when the secret before this one signs too."""


async def list_callbacks(
    *, task_id: TaskId | None, states: Sequence[str] | None, count_max: int, caller: Caller, parts: "ApiParts"
) -> list[LoggedCallback]:
    """Return the caller's callbacks, the latest first. Raises: InvalidInput for an unknown task; RateLimited."""
    async with parts.db.connection() as connection:
        await count_query(connection, caller)
        if task_id is not None and await tasks.find(connection, task_id, account_id=caller.account_id) is None:
            raise InvalidInput("recordInfo is null", field="taskId")
        return await callback_log.read(
            connection, caller.account_id, task_id=task_id, states=states, count_max=count_max
        )


async def resend(*, task_id: TaskId | None, failed_since: datetime | None, caller: Caller, parts: "ApiParts") -> int:
    """Send again what was promised for a task, or what was given up since then; return how many callbacks it is.

    Raises: InvalidInput for an unknown task.
    """
    async with parts.db.transaction() as tx:
        if task_id is not None and await tasks.find(tx, task_id, account_id=caller.account_id) is None:
            raise InvalidInput("recordInfo is null", field="taskId")
        resent = await callback_log.resend(tx, caller.account_id, task_id=task_id, failed_since=failed_since)
    log.info("callbacks.resent", account_id=caller.account_id.hex, callbacks=resent)
    return resent


async def ping(url: str, *, task_id: TaskId, body: bytes, caller: Caller, parts: "ApiParts") -> Delivery:
    """Send a signed sample once, outside any schedule, and return what came back.

    Raises: InvalidInput, TargetForbidden for a URL that no callback may go to; RateLimited.
    """
    parts.egress.check(url, field="url")
    async with parts.db.connection() as connection:
        await count_query(connection, caller)
        signing = await secrets.valid(connection, caller.account_id)
    headers = signature_headers(
        secrets=signing,
        task_id=task_id.hex,
        webhook_id=f"msg_{task_id.hex}_ping",
        body=body,
        now=clock.now(),
        attempt=1,
    )
    delivery, _ = await post_signed(url, body=body, headers=headers, egress=parts.egress)
    return delivery


async def rotate_secret(*, overlap: timedelta, caller: Caller, parts: "ApiParts") -> Rotation:
    """Make a new secret, which can be read now and never again; the one before it signs too until `overlap` is over.

    Raises: Unauthorized for a key that is limited.
    """
    await require_unlimited(caller, parts)
    secret = new_secret()
    async with parts.db.transaction() as tx:
        name, earlier_until = await secrets.rotate(tx, caller.account_id, secret=secret, overlap=overlap)
        kept = parts.secret_file if caller.kind is Kind.LIVE else parts.secret_file.with_name(TEST_SECRET_FILE)
        if name == FIRST_ACCOUNT and kept.exists():
            # Before the commit, as at the first start: the file must never be older than the database.
            write_private(kept, secret.reveal())
    log.info("secret.rotated", account_id=caller.account_id.hex, earlier_until=earlier_until.isoformat())
    return Rotation(secret=secret, earlier_until=earlier_until)

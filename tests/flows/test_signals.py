"""Waking who waits for a change: across connections, through a restart of the database, and never too late."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from photoplay.domain.tasks import TaskId
from photoplay.flows.parts import ApiParts
from photoplay.flows.submit import submit
from photoplay.store.accounts import Caller
from photoplay.store.database import Database, connect
from photoplay.store.embedded import EmbeddedPostgres
from photoplay.store.signals import Signals, Watch, send
from scenes import begin, submission

LONG_S = 60.0
SHORT_S = 0.05


@asynccontextmanager
async def listening(url: str) -> AsyncGenerator[Signals]:
    """Signals that are heard: everybody is woken once when listening begins."""
    signals = Signals(url)
    async with asyncio.TaskGroup() as group:
        listener = group.create_task(signals.listen())
        with signals.watch("anything") as watch:
            assert await watch.wait(within_s=LONG_S)
        yield signals
        listener.cancel()


async def say(db: Database, subject: str) -> None:
    async with db.transaction() as tx:
        await send(tx, subject)


async def test_a_change_wakes_who_watches_its_subject_and_nobody_else(db: Database) -> None:
    async with listening(db.url) as signals:
        with signals.watch("one") as one, signals.watch("one") as same, signals.watch("two") as two:
            await say(db, "one")

            assert await one.wait(within_s=LONG_S)
            assert await same.wait(within_s=LONG_S)
            assert not await two.wait(within_s=0)


async def test_what_happened_before_the_wait_is_not_missed(db: Database) -> None:
    async with listening(db.url) as signals:
        with signals.watch("one") as watch, signals.watch("after") as after:
            await say(db, "one")
            await say(db, "after")
            await after.wait(within_s=LONG_S)

            assert await watch.wait(within_s=0.001)
            assert not await watch.wait(within_s=SHORT_S)


async def test_a_change_that_is_rolled_back_wakes_nobody(db: Database) -> None:
    async with listening(db.url) as signals:
        with signals.watch("one") as watch, signals.watch("after") as after:
            with pytest.raises(ZeroDivisionError):
                await say_and_fail(db, "one")
            await say(db, "after")
            await after.wait(within_s=LONG_S)

            assert not await watch.wait(within_s=SHORT_S)


async def say_and_fail(db: Database, subject: str) -> None:
    async with db.transaction() as tx:
        await send(tx, subject)
        raise ZeroDivisionError


async def test_a_task_speaks_for_itself_and_for_its_account(parts: ApiParts, caller: Caller) -> None:
    task_id: TaskId = await submit(submission(), caller=caller, parts=parts)
    async with listening(parts.db.url) as signals:
        with signals.watch(task_id.hex) as task, signals.watch(caller.account_id.hex) as account:
            await begin(task_id, db=parts.db)

            assert await task.wait(within_s=LONG_S)
            assert await account.wait(within_s=LONG_S)


async def test_closing_wakes_everybody_for_good(db: Database) -> None:
    signals = Signals(db.url)
    with signals.watch("one") as watch:
        signals.close()

        assert await watch.wait(within_s=LONG_S)
        assert await watch.wait(within_s=LONG_S)
        assert watch.is_closed
    with signals.watch("later") as late:
        assert late.is_closed


async def test_a_lost_connection_is_made_anew(db: Database) -> None:
    async with listening(db.url) as signals:
        with signals.watch("one") as watch:
            connection = await connect(db.url)
            await connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where query like 'LISTEN%photoplay_changes%'"
            )
            await connection.close()

            assert await watch.wait(within_s=LONG_S), "woken, because something may have been missed"
            await say(db, "one")
            assert await watch.wait(within_s=LONG_S)


async def test_a_restart_of_the_database_is_survived(cluster_dir: Path) -> None:
    server = EmbeddedPostgres(cluster_dir)
    await server.start()
    try:
        async with listening(server.url) as signals:
            with signals.watch("one") as watch:
                await server.stop()
                await server.start()
                assert await watch.wait(within_s=LONG_S)

                await say_alone(server.url, "one")
                assert await heard(watch)
    finally:
        await server.stop()


async def say_alone(url: str, subject: str) -> None:
    connection = await connect(url)
    await send(connection, subject)
    await connection.close()


async def heard(watch: Watch) -> bool:
    return await watch.wait(within_s=LONG_S)

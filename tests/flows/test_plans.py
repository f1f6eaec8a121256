"""What runs every few seconds, or for every metric, finds its rows by an index however many others there are."""

from importlib import resources

import pytest

from photoplay.store.database import Database


@pytest.mark.parametrize(
    ("query", "table", "indexes"),
    [
        ("idempotency_forget_old", "idempotency", {"idempotency_by_age"}),
        ("overview_tasks", "tasks", {"tasks_waiting_by_age", "tasks_leased"}),
    ],
)
async def test_it_reads_no_whole_table(query: str, table: str, indexes: set[str], db: Database) -> None:
    sql = resources.files("photoplay.store").joinpath("queries", f"{query}.sql").read_text()
    async with db.transaction() as tx:
        # An empty table is read whole, unless that is called dear.
        await tx.execute("set local enable_seqscan = off")
        plan = "\n".join(row[0] for row in await tx.fetch(f"explain {sql}"))

    assert f"Seq Scan on {table}" not in plan
    assert {name for name in indexes if name in plan} == indexes

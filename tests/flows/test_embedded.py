"""The private PostgreSQL, when it cannot start."""

from pathlib import Path

import pytest

from photoplay.domain.errors import ConfigError
from photoplay.store.embedded import EmbeddedPostgres


async def test_a_cluster_that_is_damaged_is_told_with_the_reason_and_the_place_of_the_log(cluster_dir: Path) -> None:
    server = EmbeddedPostgres(cluster_dir)
    await server.start()
    await server.stop()
    (segment,) = (cluster_dir / "postgres" / "pg_wal").glob("0*")
    segment.write_bytes(b"damaged")

    with pytest.raises(ConfigError, match=r"PANIC:  could not locate a valid checkpoint record.* its log is /"):
        await EmbeddedPostgres(cluster_dir).start()

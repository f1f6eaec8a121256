"""Whose X-Forwarded-For counts: that of a proxy which the operator names, and nobody else's."""

from pathlib import Path

import httpx2
import pytest

from crash.servers import serving
from crash.test_command_line import photoplay


@pytest.mark.parametrize(
    ("trusted", "forwarded", "status"),
    [
        ("", "10.0.0.5", 401),
        ("192.0.2.1", "10.0.0.5", 401),
        ("127.0.0.1", "10.0.0.5, 203.0.113.9", 401),
        ("127.0.0.0/8, 203.0.113.9", "10.0.0.5, 203.0.113.9", 200),
    ],
)
def test_a_forwarded_address_counts_from_a_trusted_proxy_alone(
    trusted: str, forwarded: str, status: int, tmp_path: Path
) -> None:
    with serving(tmp_path, PHOTOPLAY_TRUSTED_PROXIES=trusted) as server:
        made = photoplay(server.data_dir, "keys", "create", "--account", "studio", "--network", "10.0.0.0/8")
        headers = {"Authorization": f"Bearer {made.stdout.strip()}", "X-Forwarded-For": forwarded}

        assert httpx2.get(f"{server.url}/api/v1/chat/credit", headers=headers, timeout=30).status_code == status

"""No key in clear: not in the database's files, not in a log, not in the data folder beside the files for keys."""

from pathlib import Path

import httpx2

from crash.servers import serving
from crash.test_command_line import photoplay

# The files that hold a secret on purpose, for their owner alone.
OWN = {"key", "admin-key", "callback-secret"}


def texts_with(folder: Path, secret: str) -> list[str]:
    """Every file below the folder, the database's own ones included, that holds the secret's random part."""
    sought = secret.removeprefix("pp_live_")[8:40].encode()
    return [
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and sought in path.read_bytes()
    ]


def test_no_key_is_anywhere_in_clear(tmp_path: Path) -> None:
    with serving(tmp_path, PHOTOPLAY_LOG_LEVEL="debug", PHOTOPLAY_JOBS_MAX="1") as server:
        data = server.data_dir
        admin = (data / "admin-key").read_text().strip()
        of_command = photoplay(data, "keys", "create", "--account", "studio", "--credits", "50").stdout.strip()
        rotated = photoplay(data, "keys", "rotate", of_command, "--overlap", "1h").stdout.strip()
        headers = {"Authorization": f"Bearer {admin}"}
        made = httpx2.post(
            f"{server.url}/api/v1/admin/keys", json={"account": "studio"}, headers=headers, timeout=30
        ).json()
        of_api = made["data"]["key"]
        for key in (of_command, rotated, of_api, admin):
            answer = httpx2.get(
                f"{server.url}/api/v1/chat/credit", headers={"Authorization": f"Bearer {key}"}, timeout=30
            )
            assert answer.status_code == 200
        # One that is no longer live, and one where no key belongs.
        photoplay(data, "keys", "revoke", of_api)
        httpx2.get(f"{server.url}/api/v1/chat/credit", headers={"Authorization": f"Bearer {of_api}"}, timeout=30)
        httpx2.get(f"{server.url}/api/v1/jobs/recordInfo", params={"taskId": of_command}, headers=headers, timeout=30)
        server.wait_for_state(server.create(server.upload()), "success", within_s=120)
        first = server.key
        server.stop()

    found = {path for key in (first, admin, of_command, rotated, of_api) for path in texts_with(tmp_path, key)}
    assert found <= {f"data/{name}" for name in OWN}
    assert {f"data/{name}" for name in ("key", "admin-key")} <= found
    assert {path.stat().st_mode & 0o777 for path in data.iterdir() if path.name in OWN} == {0o600}

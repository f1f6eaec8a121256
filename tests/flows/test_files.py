"""The file store, while the event loop has other things to do."""

import asyncio
import os
from pathlib import Path

from photoplay.files.store import FileStore

MIB = 1024 * 1024


async def test_a_copy_to_a_slow_disk_does_not_hold_up_the_loop(tmp_path: Path) -> None:
    store, source, target = FileStore(tmp_path / "files"), tmp_path / "source", tmp_path / "target"
    source.write_bytes(os.urandom(MIB))
    await store.put("token/a.png", source)
    # Nothing is written to it before somebody reads, and that is the loop.
    os.mkfifo(target)
    reader = asyncio.StreamReader()
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        copying = group.create_task(store.copy_out("token/a.png", target))
        await asyncio.sleep(0)
        pipe = os.fdopen(os.open(target, os.O_RDONLY | os.O_NONBLOCK), "rb")
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
        copied = await reader.readexactly(MIB)
        transport.close()

    assert copying.result() == MIB
    assert copied == source.read_bytes()

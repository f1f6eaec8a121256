"""A sealed process: it computes, and no call of it gets out."""

import subprocess
import sys

import pytest

WAYS_OUT = {
    "read a file": "open('/etc/hostname')",
    "write a file": "open('/tmp/photoplay-sealed', 'w')",
    "list a folder": "os.listdir('/')",
    "remove a file": "os.unlink('/tmp/photoplay-sealed')",
    "connect": "socket.socket()",
    "listen": "socket.socket(socket.AF_UNIX)",
    "make a pipe": "os.pipe()",
    "fork": "os.fork()",
    "run a program": "os.execv('/bin/sh', ['sh', '-c', 'exit 0'])",
    "signal its parent": "os.kill(os.getppid(), 0)",
    "trace its parent": "if ctypes.CDLL(None, use_errno=True).ptrace(16, os.getppid(), 0, 0): raise PermissionError",
    "lift its limits": "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))",
}
PROGRAM = """
import ctypes, os, resource, socket
from photoplay.seal import seal
ctypes.CDLL(None)
seal()
try:
    {way_out}
except (OSError, ValueError):
    print("refused")
else:
    print("got out")
"""


def run(way_out: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(way_out=way_out)], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.strip()


@pytest.mark.skipif(sys.platform != "linux", reason="the filter is Linux's; elsewhere no descriptor can be opened")
@pytest.mark.parametrize("way_out", WAYS_OUT.values(), ids=WAYS_OUT)
def test_a_sealed_process_has_no_way_out(way_out: str) -> None:
    assert run(way_out) == "refused"


def test_a_sealed_process_computes_and_answers() -> None:
    assert run("assert sum(bytearray(50_000_000)) == 0") == "got out"

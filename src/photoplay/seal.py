"""Takes from this process every way out: no file, socket, process or signal from here on, only computing.

For a child that is about to read a stranger's bytes, after it has opened and imported all that it needs.
"""

import ctypes
import platform
import resource
import struct
import sys
from collections.abc import Sequence
from typing import Final

from photoplay.process import limit

__all__ = ["seal"]

# Source: prctl(2), seccomp(2), linux/seccomp.h, linux/bpf_common.h.
_PR_SET_SECCOMP: Final = 22
_PR_SET_NO_NEW_PRIVS: Final = 38
_SECCOMP_MODE_FILTER: Final = 2
_KILL_PROCESS: Final = 0x80000000
_ALLOW: Final = 0x7FFF0000
_EPERM: Final = 0x00050000 | 1
_LOAD_WORD: Final = 0x20
_JUMP_IF_EQUAL: Final = 0x15
_RETURN: Final = 0x06
_OFFSET_NUMBER: Final = 0
_OFFSET_ARCH: Final = 4

# What an interpreter needs to compute, to read and write what is open already, and to end:
# read write close fstat lseek mmap mprotect munmap brk rt_sigaction rt_sigprocmask rt_sigreturn pread64 sched_yield
# mremap madvise getpid exit gettimeofday sigaltstack futex clock_gettime exit_group getrandom.
# Everything else answers EPERM. Source: the kernel's syscall tables, by the machine's audit architecture.
_COMPUTING: Final = {
    "x86_64": (
        0xC000003E,
        (0, 1, 3, 5, 8, 9, 10, 11, 12, 13, 14, 15, 17, 24, 25, 28, 39, 60, 96, 131, 202, 228, 231, 318),
    ),
    "aarch64": (
        0xC00000B7,
        (63, 64, 57, 80, 62, 222, 226, 215, 214, 134, 135, 139, 67, 124, 216, 233, 172, 93, 169, 132, 98, 113, 94, 278),
    ),
}


def seal() -> None:
    """Close every way out of this process, for good.

    Two locks: no new descriptor, which every Unix has; and on Linux a filter that leaves only the calls for computing,
    which root cannot lift either. A kernel without such filters leaves the first lock alone.
    """
    limit(resource.RLIMIT_NOFILE, 0)
    if sys.platform == "linux" and platform.machine() in _COMPUTING:
        arch, calls = _COMPUTING[platform.machine()]
        _install(_program(arch, calls))


def _program(arch: int, calls: Sequence[int]) -> bytes:
    """Return the filter, in the kernel's classic BPF: a jump for each call that is allowed."""
    start = [
        _step(_LOAD_WORD, _OFFSET_ARCH),
        _step(_JUMP_IF_EQUAL, arch, then=1),
        _step(_RETURN, _KILL_PROCESS),
        _step(_LOAD_WORD, _OFFSET_NUMBER),
    ]
    # Over the jumps that follow and the refusal behind them.
    jumps = [_step(_JUMP_IF_EQUAL, number, then=len(calls) - place) for place, number in enumerate(calls)]
    return b"".join([*start, *jumps, _step(_RETURN, _EPERM), _step(_RETURN, _ALLOW)])


def _step(code: int, operand: int, *, then: int = 0) -> bytes:
    return struct.pack("HBBI", code, then, 0, operand)


def _install(program: bytes) -> None:
    steps = ctypes.create_string_buffer(program, len(program))
    wrapped = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(steps)))
    prctl = ctypes.CDLL(None).prctl
    prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(wrapped), 0, 0)

"""Memory that a process gives back, measured from outside its own allocators."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

KIT = """
import ctypes, json, mmap, sys
from pathlib import Path

def resident_mb():
    return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE / 1e6

libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
"""

SCATTERED = """
from omega_rpc.memory import bound_heap

if json.loads(sys.argv[1]):
    bound_heap()

def filled(size):
    block = libc.malloc(ctypes.c_size_t(size))
    ctypes.memset(block, 1, size)
    return block

libc.free(filled(30 << 20))  # from here on glibc keeps blocks of this size in the heap
before = resident_mb()
blocks, pins = [], []
for _ in range(40):
    blocks.append(filled(3 << 19))
    pins.append(filled(4096))
for block in blocks:
    libc.free(block)
print(json.dumps(resident_mb() - before))
"""


def _run(script: str, *arguments: object) -> Any:
    """What a fresh process prints."""
    done = subprocess.run(
        [sys.executable, "-c", KIT + script, *map(json.dumps, arguments)],
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_a_bounded_heap_keeps_no_freed_blocks_between_small_ones() -> None:
    assert _run(SCATTERED, 0) > 40
    assert _run(SCATTERED, 1) < 8


def test_code_that_only_starting_needed_is_given_back_and_still_runs() -> None:
    script = """
import grpc, numpy
from omega_rpc.memory import release_unused

before = resident_mb()
released = release_unused()
after = resident_mb()
numpy.linalg.svd(numpy.eye(5))
grpc.insecure_channel("127.0.0.1:1").close()
print(json.dumps([released / 1e3, before - after]))
"""
    released, fell = _run(script)
    assert released > 10
    assert fell > 5


def test_pages_that_differ_from_their_file_stay(tmp_path: Path) -> None:
    file = tmp_path / "code"
    file.write_bytes(b"file" * 4096)
    script = """
from omega_rpc.memory import release_unused

libc.mmap.restype = ctypes.c_void_p
with open(json.loads(sys.argv[1]), "r+b") as file:
    at = libc.mmap(None, ctypes.c_size_t(16384), mmap.PROT_READ | mmap.PROT_WRITE,
                   mmap.MAP_PRIVATE, file.fileno(), ctypes.c_long(0))
ctypes.memmove(at, b"ours", 4)
assert libc.mprotect(ctypes.c_void_p(at), ctypes.c_size_t(16384), mmap.PROT_READ) == 0
release_unused()
print(json.dumps(ctypes.string_at(at, 8).decode()))
"""
    assert _run(script, str(file)) == "oursfile"

"""Lets a package that unpacks a library of its own at import unpack it to memory."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

FOLDER = "/proc/self/fd"
"""Where a process finds its files of memory by name."""


@contextmanager
def libraries_in_memory() -> Iterator[None]:
    """Within it, a temporary file that this thread names is one of memory, on Linux.

    `rbcl` asks for such a name, writes libsodium there, loads it by the name and leaves it behind:
    2.8 MB a start, in a folder that would have to be both writable and executable. A file of memory
    needs no folder and is gone with the process. Its descriptor stays open, so that no other file
    gets the name of a library that is loaded. Other systems than Linux write to their disk.
    """
    named, thread = tempfile.NamedTemporaryFile, threading.get_ident()

    def in_memory(*args: Any, **kwargs: Any) -> Any:
        if threading.get_ident() != thread:
            return named(*args, **kwargs)
        return SimpleNamespace(name=f"{FOLDER}/{os.memfd_create('library')}")

    if not hasattr(os, "memfd_create") or not os.path.isdir(FOLDER):  # noqa: PTH112 - before anything is imported
        yield
        return
    tempfile.NamedTemporaryFile = in_memory
    try:
        yield
    finally:
        tempfile.NamedTemporaryFile = named

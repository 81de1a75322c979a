"""What the kernel says of a process."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil


def resident_mb(pid: int) -> float:
    """Resident memory of a process (VmRSS), in MB of 10^6 bytes.

    Raises:
        OSError: there is no such process.
    """
    return resident_in(Path(f"/proc/{pid}/status").read_text("ascii", "replace"))


def peak_mb(pid: int) -> float:
    """Most resident memory that a process ever had (VmHWM), in MB of 10^6 bytes.

    Raises:
        OSError: there is no such process.
    """
    return _in(Path(f"/proc/{pid}/status").read_text("ascii", "replace"), "VmHWM:")


def resident_in(status: str) -> float:
    """The same from the text of /proc/PID/status.

    Raises:
        OSError: the process has ended.
    """
    return _in(status, "VmRSS:")


def _in(status: str, name: str) -> float:
    for line in status.splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1_024 / 1e6
    raise ProcessLookupError("a process that has ended has no memory")


def used_seconds(pid: int) -> float:
    """Processor time of a process and of all that it has started.

    Raises:
        psutil.NoSuchProcess: there is no such process.
    """
    root = psutil.Process(pid)
    used = 0.0
    for process in (root, *root.children(recursive=True)):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue  # its parent has taken it over
        used += times.user + times.system + times.children_user + times.children_system
    return used


def anonymous_mb(pid: int) -> float:
    """Memory of a process and of all that it has started that is no file's and not shared, in MB.

    RssAnon of each: of Postgres without its shared buffers, pages that are still the parent's
    counted again.

    Raises:
        psutil.NoSuchProcess: there is no such process.
    """
    root = psutil.Process(pid)
    total = 0.0
    for process in (root, *root.children(recursive=True)):
        with suppress(OSError):  # it has ended meanwhile
            status = Path(f"/proc/{process.pid}/status").read_text("ascii", "replace")
            total += _in(status, "RssAnon:")
    return total


def slope(values: Sequence[float]) -> float:
    """Least-squares growth from one value to the next; at least two values."""
    return float(np.polyfit(np.arange(len(values)), np.asarray(values, np.float64), 1)[0])


def resident_mb_here() -> float:
    """Resident memory of this process, in MB."""
    return resident_mb(os.getpid())

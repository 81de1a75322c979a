"""What the kernel says of a process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np


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


def slope(values: Sequence[float]) -> float:
    """Least-squares growth from one value to the next; at least two values."""
    return float(np.polyfit(np.arange(len(values)), np.asarray(values, np.float64), 1)[0])

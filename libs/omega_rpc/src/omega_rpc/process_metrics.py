"""What every service tells of its own process, to whoever collects metrics."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Observation

_STATM = Path("/proc/self/statm")
_meter = metrics.get_meter("omega_rpc.process")


def _resident(_options: CallbackOptions) -> Iterable[Observation]:
    """Nothing where the system does not tell it."""
    try:
        pages = int(_STATM.read_text("ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return []
    return [Observation(pages * os.sysconf("SC_PAGE_SIZE"))]


def _used(_options: CallbackOptions) -> Iterable[Observation]:
    spent = os.times()
    return [
        Observation(spent.user, {"cpu.mode": "user"}),
        Observation(spent.system, {"cpu.mode": "system"}),
    ]


# Read when something collects them, and kept here as long as the process lives.
_memory = _meter.create_observable_up_down_counter(
    "process.memory.usage", [_resident], unit="By", description="Resident memory of the process"
)
_cpu = _meter.create_observable_counter(
    "process.cpu.time", [_used], unit="s", description="Processor time that the process has used"
)

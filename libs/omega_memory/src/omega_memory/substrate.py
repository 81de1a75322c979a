"""Substrate: what this device can do, and how fast it has been."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from omega_core import validate
from omega_core.memory import KIND, Memory, Tier
from omega_memory.words import decimal

KEY = "device"
"""Key of the device's profile."""
FEWEST = 100
"""Answers measured before a budget follows them."""
HEADROOM = 2.0
"""An answer that takes this many times the 99th percentile is not coming in time."""
_KEPT = 2_000


@dataclass(frozen=True)
class DeviceProfile:
    """Figures of a device."""

    cores: int
    """Processor cores that may be used, at least 1."""
    memory_bytes: int
    """Physical memory; 0 = not known."""
    answers: int
    """Answers measured; without any the quantiles are 0."""
    p50_ms: float
    """Median time of an answer, in milliseconds."""
    p95_ms: float
    """95th percentile."""
    p99_ms: float
    """99th percentile."""


class Latencies:
    """Times of the latest 2,000 answers. Safe to share between threads; noting one never waits."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._latest: deque[float] = deque(maxlen=_KEPT)

    def note(self, seconds: float) -> None:
        """Notes how long an answer took."""
        with self._mutex:
            self._latest.append(seconds)

    def profile(self) -> DeviceProfile:
        """The device as it is and as it has been measured."""
        with self._mutex:
            taken = np.asarray(self._latest, np.float64) * 1_000.0
        p50, p95, p99 = np.quantile(taken, (0.5, 0.95, 0.99)) if len(taken) else (0.0, 0.0, 0.0)
        return DeviceProfile(
            cores=len(os.sched_getaffinity(0)),
            memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
            answers=len(taken),
            p50_ms=float(p50),
            p95_ms=float(p95),
            p99_ms=float(p99),
        )


def device_memory(profile: DeviceProfile, now: datetime) -> Memory:
    """The device to keep: importance 0.85 to 1 and confidence rise with the answers measured."""
    sure = profile.answers / (profile.answers + FEWEST)
    speed = f"answers in {profile.p50_ms:.1f} ms, 99 of 100 within {profile.p99_ms:.1f} ms"
    return Memory(
        tier=Tier.SUBSTRATE,
        key=KEY,
        text=f"This TV has {profile.cores} cores and {profile.memory_bytes / 2**20:.0f} MiB; "
        + (speed if profile.answers else "no answer was measured")
        + ".",
        importance=0.85 + 0.15 * sure,
        confidence=sure,
        created_at=now,
        accessed_at=now,
        metadata={
            KIND: "device",
            "cores": str(profile.cores),
            "memory_bytes": str(profile.memory_bytes),
            "answers": str(profile.answers),
            "p50_ms": decimal(profile.p50_ms),
            "p95_ms": decimal(profile.p95_ms),
            "p99_ms": decimal(profile.p99_ms),
        },
    )


def latency_budget_ms(memories: Iterable[Memory], ceiling_ms: float) -> float:
    """How long to wait for a full answer before the simpler one is given, in milliseconds.

    HEADROOM times the measured 99th percentile, between a quarter of the ceiling and the ceiling;
    the ceiling where fewer than FEWEST answers were measured. A fast TV so notices a stuck answer
    sooner; no TV is given more than the ceiling.

    Args:
        memories: those of Substrate.
        ceiling_ms: the limit that was set, above 0.

    Raises:
        OmegaError: INVALID_FIELD.
    """
    validate.number("ceiling_ms", ceiling_ms, 0.001, 60_000)
    known = next((each.metadata for each in memories if each.key == KEY), None)
    if known is None or int(known["answers"]) < FEWEST:
        return ceiling_ms
    return float(np.clip(HEADROOM * float(known["p99_ms"]), ceiling_ms / 4.0, ceiling_ms))

"""Limits of open streams."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StreamLimits:
    """How many streams, and how long."""

    most_open: int = 10_000
    """Streams open at once before OVERLOADED."""
    idle_seconds: float = 3_600.0
    """Time without a word of the TV after which its stream ends."""
    longest_seconds: float = 86_400.0
    """Age at which a stream ends, so that balancers spread TVs anew."""
    spread_seconds: float = 3.0
    """Time over which news are told to all streams, and over which they end at a stop."""

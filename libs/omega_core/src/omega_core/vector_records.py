"""Vectors that a program in the brain's process stores for itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from omega_core.vectors import FloatArray


@dataclass(frozen=True)
class VectorRecord:
    """A vector with what it stands for."""

    vector_id: str
    """1 to 64 characters of [A-Za-z0-9._:-]."""
    vector: FloatArray = field(compare=False, repr=False)
    """(384,) float32, unit; kept as float16."""
    metadata: Mapping[str, str]
    """At most 16 entries; keys of 1 to 64 characters, values of at most 1,000."""
    value: float
    """0 to 1: vectors of least value go first where there are too many."""
    stored_at: datetime
    """Aware."""

"""Circumstances in words, as metadata and sentences state them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

TIMES: Mapping[int, str] = MappingProxyType(
    {1: "morning", 2: "afternoon", 3: "evening", 4: "late night"}
)
"""Values of omega.common.v1.TimeOfDay."""
MOODS: Mapping[int, str] = MappingProxyType(
    {1: "relaxed", 2: "energetic", 3: "focused", 4: "social"}
)
"""Values of omega.common.v1.Mood."""
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
"""January first."""


def decimal(value: float) -> str:
    """A figure as metadata states it: four decimals."""
    return f"{value:.4f}"

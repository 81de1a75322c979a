"""The breadth of a search of the vector index: measured, not guessed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

LADDER = (25, 50, 100, 200, 400, 800)
"""What is tried."""


@dataclass(frozen=True)
class Probe:
    """One breadth, measured on the household's own titles as queries."""

    recall: float
    """Share of the true neighbours that was found, 0 to 1."""
    seconds: float
    """Median time of a search."""


class SearchProbe(Protocol):
    """Measures a breadth on the index in use, beside an exact search."""

    def __call__(self, ef: int) -> Probe:
        """Recall and time at `ef`; the index goes on with its own afterwards."""
        ...


def choose_ef(found: Mapping[int, Probe], least_recall: float) -> int:
    """The fastest breadth that finds enough; the one that finds most when none does.

    No test is needed: the truth is known by exact search, and the lists of the ranking do not
    depend on it.

    Args:
        found: each breadth of LADDER as measured.
        least_recall: what is enough, 0 to 1.
    """
    enough = [ef for ef, measured in found.items() if measured.recall >= least_recall]
    if enough:
        return min(enough, key=lambda ef: (found[ef].seconds, ef))
    return max(found, key=lambda ef: (found[ef].recall, -ef))

"""How much a run of `omega bench brain` does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from omega_core import validate


@dataclass(frozen=True)
class Plan:
    """Sizes of a run; the defaults are those that the goals speak of."""

    titles: int = 10_000
    """Titles of the brain's catalogue, 100 to 80,000."""
    events: int = 10_000
    """Viewings on disk, 1 to 1,000,000."""
    vectors: int = 10_000
    """Vectors that are searched, 100 to 80,000."""
    queries: int = 200
    """Queries a run of searches, 1 to 10,000."""
    runs: int = 5
    """Runs of each figure, of which the best counts, 1 to 100."""
    calls: int = 200
    """Recommendations, and empty calls, a run, 1 to 10,000."""
    viewings: int = 100
    """Viewings recorded a run, 1 to 10,000."""
    warm_days: int = 3
    """Simulated days before memory is looked at, 0 to 1,000."""
    days: int = 12
    """Simulated days over which it must not grow, 2 to 1,000."""
    thinned: int = 1
    """One in so many requests of a simulated day is made, 1 to 100."""
    encoder: str = "minilm"
    """Encoder of the brain that is measured with one: "minilm", or "lexical" to do without."""
    cache_dir: Path | None = None
    """Where `omega model install` put the model; None = its default place."""

    def __post_init__(self) -> None:
        validate.integer("titles", self.titles, 100, 80_000)
        validate.integer("events", self.events, 1, 1_000_000)
        validate.integer("vectors", self.vectors, 100, 80_000)
        validate.integer("queries", self.queries, 1, 10_000)
        validate.integer("runs", self.runs, 1, 100)
        validate.integer("calls", self.calls, 1, 10_000)
        validate.integer("viewings", self.viewings, 1, 10_000)
        validate.integer("warm_days", self.warm_days, 0, 1_000)
        validate.integer("days", self.days, 2, 1_000)
        validate.integer("thinned", self.thinned, 1, 100)

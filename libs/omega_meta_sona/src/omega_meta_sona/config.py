"""How a household's ranking is tuned, tested and watched."""

from __future__ import annotations

from dataclasses import dataclass

from omega_core import validate


@dataclass(frozen=True)
class TuningConfig:
    """Settings of the self-tuning; defaults were picked on other cuts than the reported ones."""

    least_positives: int = 20
    """Titles that succeeded before anything is tuned, 5 to 10,000."""
    held_back_share: float = 0.5
    """Share of the positives that the first test is made on, 0.1 to 0.9."""
    least_held_back: int = 10
    """Positives of a test, at least; 5 to 1,000. Fewer cannot be significant."""
    most_held_back: int = 200
    """Newest positives that a test looks at, 5 to 10,000."""
    moments: int = 40
    """Moments of the past that the search replays, 2 to 100."""
    targets: int = 2
    """Positives after a moment that its lists are measured on, 1 to 50. Few, because an answer is
    made anew after each viewing."""
    generations: int = 12
    """Generations of the search, 1 to 100."""
    population: int = 8
    """Candidates a generation, 4 to 64."""
    step: float = 0.25
    """First standard deviation of the search, in units of its space, 0.01 to 1."""
    trust: float = 0.5
    """How far from the setting in force a challenger may lie in each dimension, 0.05 to 4. What
    won on one past may lose on the next; a leaning that lasts wins again and goes further."""
    caution: float = 1.0
    """Standard errors that a gain in capability is discounted by, 0 to 10."""
    shrinkage: float = 0.3
    """Pull towards the setting in force, 0 to 1,000: a way of price 1 (space.PRICES) costs
    shrinkage / positives of relative fitness."""
    alpha: float = 0.05
    """Chance that a setting in force is replaced within a year by one that is no better, 0.0001
    to 0.5."""
    watch_alpha: float = 0.05
    """Chance that a setting which is no worse than its parent is ever rolled back, the same."""
    budget_ms: float = 15.0
    """Time that an answer may take, above 0 to 10,000: what efficiency is measured against."""
    least_recall: float = 0.97
    """Share of the true neighbours that a search of the index must find, 0.5 to 1."""
    seed: int = 0
    """Of the search and of the tests, 0 to 2^31 - 1."""

    def __post_init__(self) -> None:
        validate.integer("least_positives", self.least_positives, 5, 10_000)
        validate.number("held_back_share", self.held_back_share, 0.1, 0.9)
        validate.integer("least_held_back", self.least_held_back, 5, 1_000)
        validate.integer("most_held_back", self.most_held_back, 5, 10_000)
        validate.integer("moments", self.moments, 2, 100)
        validate.integer("targets", self.targets, 1, 50)
        validate.integer("generations", self.generations, 1, 100)
        validate.integer("population", self.population, 4, 64)
        validate.number("step", self.step, 0.01, 1)
        validate.number("trust", self.trust, 0.05, 4)
        validate.number("caution", self.caution, 0, 10)
        validate.number("shrinkage", self.shrinkage, 0, 1_000)
        validate.number("alpha", self.alpha, 1e-4, 0.5)
        validate.number("watch_alpha", self.watch_alpha, 1e-4, 0.5)
        validate.number("budget_ms", self.budget_ms, 1e-3, 10_000)
        validate.number("least_recall", self.least_recall, 0.5, 1)
        validate.integer("seed", self.seed, 0, 2**31 - 1)

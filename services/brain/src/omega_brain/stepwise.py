"""Jobs made of small steps, so that a loop can stop between any two of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from omega_loops import Changes, Context


@dataclass(frozen=True)
class Progress:
    """What one step did."""

    count: int = 0
    """Things it changed."""
    finished: bool = True
    """False: the same step has more to do."""


Step = Callable[[Context], Progress]
"""A short piece of work, at most some 50 ms. Repeated for the same cycle, it does no harm."""


@dataclass(frozen=True)
class Stepwise:
    """A job that does named steps in order and yields between them."""

    steps: tuple[tuple[str, Step], ...]
    """What is counted -> the step."""

    def __call__(self, context: Context) -> Changes:
        """Goes on where the run before stopped."""
        counts: Counter[str] = Counter()
        place = context.resume if isinstance(context.resume, int) else 0
        while place < len(self.steps):
            name, step = self.steps[place]
            progress = step(context)
            counts[name] += progress.count
            place += progress.finished
            if place < len(self.steps) and context.should_yield():
                return Changes(counts, finished=False, resume=place)
        return Changes(counts)

"""Days of the year that change what people watch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from omega_core.errors import invalid


@dataclass(frozen=True)
class Holiday:
    """A span of days that comes back every year."""

    name: str
    """For a person: "Christmas"."""
    first: tuple[int, int]
    """Month and day it begins."""
    last: tuple[int, int]
    """Month and day it ends, inclusive; before `first` where it spans New Year's Eve."""

    def __post_init__(self) -> None:
        for name in ("first", "last"):
            month, day = getattr(self, name)
            try:
                date(2000, month, day)  # a leap year
            except ValueError:
                raise invalid(name, "a month and a day of it") from None

    def covers(self, day: date) -> bool:
        """Whether it is on."""
        at = (day.month, day.day)
        if self.first <= self.last:
            return self.first <= at <= self.last
        return at >= self.first or at <= self.last


HOLIDAYS = (
    Holiday("New Year", (12, 30), (1, 2)),
    Holiday("Valentine's Day", (2, 13), (2, 15)),
    Holiday("Halloween", (10, 24), (11, 1)),
    Holiday("Christmas", (12, 18), (12, 27)),
)
"""Those kept where nothing else is said. Where others are, or where a feast follows the moon, the
firmware states its own."""

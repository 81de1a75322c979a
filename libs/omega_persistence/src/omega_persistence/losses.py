"""What a repair could not bring back, in numbers where they are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from omega_persistence.mark import Count
from omega_persistence.owner import Left

_UNKNOWN = "how many viewing events that is, is not known"


@dataclass(frozen=True)
class Survivor:
    """What a repaired database holds."""

    lineage: str
    """Its line of history before the repair."""
    numbers: Mapping[str, int]
    """Last number given out, by table."""
    writes: int | None = None
    """Transactions of the lineage; None = not known."""


@dataclass(frozen=True)
class Past:
    """What the last owner said."""

    left: Left
    """How it left the database."""
    count: Count | None
    """What it had written; None = not known."""

    def is_ahead_of(self, survivor: Survivor) -> bool:
        """Whether rows are known to have been stored that the survivor never numbered."""
        count = self.count
        return (
            count is not None
            and count.lineage == survivor.lineage
            and bool(count.rows_after(survivor.numbers))
        )

    def missing(self, survivor: Survivor, since: str, now: str) -> str:
        """What is missing, in a sentence.

        Args:
            survivor: what there is.
            since: which moment that is, for a person: "after that instant".
            now: the present instant.
        """
        count = self.count
        if count is None or count.lineage != survivor.lineage:
            return f"What was stored {since}, until {now}, is missing; {_UNKNOWN}."
        more = None if survivor.writes is None else max(count.writes - survivor.writes, 0)
        if more == 0 and self._counted_to_the_end():
            return f"Nothing had been stored {since}."
        told = f"What was stored {since}, until {count.at}, is missing: "
        told += count.rows_after(survivor.numbers) or "no new rows, but changes to others"
        if more is not None:
            told += f", in {more:,} transactions"
        if not self._counted_to_the_end():
            told += "; not counted is what the power may have taken, at most a last half minute"
        return f"{told}."

    def all_missing(self) -> str:
        """That all is missing, in a sentence."""
        rows = self.count.rows_after({}) if self.count else ""
        return f"All is missing: {rows}." if rows else f"All is missing; {_UNKNOWN}."

    def _counted_to_the_end(self) -> bool:
        orderly = self.left in {Left.CLOSING, Left.CLOSED}
        return orderly or (self.count is not None and self.count.survived())

"""A TV's side: from pairs of titles to reports, with one exchange for many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from omega_threshold.oprf import Blinded, Evaluation, blind
from omega_threshold.pair import Pair
from omega_threshold.report import Report
from omega_threshold.star import Sealing


@dataclass(frozen=True)
class ReportRequest:
    """Pairs that wait for their coins. The server's side is oprf.evaluate with the epoch's key."""

    epoch: int
    """Whose key gives the coins."""
    threshold: int
    """How many reports shall open a pair; the same on all TVs, for others never meet."""
    pairs: tuple[Pair, ...] = field(repr=False)
    """What is reported."""
    blinded: Blinded
    """What the server gets: `blinded.elements`."""

    @classmethod
    def of(cls, epoch: int, threshold: int, pairs: Sequence[Pair]) -> ReportRequest:
        """Asks for the coins of 1 to MAX_BATCH pairs.

        Raises:
            OmegaError: INVALID_FIELD values.
        """
        return cls(epoch, threshold, tuple(pairs), blind([pair.asked for pair in pairs]))

    def finalize(self, answer: Evaluation, public: bytes) -> list[Report]:
        """A report a pair, in their order. Calling it again makes others: keep what it gave.

        Args:
            answer: the server's.
            public: the epoch's key as every TV knows it.

        Raises:
            OmegaError: as Blinded.finalize; PROOF_REFUSED where the server used another key, by
                which it would mark these reports. INVALID_FIELD threshold.
        """
        coins = self.blinded.finalize(answer, public)
        return [
            Sealing.of_coins(each, self.epoch, self.threshold).report(pair)
            for pair, each in zip(self.pairs, coins, strict=True)
        ]

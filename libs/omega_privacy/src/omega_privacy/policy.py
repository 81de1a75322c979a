"""What a household lets leave its TV."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from omega_core import validate


@dataclass(frozen=True)
class SketchPolicy:
    """Which liked titles are reported, and under how much noise."""

    sigma: float = 5.0
    """Noise scale, 0.5 to 64: standard deviation of a component is sigma / sqrt(384)."""
    consent: bool = True
    """False: nothing leaves the TV."""
    min_success_rate: float = 0.7
    """Least success rate of a title, and of the taste it belongs to, 0 to 1."""
    min_samples: int = 3
    """Least number of household events behind the taste a title belongs to, 1 to 1,000,000."""

    def __post_init__(self) -> None:
        validate.number("sigma", self.sigma, 0.5, 64.0)
        validate.number("min_success_rate", self.min_success_rate, 0.0, 1.0)
        validate.integer("min_samples", self.min_samples, 1, 1_000_000)

    @classmethod
    def default(cls) -> Self:
        """Sketches with sigma 5."""
        return cls()

    @classmethod
    def strict(cls) -> Self:
        """Sketches with sigma 6: harder to trace to a title, less useful to the fleet."""
        return cls(sigma=6.0)

    @classmethod
    def off(cls) -> Self:
        """Receive only: nothing leaves the TV."""
        return cls(consent=False)

    def qualifies(self, title_rate: float, taste_rate: float, taste_samples: int) -> bool:
        """Whether a title may be reported.

        Args:
            title_rate: share of the title's viewings that succeeded, 0 to 1.
            taste_rate: the same over the taste (cluster of titles) that holds it, 0 to 1.
            taste_samples: household events behind that taste.
        """
        return (
            self.consent
            and title_rate >= self.min_success_rate
            and taste_rate >= self.min_success_rate
            and taste_samples >= self.min_samples
        )

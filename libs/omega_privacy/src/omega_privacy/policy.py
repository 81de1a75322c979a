"""What a household lets leave its TV."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from omega_core import validate
from omega_privacy.classes import Detail

DEFAULT_SIGMA = 4.5
"""Noise scale of sketches (docs/adr/0028)."""
STRICT_SIGMA = 6.0
"""Noise scale of strict sketches."""


class Sharing(StrEnum):
    """What a household chooses from."""

    SKETCHES = "sketches"
    """Privatised sketches of liked titles."""
    STRICT = "strict"
    """The same under more noise: harder to trace to a title, less useful to the fleet."""
    RECEIVE_ONLY = "receive-only"
    """Nothing is sent, everything is pulled."""
    THRESHOLD = "threshold"
    """No sketch: reports of pairs, which nobody reads before enough TVs have sent the same."""


@dataclass(frozen=True)
class SketchPolicy:
    """Which liked titles are reported, and under how much noise."""

    sigma: float = DEFAULT_SIGMA
    """Noise scale, 0.5 to 64: standard deviation of a component is sigma / sqrt(384)."""
    consent: bool = True
    """False: nothing leaves the TV, and what has left is to be erased."""
    sends: bool = True
    """False: no sketch leaves the TV, and what has left stays where it is."""
    pairs: bool = False
    """Whether reports of pairs leave the TV in the place of sketches."""
    min_success_rate: float = 0.7
    """Least success rate of a title, and of the taste it belongs to, 0 to 1."""
    min_samples: int = 3
    """Least number of household events behind the taste a title belongs to, 1 to 1,000,000."""
    detail: Detail = Detail.FULL
    """How much of success rate and sample count travels with a sketch."""

    def __post_init__(self) -> None:
        validate.number("sigma", self.sigma, 0.5, 64.0)
        validate.number("min_success_rate", self.min_success_rate, 0.0, 1.0)
        validate.integer("min_samples", self.min_samples, 1, 1_000_000)

    @classmethod
    def default(cls) -> Self:
        """Sketches under DEFAULT_SIGMA."""
        return cls()

    @classmethod
    def strict(cls) -> Self:
        """Sketches under STRICT_SIGMA: harder to trace to a title, less useful to the fleet."""
        return cls(sigma=STRICT_SIGMA)

    @classmethod
    def receive_only(cls) -> Self:
        """Nothing leaves the TV from now on."""
        return cls(sends=False)

    @classmethod
    def threshold(cls) -> Self:
        """Reports of pairs in the place of sketches."""
        return cls(sends=False, pairs=True)

    @classmethod
    def off(cls) -> Self:
        """Without consent: nothing leaves the TV, and what has left is to be erased."""
        return cls(consent=False)

    @classmethod
    def of(
        cls,
        sharing: Sharing,
        *,
        sigma: float | None = None,
        consent: bool = True,
        min_samples: int = 3,
        detail: Detail = Detail.FULL,
    ) -> Self:
        """The policy behind a household's choice.

        Args:
            sharing: the choice.
            sigma: noise scale in the place of DEFAULT_SIGMA. A strict household has at least
                STRICT_SIGMA whatever it is, and this where it is more: strict never means less
                noise.
            consent: False overrules the choice.
            min_samples: as the field.
            detail: as the field.

        Raises:
            OmegaError: INVALID_FIELD sigma or min_samples.
        """
        chosen = DEFAULT_SIGMA if sigma is None else sigma
        return cls(
            sigma=max(chosen, STRICT_SIGMA) if sharing is Sharing.STRICT else chosen,
            consent=consent,
            sends=sharing not in {Sharing.RECEIVE_ONLY, Sharing.THRESHOLD},
            pairs=sharing is Sharing.THRESHOLD,
            min_samples=min_samples,
            detail=detail,
        )

    @property
    def leaves(self) -> bool:
        """Whether sketches may leave the TV, and what else tells of one household alone."""
        return self.consent and self.sends

    @property
    def reports_pairs(self) -> bool:
        """Whether reports of pairs may leave the TV."""
        return self.consent and self.pairs

    @property
    def sigma_hundredths(self) -> int:
        """Sigma as it is stored and sent, 50 to 6,400."""
        return round(self.sigma * 100)

    def qualifies(self, title_rate: float, taste_rate: float, taste_samples: int) -> bool:
        """Whether a title may be reported.

        Args:
            title_rate: share of the title's viewings that succeeded, 0 to 1.
            taste_rate: the same over the taste (cluster of titles) that holds it, 0 to 1.
            taste_samples: household events behind that taste.
        """
        return (
            (self.leaves or self.reports_pairs)
            and title_rate >= self.min_success_rate
            and taste_rate >= self.min_success_rate
            and taste_samples >= self.min_samples
        )

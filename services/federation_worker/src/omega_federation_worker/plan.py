"""Whether a round learns from everything, or only from what changed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from omega_core import validate
from omega_delta import CataloguePack
from omega_federation_worker import keeping
from omega_learn import Decoder, LearnConfig
from omega_store.kept import StoredDecoder
from omega_threshold import Schedule

_EARLY = 1 / 48
"""Part of the time between refreshes by which one may come early: half an hour a day, so that an
hourly round that starts a second sooner than yesterday's is not put off by an hour."""
_AT_ONCE = 10
"""Times that the last refresh took which have to pass before one comes that is not due."""
_SHORT = timedelta(minutes=1)
"""A refresh that took less may be followed by another one at once."""


@dataclass(frozen=True)
class Plan:
    """How rounds learn, and how often they learn anew."""

    learning: LearnConfig
    """How."""
    refresh_hours: float = 24.0
    """Least time between two refreshes that nobody asked for, 0 to 720; 0 = every round is one."""
    schedule: Schedule = field(default_factory=Schedule)
    """When epochs of threshold reports close."""

    def __post_init__(self) -> None:
        validate.number("refresh_hours", self.refresh_hours, 0, 720)

    def basis(self, catalogue: CataloguePack) -> str:
        """Names everything that kept rows rest on beside the fleet."""
        what = (keeping.FORMAT, catalogue.version, catalogue.model_version, self.learning)
        return hashlib.sha256(repr(what).encode()).hexdigest()

    def may_hurry(self, last: tuple[datetime, datetime] | None, now: datetime) -> bool:
        """Whether a refresh may come before it is due.

        Such ones take a tenth of the time at most, or less than a minute each.

        Args:
            last: when the last one began and ended; None = there was none.
            now: the present instant.
        """
        if last is None:
            return False
        took = last[1] - last[0]
        return took < _SHORT or now - last[0] >= _AT_ONCE * took

    def decoder(
        self, stored: StoredDecoder | None, catalogue: CataloguePack, now: datetime
    ) -> Decoder | None:
        """What a step decodes with; None = a refresh is due.

        It is due when the last one is old, or rests on another catalogue, encoder, release or
        setting, or when there was none.
        """
        if stored is None or stored.basis != self.basis(catalogue):
            return None
        wait = timedelta(hours=self.refresh_hours * (1 - _EARLY))
        # A clock that was set back would put the next one off for as long.
        if not timedelta(0) <= now - stored.refreshed_at < wait:
            return None
        return keeping.unpack_decoder(stored.body)

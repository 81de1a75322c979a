"""What TVs are told before they report: the same for every TV, or nothing is reported."""

from __future__ import annotations

from dataclasses import dataclass

from omega_core import validate
from omega_core.errors import ErrorCode, OmegaError, invalid
from omega_threshold.envelope import KeyConfig
from omega_threshold.epochs import MAX_EPOCH, Schedule
from omega_threshold.report import MAX_THRESHOLD, MIN_THRESHOLD
from omega_threshold.ristretto import ELEMENT_BYTES

MOST_EPOCHS = 32
"""Most epochs that are open at once: those of a day, with a grace of 720 hours."""


@dataclass(frozen=True)
class EpochKeys:
    """Public keys of an epoch."""

    epoch: int
    """Counted from 1970-01-01."""
    gateway: KeyConfig
    """For which submissions are sealed."""
    tokens: bytes
    """By which tokens are checked; ELEMENT_BYTES."""
    randomness: bytes
    """By which coins are checked; ELEMENT_BYTES."""

    def __post_init__(self) -> None:
        validate.integer("epoch", self.epoch, 0, MAX_EPOCH)
        validate.size("tokens", self.tokens, ELEMENT_BYTES)
        validate.size("randomness", self.randomness, ELEMENT_BYTES)


@dataclass(frozen=True)
class ReportingKeys:
    """What reports of a fleet are made with."""

    threshold: int
    """Reports that open a pair, MIN_THRESHOLD to MAX_THRESHOLD."""
    schedule: Schedule
    """When epochs begin and close."""
    epochs: tuple[EpochKeys, ...]
    """Of the epochs that are open, ascending; 1 to MOST_EPOCHS."""

    def __post_init__(self) -> None:
        validate.integer("threshold", self.threshold, MIN_THRESHOLD, MAX_THRESHOLD)
        validate.integer("epochs", len(self.epochs), 1, MOST_EPOCHS)
        numbers = [each.epoch for each in self.epochs]
        if sorted(set(numbers)) != numbers:
            raise invalid("epochs", "ascending, each once")

    def of(self, epoch: int) -> EpochKeys:
        """The keys of an epoch.

        Raises:
            OmegaError: EPOCH_CLOSED epoch where none are told.
        """
        for each in self.epochs:
            if each.epoch == epoch:
                return each
        bound = f"one that is open: {self.epochs[0].epoch} to {self.epochs[-1].epoch}"
        raise OmegaError(ErrorCode.EPOCH_CLOSED, field="epoch", bound=bound)

    def check_same(self, told: ReportingKeys) -> None:
        """Passes where another party was told the same, in the epochs that both know.

        Around a turn of epochs one may know one more than the other.

        Raises:
            OmegaError: KEYS_DIFFER that names what differs, also where no epoch is known to both.
        """
        pairs: list[tuple[object, object, str]] = [
            (self.threshold, told.threshold, "threshold"),
            (self.schedule.days, told.schedule.days, "epoch_days"),
            (self.schedule.grace_hours, told.schedule.grace_hours, "grace_hours"),
        ]
        known = {each.epoch: each for each in told.epochs}
        shared = [each for each in self.epochs if each.epoch in known]
        if not shared:
            raise OmegaError(ErrorCode.KEYS_DIFFER, field="epochs")
        for each in shared:
            other = known[each.epoch]
            pairs.append((each.gateway.encode(), other.gateway.encode(), "gateway"))
            pairs.append((each.tokens, other.tokens, "tokens"))
            pairs.append((each.randomness, other.randomness, "randomness"))
        for mine, theirs, name in pairs:
            if mine != theirs:
                raise OmegaError(ErrorCode.KEYS_DIFFER, field=name)

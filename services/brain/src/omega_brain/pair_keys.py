"""Keys of reports of pairs: believed where three parties say the same, and for their epoch."""

from __future__ import annotations

from datetime import datetime

from omega_brain.pair_calls import PairCalls
from omega_core.errors import ErrorCode, OmegaError
from omega_persistence.pair_means import PairMeans, ToldKeys
from omega_threshold import ReportingKeys, Schedule

_COMPARED = ("threshold", "epoch_days", "grace_hours", "gateway", "tokens", "randomness")


class PairKeys:
    """What this TV reports with. A party alone could give it keys by which it is told from others.

    Args:
        means: keeps what was believed.
        calls: asks the parties.
    """

    def __init__(self, means: PairMeans, calls: PairCalls) -> None:
        self._means = means
        self._calls = calls

    def current(self, now: datetime, *, again: bool) -> ToldKeys:
        """Keys of the epoch of `now`; asks where none are kept, or `again`.

        Raises:
            OmegaError: KEYS_DIFFER; EPOCH_CLOSED where the operator has no keys for `now`, by this
                TV's clock; INVALID_FIELD for keys that are none.
            ServiceError: somebody does not answer.
            SpentError: the day does not pay for it.
        """
        held = self._means.told()
        for each in held.values():
            if schedule_of(each).at(now) == each.epoch and not again:
                return each
        said, relayed = self._calls.operators_keys(), self._calls.relays_keys()
        said.check_same(relayed)
        told = _rows(said)
        for epoch, each in told.items():
            for name in _COMPARED if epoch in held else ():
                if getattr(each, name) != getattr(held[epoch], name):
                    raise OmegaError(ErrorCode.KEYS_DIFFER, field=name)
        epoch = said.schedule.at(now)
        mine = said.of(epoch)
        relayed.of(epoch)
        if self._calls.randomness_key(epoch) != mine.randomness:
            raise OmegaError(ErrorCode.KEYS_DIFFER, field="randomness")
        self._means.believe([told[epoch]])
        return told[epoch]


def schedule_of(told: ToldKeys) -> Schedule:
    """When the epochs of these keys begin and close."""
    return Schedule(told.epoch_days, told.grace_hours)


def _rows(said: ReportingKeys) -> dict[int, ToldKeys]:
    return {
        each.epoch: ToldKeys(
            each.epoch,
            said.threshold,
            said.schedule.days,
            said.schedule.grace_hours,
            each.gateway.encode(),
            each.tokens,
            each.randomness,
        )
        for each in said.epochs
    }

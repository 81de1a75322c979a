"""Decoding a device's sketches together: what the fleet's model expects of it as its prior.

Each sketch alone says little; that its device also likes the titles behind the other sketches
says more. The first decoding gives a model of the fleet, the second uses it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from omega_core.vectors import FloatArray
from omega_learn.arrays import DoubleArray, Int64Array
from omega_learn.cores import spread
from omega_learn.decode import Posterior, decode
from omega_learn.factors import Factors
from omega_learn.fleet import Fleet
from omega_learn.kept import Kept, Recent
from omega_learn.rows import DeviceRows, device_rows

_SKETCHES = 2_048
"""Sketches decoded at once."""
_FINE = 1 << 20
"""Fixed-point units of 1 in a device's taste."""


@dataclass(frozen=True)
class Expectations:
    """What the fleet's model expects of each device."""

    model: Factors
    """Learned from `rows`."""
    rows: DeviceRows
    """The devices as decoded so far."""
    share: float
    """How much of the prior is the model's, 0 to 1; the rest is the collective prior."""

    def priors(self, start: int, stop: int, collective: FloatArray) -> FloatArray:
        """Prior of each device start to stop - 1 over all m titles, (stop - start, m).

        EASE's score of each title from the device's other titles, cut at 0 and normalised.

        Args:
            start: first device.
            stop: after the last device.
            collective: prior over all titles, (m,), sums to 1.
        """
        rows = self.rows.part(start, stop)
        titles = self.model.titles
        place = np.minimum(np.searchsorted(titles, rows.titles), len(titles) - 1)
        known = titles[place] == rows.titles
        stakes = np.zeros((len(rows), len(titles)))
        stakes[rows.owners()[known], place[known]] = rows.stakes[known]
        # Products of whole numbers below 2^53: exact, so that a device's prior is the same whatever
        # devices stand beside it.
        factors = self.model.factors.astype(np.float64)
        squares = np.square(self.model.steps.astype(np.float64))
        tastes = np.rint((stakes @ factors) * (squares * _FINE))
        scores = (tastes @ factors.T) / _FINE
        scores -= stakes * (np.square(factors) * squares).sum(axis=1)
        scores *= self.model.gains
        np.maximum(scores, 0, out=scores)
        total = scores.sum(axis=1, keepdims=True)
        share = np.where(total > 0, self.share, 0.0)
        priors = (1 - share) * collective
        priors[:, titles] += share * scores / np.maximum(total, 1e-12)
        return np.asarray(priors, np.float32)


@dataclass(frozen=True)
class Decoder:
    """What sketches are decoded with: learned from a whole fleet, and then frozen.

    What it makes of a device depends on that device alone, to the bit.
    """

    prior: FloatArray
    """The collective prior, (m,), sums to 1."""
    model: Factors | None
    """The fleet's model, for the second decoding; None = there is none."""

    def decode(
        self, fleet: Fleet, embeddings: FloatArray, *, top: int, share: float, within: float
    ) -> Kept:
        """Decodes all sketches of some devices, as the round did that made this.

        Args:
            fleet: the sketches.
            embeddings: (m, 384) centred unit rows from on_grid().
            top: titles kept of each sketch.
            share: of the model in a device's prior, 0 to 0.99.
            within: hours for which a sketch is recent.

        Raises:
            OmegaError: INVALID_FIELD when a shape or bound is broken.
        """
        expected = None
        if self.model is not None:
            rows = decode_fleet(fleet, embeddings, self.prior, top=top).rows
            expected = Expectations(self.model, rows, share)
        return decode_fleet(
            fleet, embeddings, self.prior, top=top, expectations=expected, within=within
        )


def decode_fleet(
    fleet: Fleet,
    embeddings: FloatArray,
    prior: FloatArray,
    *,
    top: int,
    expectations: Expectations | None = None,
    within: float = 0.0,
) -> Kept:
    """Decodes all sketches of a fleet, a block of devices at a time.

    Args:
        fleet: the sketches, of any number of devices.
        embeddings: (m, 384) centred unit rows; from on_grid() if what comes of a device is to be
            the same to the bit in every fleet.
        prior: the collective prior, (m,), sums to 1.
        top: titles kept of each sketch.
        expectations: of the same fleet, for the second decoding.
        within: hours for which a sketch is recent.

    Raises:
        OmegaError: INVALID_FIELD when a shape or bound is broken.
    """
    rates, counts = fleet.success_rates, fleet.sample_counts
    nothing = Posterior(
        np.zeros((0, min(top, len(embeddings))), np.int32),
        np.zeros((0, min(top, len(embeddings))), np.float32),
    )
    rows = [device_rows(nothing, np.zeros(0, np.int64), rates[:0], counts[:0])]
    recents = [_recent(nothing, np.zeros(0, np.int64), fleet.ages[:0], within)]

    def decoded(piece: tuple[int, int]) -> tuple[DeviceRows, Recent]:
        start, stop = piece
        first, last = int(fleet.starts[start]), int(fleet.starts[stop])
        sizes = np.diff(fleet.starts[start : stop + 1])
        posterior = decode(
            fleet.sketches(first, last),
            embeddings,
            expectations.priors(start, stop, prior) if expectations else prior,
            fleet.sigmas[first:last],
            owners=np.repeat(np.arange(stop - start), sizes) if expectations else None,
            top=top,
        )
        return (
            device_rows(posterior, sizes, rates[first:last], counts[first:last]),
            _recent(posterior, sizes, fleet.ages[first:last], within),
        )

    for row, recent in spread(decoded, list(_pieces(fleet))):
        rows.append(row)
        recents.append(recent)
    return Kept(
        fleet.keys,
        fleet.regions,
        np.diff(fleet.starts),
        DeviceRows.join(rows),
        Recent.join(recents),
    )


def _pieces(fleet: Fleet) -> Iterator[tuple[int, int]]:
    """First device and that after the last of pieces that are decoded at once."""
    start = 0
    while start < len(fleet):
        enough = np.searchsorted(fleet.starts, fleet.starts[start] + _SKETCHES)
        stop = min(max(int(enough), start + 1), len(fleet))
        yield start, stop
        start = stop


def _recent(posterior: Posterior, sizes: Int64Array, ages: DoubleArray, within: float) -> Recent:
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    every = Recent(starts, ages, posterior.titles, posterior.weights)
    return every.picked(ages < within)

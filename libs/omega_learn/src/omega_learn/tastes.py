"""Decoding a device's sketches together: what the fleet's model expects of it as its prior.

Each sketch alone says little; that its device also likes the titles behind the other sketches
says more. The first decoding gives a model of the fleet, the second uses it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from omega_core.vectors import FloatArray
from omega_learn.decode import decode
from omega_learn.factors import Factors
from omega_learn.fleet import Fleet
from omega_learn.rises import RiseCounter
from omega_learn.rows import UNIT, DeviceRows, device_rows

_SKETCHES = 2_048
"""Sketches decoded at once."""


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
        stakes = np.zeros((len(rows), len(collective)), np.float32)
        stakes[rows.owners(), rows.titles] = rows.stakes / np.float32(UNIT)
        known = stakes[:, titles]
        columns = self.model.factors * self.model.steps
        scores = (known @ columns) @ columns.T
        scores -= known * np.square(columns).sum(axis=1)
        scores *= self.model.gains
        np.maximum(scores, 0, out=scores)
        total = scores.sum(axis=1, keepdims=True)
        share = np.where(total > 0, np.float32(self.share), np.float32(0))
        priors = (1 - share) * collective
        priors[:, titles] += share * scores / np.maximum(total, np.float32(1e-12))
        return np.asarray(priors, np.float32)


def decode_fleet(
    fleet: Fleet,
    embeddings: FloatArray,
    prior: FloatArray,
    *,
    top: int,
    expectations: Expectations | None = None,
    counter: RiseCounter | None = None,
) -> DeviceRows:
    """Decodes all sketches of a fleet, a block of devices at a time.

    Args:
        fleet: the sketches.
        embeddings: (m, 384) centred unit rows.
        prior: the collective prior, (m,), sums to 1.
        top: titles kept of each sketch.
        expectations: of the same fleet, for the second decoding.
        counter: of the same fleet, is given every decoded sketch.

    Raises:
        OmegaError: INVALID_FIELD when a shape or bound is broken.
    """
    rates, counts = fleet.success_rates, fleet.sample_counts
    parts = []
    start = 0
    while start < len(fleet):
        enough = np.searchsorted(fleet.starts, fleet.starts[start] + _SKETCHES)
        stop = min(max(int(enough), start + 1), len(fleet))
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
        if counter is not None:
            counter.add(start, first, sizes, posterior)
        parts.append(device_rows(posterior, sizes, rates[first:last], counts[first:last]))
        start = stop
    return DeviceRows.join(parts)

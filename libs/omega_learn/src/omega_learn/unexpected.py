"""What a frozen prior cannot see: titles that arrive now and were all but impossible before.

Between two refreshes a sketch of a title that nobody had reads as its nearest known title. Read
with a prior of what arrived lately alone, it shows.
"""

from __future__ import annotations

import numpy as np

from omega_core.vectors import FloatArray
from omega_learn.arrays import Int32Array
from omega_learn.config import LearnConfig
from omega_learn.decode import decode
from omega_learn.fleet import Fleet, at_most
from omega_learn.prior import estimate_prior
from omega_learn.rows import device_rows
from omega_learn.statistics import count_support

RARE = 0.1
"""Part of an even share below which the prior takes a title for impossible."""
RATIO = 10.0
"""Times by which its share among late sketches exceeds what the prior expects."""
SHARE = 0.01
"""Least share of the devices that pushed of late behind such a title: fewer are found by chance."""


def unexpected(
    fleet: Fleet, embeddings: FloatArray, prior: FloatArray, config: LearnConfig
) -> Int32Array:
    """Titles of late sketches that a refresh would see and this prior does not, ascending.

    Late is what arrived within the longest window of a trend; of more than config.prior_sample such
    sketches that many are drawn.

    Args:
        fleet: devices of which something arrived.
        embeddings: (m, 384) centred unit rows.
        prior: the frozen one, (m,).
        config: how the round learns.
    """
    late = np.flatnonzero(fleet.ages < config.trends.windows[-1])
    if not len(late):
        return np.zeros(0, np.int32)
    late = at_most(late, config.prior_sample, config.seed)
    sizes = np.diff(np.searchsorted(late, fleet.starts))
    sketches, sigmas = fleet.picked(late)
    own = estimate_prior(sketches, embeddings, sigmas, steps=config.prior_steps)
    posterior = decode(sketches, embeddings, own, sigmas, top=config.top)
    rows = device_rows(posterior, sizes, fleet.success_rates[late], fleet.sample_counts[late])
    behind = count_support(rows, len(prior))
    least = max(config.min_title_devices, SHARE * int((sizes > 0).sum()))
    unseen = (prior < RARE / len(prior)) & (own >= RATIO * prior)
    return np.flatnonzero(unseen & (behind >= least)).astype(np.int32)

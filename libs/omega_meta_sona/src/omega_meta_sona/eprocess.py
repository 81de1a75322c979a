"""Evidence that grows with every viewing and may be looked at whenever one likes."""

from __future__ import annotations

import math
from dataclasses import replace

from omega_core.tuning import Watch

LIMIT = 0.25
"""Differences of gain beyond it count as it, so that no single viewing decides."""
_MOST_STAKE = 0.5
_PRIOR_EVENTS, _PRIOR_SQUARE = 4.0, 0.1


def after(watch: Watch, difference: float, seq: int) -> Watch:
    """`watch` after one more viewing.

    A test by betting (Waudby-Smith & Ramdas 2023): wealth grows by the factor 1 - stake x d, where
    d is the difference of gain between the setting and its parent over LIMIT and the stake was set
    before the viewing (their approximate GRAPA rule, cut to 0 to 1/2). Where the setting is no
    worse than its parent, d has mean 0 or more whatever came before, the wealth is a
    supermartingale of mean at most 1, and it ever reaches 1 / alpha with a chance of at most alpha
    (Ville 1939), however often one looks.

    Args:
        watch: so far.
        difference: gain under the setting less gain under its parent, -1 to 1.
        seq: order of arrival of the viewing; one that is not above watch.seq changes nothing.
    """
    if seq <= watch.seq:
        return watch
    d = min(max(difference / LIMIT, -1.0), 1.0)
    evidence = watch.log_evidence + math.log1p(-_stake(watch) * d)
    events = watch.events + 1
    return replace(
        watch,
        events=events,
        log_evidence=evidence,
        peak=max(watch.peak, evidence),
        effect=watch.effect + (d * LIMIT - watch.effect) / events,
        spread=watch.spread + (d * LIMIT) ** 2,
        seq=seq,
    )


def loses(watch: Watch, alpha: float) -> bool:
    """Whether the evidence against the setting ever reached 1 / alpha."""
    return watch.peak >= -math.log(alpha)


def _stake(watch: Watch) -> float:
    """Share of the wealth that is bet on a loss: mean loss / mean square, from the past alone."""
    weight = watch.events + _PRIOR_EVENTS
    mean = -watch.effect * watch.events / (LIMIT * weight)
    square = (watch.spread / LIMIT**2 + _PRIOR_EVENTS * _PRIOR_SQUARE) / weight
    return min(max(mean / square, 0.0), _MOST_STAKE)

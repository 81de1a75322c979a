"""Threshold reports in a round: counted before it reads, then added to what sketches say.

All of it is at the home shard, whose leader does it. What opens is used from the next refresh on.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from omega_core import spans
from omega_delta import CataloguePack
from omega_federation_worker import metering
from omega_federation_worker.plan import Plan
from omega_learn import LearnConfig, OpenedPairs, opened_pairs
from omega_store import Connection, threshold_counts
from omega_store.errors import translated
from omega_store.metering import operation
from omega_store.threshold_counts import Collected
from omega_threshold import title_key

_log = logging.getLogger(__name__)
_MARGIN = timedelta(hours=1)
"""How long after its end an epoch is kept. Tokens that were spent are forgotten with it, so no
server whose clock is behind this one's may take any by then."""


def collect(leader: Connection, plan: Plan, now: datetime) -> Collected:
    """Counts the reports that came in, and forgets what is over.

    Args:
        leader: the connection that holds the leader's lock, in autocommit mode.
        plan: when epochs close.
        now: the present instant.

    Raises:
        OmegaError: STORAGE_UNAVAILABLE or STORAGE_FULL. What was counted by then stays counted.
    """
    with spans.span("open"), operation("open reports"), translated():
        done = threshold_counts.collect(leader, plan.schedule.open(now - _MARGIN).start)
    metering.collected(done)
    if done != Collected():
        _log.info("threshold reports: %s", done)
    return done


def beside(conn: Connection, config: LearnConfig) -> bool:
    """Whether pairs teach beside sketches: any is open, and what is given out carries no noise.

    How much of what is open one household brought is not known, so no noise would cover it.
    """
    return not config.dp_mu and threshold_counts.any_pairs(conn)


def read(conn: Connection, catalogue: CataloguePack) -> OpenedPairs:
    """What is open, by rows of a catalogue; call it in Store.snapshot() of the home shard."""
    keys = [title_key(content.content_id) for content in catalogue.contents]
    return opened_pairs(threshold_counts.pairs(conn), keys)

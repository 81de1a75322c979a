"""Rounds published by hand, as the federation worker would."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from omega_store import RoundResult, Store, leadership, publish_round, resources, rounds, states
from omega_store.resources import ResourceKind
from omega_store.rounds import RoundFigures
from omega_store.states import Pattern
from omega_store.trends import TrendList
from omega_testing.fleet import MODEL, NOW


def publish(
    store: Store,
    changed: Sequence[Pattern] = (),
    removed: Sequence[int] = (),
    *,
    factors: bytes = b"",
    model_version: str = MODEL,
    trends: TrendList | None = None,
    erasures: Sequence[int] = (),
    withdraws_factors: bool = False,
) -> RoundFigures:
    """Runs and publishes a round with this result at NOW; returns its figures."""
    with leadership(store) as conn:
        begun = rounds.begin(conn, str(uuid.uuid4()), NOW)
        following = resources.following_version(conn, ResourceKind.FACTORS)
        result = RoundResult(
            round_id=begun.round_id,
            model_version=model_version,
            state_version=states.current(conn).version + 1,
            changed=changed,
            removed=removed,
            factors_version=following if factors else 0,
            factors=factors,
            figures=RoundFigures(devices=5, sketches=50, supported_titles=7),
            trends=trends,
            erasures=erasures,
            withdraws_factors=withdraws_factors,
        )
        return publish_round(conn, result, NOW)

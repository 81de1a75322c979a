"""Three shards give what one shard with all their devices gives."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
from tests.federation.fleet.conftest import NAMES, REGIONS, FleetOfThree, await_round, newest, run

from omega_delta import FactorPack, decode_factors
from omega_store import Store, kept, resources, states, trends
from omega_store.resources import ResourceKind
from omega_store.rounds import RoundFigures, RoundStatus, ShardOutcome


def factors(store: Store) -> FactorPack:
    with store.snapshot() as conn:
        version = resources.newest_version(conn, ResourceKind.FACTORS)
        return decode_factors(resources.read(conn, ResourceKind.FACTORS, version, 0, 1 << 26))


def patterns(store: Store) -> list[states.Pattern]:
    with store.snapshot() as conn:
        return states.patterns(conn)


def rising(store: Store) -> dict[str, dict[int, float]]:
    with store.snapshot() as conn:
        found = trends.current(conn).by_region
    return {region: dict(titles) for region, titles in found.items()}


def assert_same_result(one: Store, other: Store) -> None:
    """The same titles, patterns, scores and trends, up to rounding."""
    a, b = factors(one), factors(other)
    np.testing.assert_array_equal(a.ordinals, b.ordinals)
    assert len(a.ordinals) > 10
    scores = [(p.factors * p.steps) @ (p.factors * p.steps).T * p.gains for p in (a, b)]
    np.testing.assert_allclose(scores[0], scores[1], atol=1e-3)
    np.testing.assert_allclose(a.prior, b.prior, atol=1e-6)
    mine, theirs = patterns(one), patterns(other)
    assert len(mine) == len(theirs) > 0
    for x, y in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(x.embedding, y.embedding, atol=1e-3)
        assert x.device_count_floor == y.device_count_floor
        assert abs(x.success_rate - y.success_rate) < 1e-5
        assert abs(x.weight - y.weight) < 1e-5


def assert_same_trends(one: dict[str, dict[int, float]], two: dict[str, dict[int, float]]) -> None:
    assert one.keys() == two.keys()
    for region, titles in one.items():
        assert titles.keys() == two[region].keys()
        for ordinal, score in titles.items():
            # The two rounds ran some seconds apart, and scores fade.
            assert abs(score - two[region][ordinal]) < 0.01


def counted(figures: RoundFigures) -> RoundFigures:
    """What has to be equal to the last device."""
    return replace(figures, pattern_shift=0, quality=0)


def test_a_refresh_and_a_step_over_three_shards_are_those_of_one(three: FleetOfThree) -> None:
    whole = run(three.whole, three.alone())
    found = run(three.home, three.environ())
    assert (whole.status, found.status) == (RoundStatus.SUCCEEDED, RoundStatus.SUCCEEDED)
    assert found.figures.refreshed
    assert counted(found.figures) == counted(whole.figures)
    assert found.figures.devices == 36
    assert [(s.shard, s.region, s.outcome, s.devices) for s in found.shards] == [
        (name, REGIONS[name], ShardOutcome.INCLUDED, 12) for name in NAMES
    ]
    assert sum(share.sketches for share in found.shards) == found.figures.sketches
    assert_same_result(three.home, three.whole)

    # Title 29 is new in the north; the round between two refreshes decodes what came.
    now = datetime.now(UTC)
    with three.whole.statements() as conn:
        rows = conn.execute(
            "SELECT device_id FROM devices WHERE region = 'north' ORDER BY device_id"
        )
        north = [device_id for (device_id,) in rows]
    for n, device_id in enumerate(north[:15]):
        three.push(device_id, [29], seed=900 + n, at=now)
    for store in (three.whole, three.home):
        with store.transaction() as conn:
            conn.execute("UPDATE rounds SET started_at = %s", (now - timedelta(hours=9),))
    whole = run(three.whole, three.alone())
    found = run(three.home, three.environ())
    assert (found.status, found.figures.refreshed) == (RoundStatus.SUCCEEDED, False)
    assert counted(found.figures) == counted(whole.figures)
    assert found.figures.decoded == 15 * 13
    assert_same_result(three.home, three.whole)
    assert 29 in rising(three.whole)["north"]
    assert_same_trends(rising(three.home), rising(three.whole))
    with three.home.snapshot() as conn:
        left = [conn.execute(f"SELECT count(*) FROM {t}").fetchone() for t in _TABLES]  # noqa: S608 - fixed below
        mine = kept.decoder(conn)
    assert left == [(0,), (0,)]
    for store in three.shards.values():
        with store.snapshot() as conn:
            assert kept.decoder(conn) == mine
            assert len(list(kept.iterate(conn))) == 12
    assert newest(three.home) == await_round(three.home)


_TABLES = ("round_plans", "round_parts")

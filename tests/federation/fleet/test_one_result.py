"""Three shards give what one shard with all their devices gives."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tests.federation.fleet.conftest import NAMES, REGIONS, FleetOfThree, await_round, newest, run

from omega_store import Store, kept, trends
from omega_store.rounds import RoundFigures, RoundStatus, ShardOutcome
from omega_testing.one_result import differences


def rising(store: Store) -> dict[str, dict[int, float]]:
    with store.snapshot() as conn:
        found = trends.current(conn).by_region
    return {region: dict(titles) for region, titles in found.items()}


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
    assert differences(three.home, three.whole) == []

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
    assert differences(three.home, three.whole) == []
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

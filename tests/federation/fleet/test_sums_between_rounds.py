"""Between rounds shards count what came, and regions merge what their shards counted."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.federation.fleet.conftest import FleetOfThree, await_true, run, worker

from omega_federation_worker import wire
from omega_learn import Sums
from omega_store import current_sums
from omega_store.current_sums import CurrentSums
from omega_testing.processes import ServiceProcess


def shard_sums(three: FleetOfThree, region: str) -> list[CurrentSums]:
    with three.home.statements() as conn:
        return current_sums.of_shards(conn, region)


def region_sums(three: FleetOfThree, region: str) -> CurrentSums | None:
    with three.home.statements() as conn:
        return current_sums.of_region(conn, region)


def test_what_came_is_decoded_and_counted_before_the_next_round(three: FleetOfThree) -> None:
    run(three.home, three.environ())
    three.add(6, region="north", at=datetime.now(UTC))
    environ = three.environ(SUMS_SECONDS="0.3", REGIONS_SECONDS="0.3")
    with worker(environ):
        await_true(
            lambda: (
                [r and r.devices for r in (region_sums(three, n) for n in ("eu", "us"))] == [28, 14]
            ),
            "the sums of both regions",
        )
    [a, b], [c] = shard_sums(three, "eu"), shard_sums(three, "us")
    assert [each.devices for each in (a, b, c)] == [14, 14, 14]
    merged = region_sums(three, "eu")
    assert merged is not None
    assert (merged.devices, merged.sketches) == (28, 28 * 12)
    assert merged.made_at <= min(a.made_at, b.made_at)
    support = [Sums.of(wire.unpack(each.body))["support"] for each in (a, b, merged)]
    assert (support[0] + support[1]).tolist() == support[2].tolist()
    # What was counted needs no decoding in the round.
    assert run(three.home, three.environ()).figures.decoded == 0


def test_without_a_refresh_there_is_nothing_to_count_with(three: FleetOfThree) -> None:
    environ = three.environ(SUMS_SECONDS="0.1", REGIONS_SECONDS="0.1", COPY_SECONDS="0.1")
    with ServiceProcess(["omega-federation-worker"], environ) as process:
        assert process.serving()
    assert shard_sums(three, "eu") == []
    assert region_sums(three, "eu") is None

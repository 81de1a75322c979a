"""The capacity model's arithmetic, by examples that were reckoned by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_cli.capacity.inputs import Assumptions, Costs, Prices
from omega_cli.capacity.model import (
    Scenario,
    bill,
    exchanges_day,
    load,
    needs,
    shard_bytes,
)
from omega_core.errors import OmegaError

COSTS = Costs(
    stream_sync_us=200,
    stream_constellation_us=100,
    stream_postgres_us=200,
    proof_sync_us=1_000,
    proof_constellation_us=200,
    proof_postgres_us=300,
    enrolment_us=4_000,
    stream_kb=100,
    gateway_mb=100,
    constellation_mb=200,
    exchange_up_bytes=200,
    exchange_down_bytes=1_000,
    resources_day_bytes=100_000,
    device_row_bytes=500,
    push_row_bytes=400,
    kept_row_bytes=1_000,
    refresh_device_us=9_000,
    step_device_us=10,
    worker_mb=1_000,
)
ASSUMED = Assumptions(
    hours_on=4,
    networked_share=0.5,
    wake_minutes=60,
    pushes_day=2,
    peak_factor=3,
    sync_seconds=600,
    round_seconds=60,
    refresh_hours=24,
    devices_shard=4e6,
    postgres_copies=3,
    zones=3,
    headroom=0.5,
    retention_days=100,
    storage_margin=1.5,
    cached_share=0.1,
    streams_process=10_000,
    node_vcpus=16,
    node_gib=64,
)
PRICES = Prices(vcpu_hour=0.03, gib_hour=0.004, ssd_gib_month=0.1, egress_gib=0.02)
FLEET = Scenario("example", tvs=8e6, concurrent=4e6)


def test_exchanges_of_a_day() -> None:
    """4 h on are 24 exchanges; of 20 h off half of the TVs wake each hour: 10."""
    assert exchanges_day(4, ASSUMED) == pytest.approx(34)


def test_load() -> None:
    """4 M at once are 4/3 M on average: of 8 M, 4 h each."""
    found = load(FLEET, COSTS, ASSUMED)
    assert found.hours_on == pytest.approx(4)
    assert found.exchanges_device_day == pytest.approx(34)
    assert found.exchanges_s == pytest.approx(8e6 * 34 / 86_400)
    # 4 M / 600 s, and half of the other 4 M once an hour.
    assert found.peak_exchanges_s == pytest.approx(6_666.67 + 555.56, abs=0.01)
    assert found.up_device_day == pytest.approx(6_800)
    assert found.down_device_day == pytest.approx(134_000)
    # 7,222 a second of 1,000 bytes, and 8 M x 100 kB over the day.
    assert found.peak_gbit_s == pytest.approx((7_222_222 + 9_259_259) * 8 / 1e9, abs=1e-4)


def test_servers() -> None:
    found = needs(FLEET, COSTS, ASSUMED)
    assert found.shards == 2
    # 7,222 a second x 200 us = 1.44 cores; half used, one zone of three lost: x 3 = 4.3.
    # Streams: 4 M x 1.5 / 10,000 = 600 processes, which is more.
    assert found.gateway_processes == 600
    assert found.gateway_gib == pytest.approx((600 * 100e6 + 6e6 * 100e3) / 2**30)
    # 7,222 x 100 us x 3 = 2.2 cores: two a shard at least.
    assert found.constellation_cores == 4
    # 7,222 x 200 us / .5 = 2.9 cores of two primaries: 2 each, in three copies.
    assert found.postgres_cores == 12
    # 4 M devices: 1,440 steps of 40 s and a refresh of 36,000 s are 93,600 s a day: at half use 3.
    assert found.worker_cores == 6
    assert found.refresh_hours == pytest.approx(10)
    # 500 + 1,000 + 200 pushes of 400 bytes.
    assert shard_bytes(4e6, COSTS, ASSUMED) == pytest.approx(4e6 * 81_500)
    assert found.storage_gib == pytest.approx(2 * 3 * 4e6 * 81_500 * 1.5 / 2**30)
    assert found.postgres_gib == pytest.approx(6 * (4e6 * 81_500 * 0.1 / 2**30 + 1))
    assert found.cores == 622
    assert found.servers == 39


def test_bill() -> None:
    found = needs(FLEET, COSTS, ASSUMED)
    paid = bill(FLEET, found, ASSUMED, PRICES)
    assert paid.processors == pytest.approx(39 * 730 * 16 * 0.03)
    assert paid.memory == pytest.approx(39 * 730 * 64 * 0.004)
    assert paid.storage == pytest.approx(found.storage_gib * 0.1)
    # 8 M TVs, 134 kB a day, 30.4 days.
    assert paid.egress == pytest.approx(8e6 * 134_000 * 730 / 24 / 2**30 * 0.02)
    assert paid.tv_month == pytest.approx(paid.month / 8e6)


def test_memory_decides_where_it_is_more() -> None:
    found = needs(FLEET, replace(COSTS, stream_kb=1_000), ASSUMED)
    assert found.servers > 39
    assert found.servers == pytest.approx(found.gib / 64, abs=1)


@given(
    tvs=st.floats(1e3, 1e9),
    share=st.floats(0, 1),
    more=st.floats(1, 10),
)
def test_more_tvs_never_need_less(tvs: float, share: float, more: float) -> None:
    small = needs(Scenario("", tvs, tvs * share), COSTS, ASSUMED)
    large = needs(Scenario("", tvs * more, tvs * share * more), COSTS, ASSUMED)
    assert large.cores >= small.cores
    assert large.servers >= small.servers
    assert large.storage_gib >= small.storage_gib * 0.999


@given(zones=st.integers(2, 9), headroom=st.floats(0.1, 1))
def test_a_reserve_is_never_free(zones: int, headroom: float) -> None:
    bare = replace(ASSUMED, zones=1, headroom=1)
    kept = replace(ASSUMED, zones=zones, headroom=headroom)
    assert needs(FLEET, COSTS, kept).cores >= needs(FLEET, COSTS, bare).cores


@pytest.mark.parametrize(("tvs", "concurrent"), [(0, 0), (10, 11), (1e11, 0), (10, -1)])
def test_scenarios_have_bounds(tvs: float, concurrent: float) -> None:
    with pytest.raises(OmegaError):
        Scenario("", tvs, concurrent)

"""The original's sums do not hold by its own inputs; each is reckoned again here by hand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from omega_cli.capacity import claims, report
from omega_cli.capacity.inputs import Assumptions, Costs, Inputs, Prices

PAGE = Path(__file__).resolve().parents[2] / "docs" / "claims.md"


def test_a_fleet_that_is_always_on_asks_a_million_times_a_second() -> None:
    often, seldom = claims.sync_interval_s()
    assert often == pytest.approx(1_333_333, abs=1)
    assert seldom == pytest.approx(444_444, abs=1)


def test_ten_kilobytes_an_hour_are_24_to_72() -> None:
    assert claims.bytes_hour() == (24_000, 72_000)


def test_four_gigabytes_a_minute_are_213() -> None:
    pushes, pulls = claims.bytes_minute()
    assert pushes == 80e9
    assert pulls == pytest.approx(133.3e9, rel=1e-3)
    assert claims.fleet_bytes_hour() == pytest.approx(12.8e12)
    assert claims.fleet_bytes_hour() > 50 * 240e9


def test_240_gigabytes_an_hour_are_no_petabytes_a_month() -> None:
    assert claims.month_bytes(240e9) == pytest.approx(0.1752e15)
    assert claims.month_dollars(claims.month_bytes(240e9)) == pytest.approx(3_504)
    true = claims.month_bytes(claims.fleet_bytes_hour())
    assert true == pytest.approx(9.344e15)
    assert claims.month_dollars(true) == pytest.approx(186_880)


def test_ten_gigabytes_a_minute_cost_nine_times_as_much() -> None:
    assert claims.month_bytes(600e9) == pytest.approx(438e12)
    assert claims.month_dollars(claims.month_bytes(600e9)) == pytest.approx(8_760)


def test_heartbeats_were_right() -> None:
    assert claims.heartbeats_minute() == 640e6


def test_four_shards_are_16_million() -> None:
    assert claims.tvs_of(4) == 16e6
    assert claims.tvs_of(100) == claims.TVS


def test_a_user_costs_a_thousandth_of_what_was_said() -> None:
    assert claims.dollars_tv(530e3) == pytest.approx(0.001325)
    assert 1.33 / claims.dollars_tv(530e3) == pytest.approx(1_004, abs=1)
    assert claims.dollars_tv(2e6) == 0.005
    assert claims.dollars_tv(5e6) == 0.0125


def test_every_row_of_the_fleet_is_reckoned_again() -> None:
    found = report.reckon(Inputs.read(Costs), Inputs.read(Assumptions), Inputs.read(Prices)).claims
    assert [c.row for c in found] == [*(f"A{n}" for n in range(14, 25)), "B19", "B20"]
    assert all(c.claimed and c.gives and c.ours for c in found)


def test_the_page_says_what_the_sums_say() -> None:
    rows = dict(re.findall(r"^\| (A\d+) \|(.*)$", PAGE.read_text("utf-8"), re.MULTILINE))
    for row, texts in {
        "A15": ("24 to 72 KB",),
        "A16": ("80 and 133 GB", "12.8 TB"),
        "A17": ("0.18 PB", "$3.5 K", "9.3 PB", "$187 K"),
        "A18": ("438 TB", "$8.8 K"),
        "A21": ("16 M",),
        "A24": ("$0.0013",),
    }.items():
        assert all(text in rows[row] for text in texts), row

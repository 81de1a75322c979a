"""docs/memory.md says what the code holds to."""

from __future__ import annotations

import importlib
import re
from datetime import timedelta
from pathlib import Path

from omega_core.memory import Tier
from omega_memory import MemoryConfig
from omega_memory.tiers import ROWS
from omega_testing.documents import Row, table_rows

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "memory.md").read_text("utf-8")
UNITS = {"s": timedelta(seconds=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


def rows(column: str) -> list[Row]:
    return [row for row in table_rows(PAGE) if column in row.cells]


def test_the_numbers_of_each_tier_are_those_of_the_code() -> None:
    said = rows("capacity")
    assert [row.cells["tier"] for row in said] == [f"{t:d} `{t.name.lower()}`" for t in Tier]
    for tier, row in zip(Tier, said, strict=True):
        rule = MemoryConfig().rule(tier)
        assert float(row.cells["threshold"]) == rule.threshold
        assert int(row.cells["capacity"].replace(",", "")) == rule.capacity
        assert _retention(row.cells["retention"]) == rule.retention
        assert (row.cells["where it is"] == "table `memories`") is (tier in ROWS)


def test_every_tier_says_who_writes_who_reads_and_what_erasing_does() -> None:
    names = [f"`{tier.name.lower()}`" for tier in Tier]
    for column in ("written by", "read by", "ClearData", "a profile is deleted"):
        said = rows(column)
        assert [row.cells["tier"] for row in said] == names
        assert all(row.cells[column] for row in said)


def test_every_function_that_is_named_exists() -> None:
    named = set(re.findall(r"`([a-z]+)\.([a-z_]+)`", PAGE))
    assert len(named) >= 15
    for module, function in named:
        assert hasattr(importlib.import_module(f"omega_memory.{module}"), function), function
    for path in re.findall(r"`((?:libs|tools)/[^`]*)`", PAGE):
        assert (ROOT / path).exists()


def _retention(said: str) -> timedelta | None:
    if said == "for ever":
        return None
    count, unit = said.split()
    return int(count.replace(",", "")) * UNITS[unit]

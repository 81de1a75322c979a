"""docs/features.md has every row of the original, and its claims rest on tests that exist."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from omega_testing.documents import Row
from omega_testing.sources import parse

ROOT = Path(__file__).resolve().parents[2]
PAGE = "features.md"
COUNTS = {
    "CORE-": 14,
    "ADB-": 16,
    "TIER-": 12,
    "MEM-": 16,
    "TV-LOOP-": 7,
    "LOOP-": 7,
    "RT-": 14,
    "PERS-": 12,
    "SONA-": 9,
    "BR-": 32,
    "SY-": 21,
    "SDK-": 23,
    "CO-": 34,
    "PR-": 11,
    "PG-": 9,
    "SV-": 24,
    "TO-": 8,
    "DK-": 9,
    "K8-": 22,
    "HL-": 7,
    "TE-": 11,
    "A": 36,
}
"""Rows of the original by what their ids begin with; each counts from 1."""
_TEST = re.compile(r"`(tests/[^`]*)`")


@pytest.fixture(scope="module")
def rows(table: Callable[..., list[Row]]) -> list[Row]:
    return table(PAGE, "state")


def test_every_row_is_there_once(rows: list[Row]) -> None:
    wanted = {f"{letters}{n}" for letters, most in COUNTS.items() for n in range(1, most + 1)}
    found = [row.cells["ID"] for row in rows]
    assert sorted(found) == sorted(wanted)


def test_every_row_says_where_it_stands(rows: list[Row]) -> None:
    for row in rows:
        assert row.cells["state"] in {"works", "replaced", "open"}, row.cells["ID"]
        if row.cells["state"] == "works":
            assert _TEST.search(row.cells["here"]), f"{row.cells['ID']} names no test"
        if row.cells["state"] == "replaced":
            assert row.cells["here"], f"{row.cells['ID']} does not say by what"


def test_the_contracts_of_the_original_are_all_answered(rows: list[Row]) -> None:
    contracts = [row for row in rows if row.heading.startswith("12.")]
    assert [row.cells["ID"] for row in contracts] == [f"PR-{n}" for n in range(1, 12)]
    assert {row.cells["state"] for row in contracts} <= {"works", "replaced"}
    assert all(_TEST.search(row.cells["here"]) for row in contracts)


def test_every_test_that_is_named_exists(rows: list[Row]) -> None:
    named = {name for row in rows for name in _TEST.findall(row.cells["here"])}
    assert named
    known: dict[str, set[str]] = {}
    for name in sorted(named):
        file, _, function = name.partition("::")
        if file not in known:
            path = ROOT / file
            assert path.is_file(), f"{file} is gone"
            found = (n.name for n in parse(path).body if isinstance(n, ast.FunctionDef))
            known[file] = set(found)
        assert function.startswith("test_"), f"{name} is no test"
        assert function in known[file], f"{name} is gone"


def test_no_row_refers_to_a_tracker() -> None:
    text = (ROOT / "docs" / PAGE).read_text("utf-8")
    assert not re.search(r"(?<![\w&])#\d", text)

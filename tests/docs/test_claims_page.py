"""docs/claims.md answers each figure of the original, and names commands that exist."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

from omega_cli import main as omega
from omega_testing.documents import Row

ROOT = Path(__file__).resolve().parents[2]
Table = Callable[..., list[Row]]


def test_every_claimed_figure_of_the_features_is_answered_in_order(table: Table) -> None:
    listed = [r.cells["ID"] for r in table("features.md", "state") if r.heading.startswith("A. ")]
    said = [row.cells["claim"] for row in table("claims.md", "shown by")]
    assert said == listed == [f"A{n}" for n in range(1, 37)]


def test_every_claim_says_what_it_rested_on_and_what_is_here(table: Table) -> None:
    for row in table("claims.md", "shown by"):
        assert all(row.cells[column] for column in ("it said", "it rested on", "here"))


def test_what_shows_a_figure_is_a_command(table: Table) -> None:
    commands = {point.name for point in entry_points(group=omega.GROUP)}
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    for row in table("claims.md", "shown by"):
        program, name, *_ = row.code("shown by")[0].split()
        assert name in {"omega": commands, "make": targets}[program], row.cells["claim"]

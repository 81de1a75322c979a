"""docs/ranking.md states each setting of the ranker, its default and where that comes from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

from omega_rank import RankConfig
from omega_testing.documents import Row


def test_every_setting_stands_there_with_its_default_and_source(
    table: Callable[..., list[Row]],
) -> None:
    rows = table("ranking.md", "rests on")
    said = {row.code("setting")[0]: float(row.cells["default"]) for row in rows}
    assert said == asdict(RankConfig())
    assert all(row.cells["rests on"] for row in rows)

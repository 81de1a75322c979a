"""What pairs teach and give away, over a small fleet and by the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from omega_cli.main import main
from omega_eval.quality import Study
from omega_eval.threshold.study import Plan, Point, measure
from omega_eval.world import World


@pytest.fixture(scope="module")
def points(small_world: World) -> list[Point]:
    return measure(Study(small_world), Plan((3,), (1, 28), mixed=True))


def test_pairs_teach_more_the_longer_they_are_reported(points: list[Point]) -> None:
    day, weeks, at_once, mixed = points
    assert [point.days for point in points] == [1, 28, None, 28]
    assert day.open < weeks.open <= at_once.open
    assert day.against_ease.value < weeks.against_ease.value
    assert weeks.against_ease.value > 0.8
    assert mixed.mixed
    assert mixed.against_ease.value > day.against_ease.value


def test_bytes_and_losses_are_told(points: list[Point]) -> None:
    day, weeks, at_once, mixed = points
    assert day.first_week == day.last_week == 9 * 406
    assert weeks.first_week <= 28_000
    assert weeks.first_week <= weeks.first_epoch <= 4_000 * 28
    assert (day.lost, at_once.lost) == (0, at_once.lost)
    assert mixed.reports < weeks.reports


def test_opened_counts_tell_an_attacker_more_than_nothing(points: list[Point]) -> None:
    at_once = points[2]
    five = at_once.plus_five
    assert five is not None
    assert five.reports.value >= five.popularity.value
    assert points[3].plus_five is None
    assert {point.nothing.liked.value for point in points[:3]} == {at_once.nothing.liked.value}


def run(data: Path, *more: str) -> int:
    folder = str(data)
    return main(["eval", "frontier", "--data", folder, "--cache-dir", folder, *more])


PAIRS = ("--sigma", "--thresholds", "2", "--days", "1,3", "--households", "3", "--proof-days", "1")


def test_the_command_prints_pairs_without_sketches(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(data, *PAIRS, "--json") == 0
    figures: dict[str, Any] = json.loads(capsys.readouterr().out)["figures"]
    assert not [name for name in figures if name.startswith("sigma")]
    assert figures["pairs_equal_by_cryptography"]["value"] == 1
    assert figures["pairs_equal_by_cryptography"]["beside"]["households"] == 3
    for when in ("1_days", "3_days", "all_at_once"):
        assert {"low", "high"} <= figures[f"pairs_t_2_{when}_ndcg_vs_ease"]["beside"].keys()
        assert figures[f"pairs_t_2_{when}_open"]["value"] > 0
        assert figures[f"pairs_t_2_{when}_household_bytes"]["beside"]["first week"] > 0


def test_the_command_says_whether_counting_is_the_cryptography(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "250")
    assert run(data, *PAIRS, "--mixed", "--order", "hash") == 0
    out = capsys.readouterr().out
    assert "equal count by count: yes" in out
    assert "t 2, 3 days, half sketch" in out


def test_pairs_stand_beside_sketches(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "250")
    more = ("--sigma", "9", "--thresholds", "2", "--days", "1", "--households", "0")
    assert run(data, *more) == 0
    out = capsys.readouterr().out
    assert "Noise, quality and what an attacker infers" in out
    assert "t 2, all at once" in out
    assert "cryptography" not in out


@pytest.mark.parametrize(
    ("flag", "value", "named"),
    [
        ("--thresholds", "1", "thresholds"),
        ("--thresholds", "2.5", "thresholds"),
        ("--days", "0", "days"),
        ("--days", "", "days"),
        ("--order", "alphabet", "order"),
        ("--households", "-1", "households"),
        ("--proof-days", "0", "proof-days"),
        ("--joining", "-1", "joining"),
    ],
)
def test_flags_out_of_bounds_are_refused_before_anything_is_read(
    flag: str, value: str, named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(Path("nowhere"), "--thresholds", "3", flag, value) == 1
    assert named in capsys.readouterr().err

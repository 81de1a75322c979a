"""`omega eval tuning` from a folder of MovieLens to a table."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from omega_cli.main import main

GENRES = ("Comedy", "Crime", "Drama", "Western")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """120 films, 24 users with 30 ratings each, all of them good."""
    rng = np.random.default_rng(1)
    folder = tmp_path / "ml"
    folder.mkdir()
    films = [f"{i},Film {i} ({1980 + i % 30}),{GENRES[i % 4]}" for i in range(1, 121)]
    ratings = [
        f"{user},{film},5.0,{1_000_000_000 + 86_400 * n}"
        for user in range(1, 25)
        for n, film in enumerate(rng.permutation(120)[:30] + 1)
    ]
    tables = {
        "movies.csv": ["movieId,title,genres", *films],
        "ratings.csv": ["userId,movieId,rating,timestamp", *ratings],
        "tags.csv": ["userId,movieId,tag,timestamp"],
    }
    for name, lines in tables.items():
        (folder / name).write_text("\n".join(lines) + "\n", "utf-8")
    return folder


def arguments(data: Path, *more: str) -> list[str]:
    return ["eval", "tuning", "--data", str(data), "--cache-dir", str(data), *more]


def test_one_object_for_machines(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(data, "--households", "4", "--json")) == 0
    shown = json.loads(capsys.readouterr().out)
    figures = shown["figures"]
    assert shown["bench"] == "tuning"
    assert figures["households"]["value"] == 4
    gain = figures["ndcg_at_10_gain"]
    assert gain["value"] == pytest.approx(gain["beside"]["tuned"] - gain["beside"]["shipped"])
    assert gain["beside"]["low"] <= gain["value"] <= gain["beside"]["high"]
    assert figures["false_adoption_rate"]["beside"]["stated"] == pytest.approx(0.0304, abs=1e-4)


def test_tables_for_people(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(data, "--households", "2")) == 0
    out = capsys.readouterr().out
    assert "NDCG@10, all" in out
    assert "false adoptions" in out
    assert "efficiency" in out


def test_a_folder_without_the_data_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments(tmp_path)) == 1
    assert "readable" in capsys.readouterr().err


def test_fewer_than_one_household_is_refused(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments(data, "--households", "0")) == 1
    assert "households must be" in capsys.readouterr().err

"""`omega eval attack` and `omega eval frontier` from a folder of MovieLens to figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from omega_cli.evals.attack_command import DEFAULT_SIGMA, PARTS
from omega_cli.main import main
from omega_eval.attacks.suite import Part
from omega_privacy import SketchPolicy


def shown(capsys: pytest.CaptureFixture[str], data: Path, what: str, *more: str) -> dict[str, Any]:
    folder = str(data)
    assert main(["eval", what, "--data", folder, "--cache-dir", folder, "--json", *more]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert found["bench"] == what
    return found["figures"]  # type: ignore[no-any-return]  # from JSON


def test_the_parts_are_those_of_the_suite() -> None:
    assert list(Part) == list(PARTS)
    assert SketchPolicy.default().sigma == DEFAULT_SIGMA


def test_each_attack_stands_beside_no_information(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = shown(capsys, data, "attack", "--sigma", "1")
    strict = figures["reid_strict"]
    assert strict["value"] > strict["beside"]["no information"]
    assert strict["beside"]["low"] <= strict["value"] <= strict["beside"]["high"]
    assert strict["goal"] == "<= 0.5"
    once = figures["averaging_each_title_once"]["value"]
    assert figures["averaging_memoised_noise_sent_10_times"]["value"] == once
    assert figures["field_request_id"]["goal"] == "<= 0.02"
    assert "nobody takes part" in figures["plus_five"]["beside"]
    chance = figures["linkage_a_new_identity_other_titles"]["beside"]["chance"]
    assert chance == pytest.approx(1 / 30)
    assert figures["membership_auc"]["beside"]["no information"] == 0.5
    assert figures["poison_rise_head"]["goal"] == "< 0.01"
    assert figures["poison_ndcg_flood"]["beside"]["finite"] == 1


def test_some_attacks_as_tables(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Wide enough that no name is broken over two lines.
    monkeypatch.setenv("COLUMNS", "200")
    more = ["--cache-dir", str(data), "--only", "reidentify", "linkage"]
    assert main(["eval", "attack", "--data", str(data), *more]) == 0
    out = capsys.readouterr().out
    assert "without information" in out
    assert "Linkage" in out
    assert "Poisoning" not in out


def test_the_frontier_is_figures_and_a_plot(
    data: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    plot = tmp_path / "frontier.svg"
    figures = shown(capsys, data, "frontier", "--sigma", "1", "9", "--plot", str(plot))
    clear, noisy = (figures[f"sigma_{sigma}_reid_strict"]["value"] for sigma in (1, 9))
    assert clear > noisy
    assert figures["sigma_1_ndcg_vs_ease"]["beside"].keys() == {"low", "high"}
    assert plot.read_text("utf-8").lstrip().startswith("<?xml")


def test_a_sigma_out_of_bounds_is_refused(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", "attack", "--data", str(data), "--sigma", "0.1"]) == 1
    assert "sigma" in capsys.readouterr().err

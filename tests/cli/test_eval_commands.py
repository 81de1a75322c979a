"""`omega eval` on a made-up year, from the folder to the figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from omega_cli.evals import quality
from omega_cli.main import main

HOUSEHOLDS = 40


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("year")
    arguments = ["--households", str(HOUSEHOLDS), "--seed", "5"]
    assert main(["eval", "generate", "--out", str(folder), *arguments]) == 0
    return folder


def evaluate(data: Path, study: str, *more: str) -> int:
    # A folder without a model: the lexical encoder embeds, and keeps its vectors here.
    return main(["eval", study, "--data", str(data), "--cache-dir", str(data / "cache"), *more])


def figures(capsys: pytest.CaptureFixture[str], bench: str) -> dict[str, Any]:
    shown = json.loads(capsys.readouterr().out)
    assert shown["bench"] == bench
    found: dict[str, Any] = shown["figures"]
    for figure in found.values():
        assert set(figure) == {"value", "unit", "goal", "beside"}
    return found


def test_quality_for_machines(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    policies = ["--policies", "sketches-3,sketches-4.5,receive-only", "--contributors", "0.5"]
    assert evaluate(data, "quality", "--json", *policies) == 0
    found = figures(capsys, "quality")
    assert found["ndcg_vs_ease"]["value"] == found["ndcg_vs_ease_sketches_4_5"]["value"]
    assert found["ndcg_vs_ease"]["goal"] == ">= .90"
    assert found["ndcg_vs_popularity"]["goal"] == ">= 1.5"
    assert found["ndcg_vs_ease_ease"]["value"] == 1
    for name in (
        "popularity",
        "itemknn",
        "user_knn",
        "implicit_als",
        "ease",
        "local_only",
        "sketches_3",
        "sketches_4_5",
        "receive_only",
        "receive_only_50_percent_contribute",
    ):
        ratio, ndcg = found[f"ndcg_vs_ease_{name}"], found[f"ndcg_at_10_{name}"]
        assert ratio["beside"]["low"] <= ratio["value"] <= ratio["beside"]["high"]
        assert 0 < ndcg["value"] < 1
        assert ndcg["beside"]["households"] <= HOUSEHOLDS
    assert 0 < found["push_bytes_sketches_4_5"]["beside"]["longest message"] <= 1_024
    assert list((data / "cache" / "bench").glob("lexical*.npy"))


def test_quality_for_people_and_as_a_picture(
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Wide enough that no name is broken over two lines.
    monkeypatch.setenv("COLUMNS", "200")
    picture = tmp_path / "quality.png"
    arguments = ["--policies", "sketches-4", "--level", "val"]
    assert evaluate(data, "quality", *arguments, "--plot", str(picture)) == 0
    shown = capsys.readouterr()
    assert "made-up households" in " ".join(shown.out.split())
    assert "sketches" in shown.out
    assert "sketches-4: messages and round" in " ".join(shown.err.split())
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_picture_that_cannot_be_drawn_is_refused_first(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert evaluate(data, "quality", "--plot", "here.pdf") == 1
    assert "ends in .png or .svg" in capsys.readouterr().err
    assert evaluate(data, "quality", "--plot", "nowhere/here.png") == 1
    assert "in a folder that is there" in capsys.readouterr().err
    monkeypatch.setattr(quality, "find_spec", lambda _: None)
    assert evaluate(data, "quality", "--plot", "here.png") == 1
    assert "left out without matplotlib" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--policies", "sketches-5,nothing"], "policies must be of the kinds"),
        (["--contributors", "some"], "contributors must be numbers"),
        (["--contributors", "0.5,1.5"], "contributors must be between"),
    ],
)
def test_a_wrong_flag_is_refused_before_anything_is_read(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(tmp_path / "nowhere", "quality", *arguments) == 1
    assert message in capsys.readouterr().err


def test_a_folder_without_data_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(tmp_path, "quality") == 1
    assert "readable folder with viewings.csv" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("study", "arguments", "names"),
    [
        ("cold", ["--policy", "sketches-3"], {"cold_titles", "ndcg_vs_blend_content_alone"}),
        ("global-time", [], {"never_liked_before", "ndcg_vs_ease_sketches_4_5"}),
        (
            "ablation",
            ["--policy", "sketches-3"],
            {"patterns_bytes", "ndcg_vs_ease_without_collaborative"},
        ),
        (
            "fleet",
            ["--devices", "60", "--sigmas", "4"],
            {"devices", "ndcg_vs_ease_sketches_4"},
        ),
    ],
)
def test_the_other_studies(
    study: str,
    arguments: list[str],
    names: set[str],
    data: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert evaluate(data, study, *arguments, "--json") == 0
    assert names <= set(figures(capsys, study))
    assert evaluate(data, study, *arguments) == 0
    assert "NDCG@10" in capsys.readouterr().out


def test_the_emulation_is_said_to_be_one(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate(data, "fleet", "--devices", "30", "--sigmas", "5") == 0
    assert "The fleet is emulated" in capsys.readouterr().out
    assert evaluate(data, "fleet", "--devices", "1") == 1
    assert "devices must be between" in capsys.readouterr().err

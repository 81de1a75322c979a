import argparse
import json
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from omega_core.errors import ErrorCode, OmegaError
from omega_embed.cli import show
from omega_embed.install import install_model


def _run(*arguments: str) -> int:
    parser = argparse.ArgumentParser("omega")
    (point,) = entry_points(group="omega.commands", name="model")
    point.load()(parser.add_subparsers(required=True))
    parsed = parser.parse_args(["model", "install", *arguments])
    code: int = parsed.run(parsed)
    return code


def test_json_carries_the_figures(copied_cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("--cache-dir", str(copied_cache), "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["already_installed"] is True
    assert shown["model_version"] == "all-MiniLM-L6-v2-int8-r1"
    assert shown["fidelity"]["sentences"] == 200
    assert shown["fidelity"]["mean_cosine"] >= 0.985
    assert sum(file["size"] for file in shown["files"].values()) <= 25_000_000


def test_a_first_install_shows_a_table_and_a_second_a_line(
    copied_cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run("--cache-dir", str(copied_cache)) == 0
    line = capsys.readouterr().out
    assert "all-MiniLM-L6-v2-int8-r1 is installed: mean cosine 0.99" in line
    show(replace(install_model(copied_cache), already_installed=False))
    table = capsys.readouterr().out
    for part in ("all-MiniLM-L6-v2-int8-r1", "mean cosine", "model.onnx", "SHA-256"):
        assert part in table


def test_the_environment_names_the_cache(
    copied_cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OMEGA_CACHE_DIR", str(copied_cache))
    assert _run("--json") == 0
    assert json.loads(capsys.readouterr().out)["directory"].startswith(str(copied_cache))


def test_a_refused_install_is_an_error_of_the_catalogue(tmp_path: Path) -> None:
    with pytest.raises(OmegaError) as caught:
        _run("--cache-dir", str(tmp_path), "--wheel", str(tmp_path / "absent.whl"))
    assert caught.value.code is ErrorCode.MODEL_REFUSED

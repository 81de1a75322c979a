"""`omega content import` against a real constellation."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from omega_cli.main import main
from omega_client import ConstellationClient

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample" / "titles.jsonl"
TITLES = 30


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "titles.jsonl"
    lines = SAMPLE.read_text("utf-8").splitlines(keepends=True)[:TITLES]
    path.write_text("".join(lines), "utf-8")
    return path


def _import(file: Path, target: str, *more: str) -> int:
    # An empty cache holds no model, so the lexical encoder embeds.
    cache = str(file.parent / "cache")
    return main(["content", "import", str(file), "--target", target, "--cache-dir", cache, *more])


def test_titles_are_published_once(
    file: Path, target: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _import(file, target, "--json") == 0
    assert json.loads(capsys.readouterr().out) == {
        "added": TITLES,
        "updated": 0,
        "unchanged": 0,
        "catalogue_version": 1,
        "model_version": "lexical-384-r1",
    }
    with file.open("a", encoding="utf-8") as more:
        more.write('{"content_id": "live:news", "title": "News", "kind": "live"}\n')
    assert _import(file, target) == 0
    assert capsys.readouterr().out == (
        f"catalogue 2: 1 titles added, 0 updated, {TITLES} unchanged (lexical-384-r1)\n"
    )
    assert _import(file, target) == 0
    assert f"catalogue 2: 0 titles added, 0 updated, {TITLES + 1} unchanged" in (
        capsys.readouterr().out
    )
    with ConstellationClient(target) as client:
        assert client.get_cluster_status().contents == TITLES + 1


def test_a_bad_line_is_refused_before_anything_is_sent(
    file: Path, target: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with file.open("a", encoding="utf-8") as more:
        more.write('{"content_id": "a b", "title": "A", "kind": "movie"}\n')
    assert _import(file, target) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"omega: titles.jsonl:{TITLES + 1}.content_id must be 1 to 128")
    with ConstellationClient(target) as client:
        assert client.get_cluster_status().contents == 0


def test_a_constellation_that_is_away_is_said_to_be(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _import(file, "127.0.0.1:1") == 1
    assert "omega: UNAVAILABLE" in capsys.readouterr().err
